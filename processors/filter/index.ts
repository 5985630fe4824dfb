import { defineProcessor } from 'bpflow/sdk';
import { filterConfig } from './config.ts';
import { createFilterProcessor } from './processor.ts';

export default defineProcessor({
  type: 'filter',
  stability: 'beta',
  description: 'Drops data points, log records and spans by name, severity, attributes and resource.',
  config: filterConfig,
  consumes: ['metrics', 'logs', 'traces'],
  create: createFilterProcessor,
});
