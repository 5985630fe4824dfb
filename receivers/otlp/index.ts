import { defineReceiver } from 'bpflow/sdk';
import { otlpConfig } from './config.ts';
import { createOtlpReceiver } from './receiver.ts';

export default defineReceiver({
  type: 'otlp',
  stability: 'beta',
  description:
    'Metrics, logs, traces and profiles that others send over OTLP: gRPC, HTTP with protobuf, HTTP with JSON.',
  config: otlpConfig,
  produces: ['metrics', 'logs', 'traces', 'profiles'],
  create: createOtlpReceiver,
});
