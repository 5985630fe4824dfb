import { defineExporter } from 'bpflow/sdk';
import { capabilitiesToWrite } from 'bpflow/transport';
import { fileConfig } from './config.ts';
import { createMessageExporter } from './exporter.ts';
import { createPageExporter } from './page-exporter.ts';

export default defineExporter({
  type: 'file',
  stability: 'beta',
  exclusive: true,
  description: 'Writes metrics, logs, traces and profiles to a file as OTLP, or metrics as Prometheus text.',
  config: fileConfig,
  consumes: ['metrics', 'logs', 'traces', 'profiles'],
  capabilities: ({ path }) => capabilitiesToWrite(path.split('*')[0]!),
  create: (config, scope) =>
    config.format === 'prometheus' ? createPageExporter(config, scope) : createMessageExporter(config, scope),
});
