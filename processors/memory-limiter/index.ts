import { defineProcessor } from 'bpflow/sdk';
import { memoryLimiterConfig } from './config.ts';
import { createMemoryLimiter } from './processor.ts';

export default defineProcessor({
  type: 'memory_limiter',
  stability: 'beta',
  description: 'Refuses data while the process uses too much memory, so that senders keep it.',
  config: memoryLimiterConfig,
  consumes: ['metrics', 'logs', 'traces', 'profiles'],
  create: createMemoryLimiter,
});
