import { defineExporter } from 'bpflow/sdk';
import { otlpGrpcConfig } from './config.ts';
import { createOtlpGrpcExporter } from './exporter.ts';

export default defineExporter({
  type: 'otlp_grpc',
  deprecatedAliases: ['otlp'],
  stability: 'beta',
  description: 'Sends metrics, logs, traces and profiles by OTLP over gRPC, with a queue and retries.',
  config: otlpGrpcConfig,
  consumes: ['metrics', 'logs', 'traces', 'profiles'],
  create: createOtlpGrpcExporter,
});
