import { defineProcessor } from 'bpflow/sdk';
import { batchConfig } from './config.ts';
import { createBatchProcessor } from './processor.ts';

export default defineProcessor({
  type: 'batch',
  stability: 'beta',
  description: 'Gathers data points, log records and spans into larger batches.',
  config: batchConfig,
  consumes: ['metrics', 'logs', 'traces'],
  create: createBatchProcessor,
});
