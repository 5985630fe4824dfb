import { defineProcessor } from 'bpflow/sdk';
import { probabilisticSamplerConfig } from './config.ts';
import { createProbabilisticSampler } from './processor.ts';

export default defineProcessor({
  type: 'probabilistic_sampler',
  stability: 'beta',
  description: 'Keeps a share of spans and log records, by their trace id or an attribute.',
  config: probabilisticSamplerConfig,
  consumes: ['logs', 'traces'],
  create: createProbabilisticSampler,
});
