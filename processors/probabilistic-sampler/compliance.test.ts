import { describeCompliance } from 'bpflow/testing';
import spec from './index.ts';

describeCompliance(spec, {
  config: { sampling_percentage: 50, fail_closed: false },
  badConfig: [
    { sampling_percentage: -1 },
    { sampling_percentage: 1e-20 },
    { sampling_precision: 0 },
    { sampling_precision: 15 },
    { mode: 'random' },
    { attribute_source: 'traceid' },
    { hash_seed: 4294967296 },
  ],
});
