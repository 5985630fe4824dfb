import { defineExporter } from 'bpflow/sdk';
import { prometheusConfig } from './config.ts';
import { createPrometheusExporter } from './exporter.ts';

export default defineExporter({
  type: 'prometheus',
  stability: 'beta',
  description: 'Serves metrics as a page that Prometheus scrapes.',
  config: prometheusConfig,
  consumes: ['metrics'],
  create: createPrometheusExporter,
});
