import { describeCompliance } from 'bpflow/testing';
import spec from './index.ts';

describeCompliance(spec, {
  config: { actions: [{ key: 'environment', value: 'production', action: 'insert' }] },
  badConfig: [{}, { actions: [] }, { actions: [{ key: 'a', action: 'rename' }] }, { actions: [{ action: 'delete' }] }],
});
