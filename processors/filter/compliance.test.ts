import { describeCompliance } from 'bpflow/testing';
import spec from './index.ts';

describeCompliance(spec, {
  config: { metrics: { exclude: { match_type: 'glob', metric_names: ['http.dur*'] } } },
  badConfig: [
    { metrics: { include: { match_type: 'expr', expressions: ['true'] } } },
    { metrics: { metric: ['name == "x"'] } },
    { logs: { include: { match_type: 'strict', severity_number: { min: 'LOUD' } } } },
    { rules: [{ name: 'a', min_severity: 'LOUD' }] },
    { rules: [{ name: 'a', process_regex: '(' }] },
    { rules: [{ name: 'a', ports: [65536] }] },
  ],
});
