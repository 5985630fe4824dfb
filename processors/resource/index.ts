import { defineProcessor } from 'bpflow/sdk';
import { resourceConfig } from './config.ts';
import { createResourceProcessor } from './processor.ts';

export default defineProcessor({
  type: 'resource',
  stability: 'beta',
  description: 'Sets, deletes, hashes, extracts and converts attributes of resources.',
  config: resourceConfig,
  consumes: ['metrics', 'logs', 'traces'],
  create: createResourceProcessor,
});
