import { describeCompliance } from 'bpflow/testing';
import spec from './index.ts';

describeCompliance(spec, {
  config: { verbosity: 'detailed' },
  badConfig: [{ verbosity: 'loud' }, { sampling_initial: 'x' }],
});
