import { join } from 'node:path';
import { defineExtension } from 'bpflow/sdk';
import { capabilitiesToWrite } from 'bpflow/transport';
import { fileStorageConfig } from './config.ts';
import { createFileStorage } from './file-storage.ts';

export default defineExtension({
  type: 'file_storage',
  stability: 'beta',
  description: 'Keeps queues and cursors in files, so that they outlive the agent.',
  config: fileStorageConfig,
  capabilities: ({ directory }) => capabilitiesToWrite(join(directory, 'any')),
  create: createFileStorage,
});
