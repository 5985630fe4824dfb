import { defineExporter } from 'bpflow/sdk';
import { otlpHttpConfig } from './config.ts';
import { createOtlpHttpExporter } from './exporter.ts';

export default defineExporter({
  type: 'otlp_http',
  deprecatedAliases: ['otlphttp'],
  stability: 'beta',
  description: 'Sends metrics, logs, traces and profiles by OTLP over HTTP, with a queue and retries.',
  config: otlpHttpConfig,
  consumes: ['metrics', 'logs', 'traces', 'profiles'],
  create: createOtlpHttpExporter,
});
