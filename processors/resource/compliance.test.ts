import { describeCompliance } from 'bpflow/testing';
import spec from './index.ts';

describeCompliance(spec, {
  config: { attributes: [{ key: 'environment', value: 'production', action: 'upsert' }] },
  badConfig: [{}, { attributes: [] }, { attributes: [{ key: 'a', action: 'insert' }] }],
});
