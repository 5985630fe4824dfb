import { defineProcessor } from 'bpflow/sdk';
import { samplingConfig } from './config.ts';
import { createSamplingProcessor } from './processor.ts';

export default defineProcessor({
  type: 'sampling',
  stability: 'alpha',
  description: 'Keeps errors, what is new, and a share, a rate or whole traces of the rest, with honest totals.',
  config: samplingConfig,
  consumes: ['metrics', 'logs', 'traces'],
  create: createSamplingProcessor,
});
