import { describeCompliance } from 'bpflow/testing';
import spec from './index.ts';

const badConfig = [
  {},
  { adaptive: {}, rate_limit: {} },
  { adaptive: { base_rate: 0 } },
  { adaptive: { base_rate: 10 } },
  { rate_limit: { limit: 0 } },
  { rules: [{ name: 'a' }] },
  { rules: [{ name: 'a', adaptive: {}, rate_limit: {} }] },
  {
    rules: [
      { name: 'a', adaptive: {} },
      { name: 'a', adaptive: {} },
    ],
  },
  { tail: { policies: [{ name: 'a', type: 'and' }] } },
  {
    tail: {
      policies: [
        {
          name: 'a',
          type: 'string_attribute',
          string_attribute: { key: 'k', values: ['('], enabled_regex_matching: true },
        },
      ],
    },
  },
];

describeCompliance(spec, { config: { rate_limit: { limit: 1, burst: 1 }, keep: { errors: false } }, badConfig });
describeCompliance(spec, { config: { adaptive: { base_rate: 0.01 }, keep: { first_seen: { max_keys: 0 } } } });
describeCompliance(spec, {
  config: {
    keep: { errors: false, first_seen: { max_keys: 0 } },
    tail: { policies: [{ name: 'half', type: 'probabilistic', probabilistic: { sampling_percentage: 50 } }] },
  },
});
