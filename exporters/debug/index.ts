import { defineExporter } from 'bpflow/sdk';
import { debugConfig } from './config.ts';
import { createDebugExporter } from './exporter.ts';

export default defineExporter({
  type: 'debug',
  stability: 'beta',
  description: 'Shows what arrives, on the log or on standard output.',
  config: debugConfig,
  consumes: ['metrics', 'logs', 'traces', 'profiles'],
  create: (config, scope) => createDebugExporter(config, scope),
});
