import { defineProcessor } from 'bpflow/sdk';
import { cardinalityLimitConfig } from './config.ts';
import { createCardinalityLimit } from './processor.ts';

export default defineProcessor({
  type: 'cardinality_limit',
  stability: 'beta',
  description: 'Bounds the number of series by folding those that find no room into others; no count is lost.',
  config: cardinalityLimitConfig,
  consumes: ['metrics', 'logs', 'traces'],
  wants: 'delta',
  create: createCardinalityLimit,
});
