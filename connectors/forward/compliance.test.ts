import { describeCompliance } from 'bpflow/testing';
import spec from './index.ts';

describeCompliance(spec, { badConfig: [{ to: 'metrics' }] });
