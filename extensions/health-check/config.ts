import { duration, endpoint, z } from 'bpflow/sdk';

/** Configuration of the `health_check` extension, with the Collector's keys. */
export const healthCheckConfig = z.strictObject({
  endpoint: endpoint()
    .prefault('localhost:13133')
    .describe('Address that answers health checks. Only this machine can reach the default.'),
  path: z
    .string()
    .regex(/^\//, 'must begin with a slash')
    .default('/')
    .describe('The default / answers on every path; any other path answers on that path only.'),
  response_body: z
    .strictObject({
      healthy: z.string().default('').describe('Body while the agent is ready.'),
      unhealthy: z.string().default('').describe('Body while it is not.'),
    })
    .optional()
    .describe('Replaces the JSON answer by fixed texts.'),
  check_collector_pipeline: z
    .strictObject({
      enabled: z.boolean().default(false).describe('Has no effect, as in the Collector.'),
      interval: duration().prefault('5m').describe('Has no effect, as in the Collector.'),
      exporter_failure_threshold: z.int().min(0).default(5).describe('Has no effect, as in the Collector.'),
    })
    .optional()
    .describe('Accepted as in the Collector, where it has no effect either.'),
});

export type HealthCheckConfig = z.output<typeof healthCheckConfig>;
