import { defineExtension } from 'bpflow/sdk';
import { zpagesConfig } from './config.ts';
import { createZpages } from './zpages.ts';

export default defineExtension({
  type: 'zpages',
  stability: 'beta',
  description: 'Pages for a browser: pipelines, components, queues, the ledger, profiles.',
  config: zpagesConfig,
  create: createZpages,
});
