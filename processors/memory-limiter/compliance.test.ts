import { describeCompliance } from 'bpflow/testing';
import spec from './index.ts';

describeCompliance(spec, {
  config: { check_interval: '1s', limit_mib: 100_000, spike_limit_mib: 1 },
  badConfig: [
    {},
    { check_interval: '1s' },
    { check_interval: '1s', limit_mib: 10, spike_limit_mib: 10 },
    { limit_percentage: 101 },
  ],
});
