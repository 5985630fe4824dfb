import { defineProcessor } from 'bpflow/sdk';
import { attributesConfig } from './config.ts';
import { createAttributesProcessor } from './processor.ts';

export default defineProcessor({
  type: 'attributes',
  stability: 'beta',
  description: 'Sets, deletes, hashes, extracts and converts attributes of data points, log records and spans.',
  config: attributesConfig,
  consumes: ['metrics', 'logs', 'traces'],
  create: createAttributesProcessor,
});
