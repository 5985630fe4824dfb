import { defineExtension } from 'bpflow/sdk';
import { healthCheckConfig } from './config.ts';
import { createHealthCheck } from './health-check.ts';

export default defineExtension({
  type: 'health_check',
  stability: 'beta',
  description: 'Tells over HTTP whether the agent is ready.',
  config: healthCheckConfig,
  create: createHealthCheck,
});
