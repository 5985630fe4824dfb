import { describeCompliance } from 'bpflow/testing';
import spec from './index.ts';

describeCompliance(spec, {
  config: { send_batch_size: 5, send_batch_max_size: 5 },
  badConfig: [{ timeout: '5 parsecs' }, { send_batch_size: -1 }, { send_batch_size: 10, send_batch_max_size: 5 }],
});
