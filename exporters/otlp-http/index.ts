import { defineExporter } from 'bpflow/sdk';
import { otlpHttpConfig } from './config.ts';
import { createOtlpHttpExporter } from './exporter.ts';

export default defineExporter({
  type: 'otlp_http',
  deprecatedAliases: ['otlphttp'],
  stability: 'beta',
  description: 'Sends metrics, logs and traces by OTLP over HTTP, with a queue and retries.',
  config: otlpHttpConfig,
  consumes: ['metrics', 'logs', 'traces'],
  create: createOtlpHttpExporter,
});
