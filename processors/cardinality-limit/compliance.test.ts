import { describeCompliance } from 'bpflow/testing';
import spec from './index.ts';

describeCompliance(spec, {
  config: {
    max_series: 3,
    limits: [{ metric: 'http.*', max_series: 2, attributes: { 'http.request.method': 1 } }],
    logs: { attributes: { port: 0 } },
  },
  badConfig: [
    { max_series: 0 },
    { idle_timeout: '0s' },
    { limits: [{ max_series: 1 }] },
    { limits: [{ metric: 'x', attributes: { a: 'keep' } }] },
    { limits: [{ metric: 'x', attributes: { a: {} } }] },
    { limits: [{ metric: 'x', attributes: { a: { regex: '(' } } }] },
    { limits: [{ metric: 'x', attributes: { a: { buckets: [2, 1] } } }] },
    { limits: [{ metric: 'x', attributes: { a: { buckets: [1], routes: 'auto' } } }] },
  ],
});
