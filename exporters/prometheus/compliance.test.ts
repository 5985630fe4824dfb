import { describeCompliance, sampleBatch } from 'bpflow/testing';
import spec from './index.ts';

describeCompliance(spec, {
  config: { endpoint: '127.0.0.1:0' },
  badConfig: [
    { endpoint: 'localhost' },
    { metric_expiration: '0s' },
    { translation_strategy: 'SomeTranslation' },
    { send_timestamps: 'yes' },
    { max_series: 0 },
    { tls: {} },
    { auth: {} },
    { const_labels: { a: 1 } },
  ],
  batches: { metrics: [0, 1, 2].map((interval) => sampleBatch('metrics', { interval, temporality: 'cumulative' })) },
});
