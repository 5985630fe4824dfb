import { duration, z } from 'bpflow/sdk';
import {
  authSettings,
  headersSettings,
  ownMetricsSettings,
  retrySettings,
  sendingQueueSettings,
  timeoutSettings,
  tlsClientSettings,
} from 'bpflow/transport';
import { grpcTarget } from './endpoint.ts';

const NO_ENDPOINT = 'requires a non-empty "endpoint"';

const keepalive = z
  .strictObject({
    time: duration()
      .prefault('10s')
      .describe('A connection that is silent so long is asked for a sign of life. At least 10s.'),
    timeout: duration().prefault('10s').describe('It is closed when none comes within this.'),
    permit_without_stream: z.boolean().default(false).describe('Whether to ask while nothing is being sent.'),
  })
  .nullable()
  .prefault({});

/** Configuration of the `otlp_grpc` exporter: the Collector's keys and defaults, and `names` and `temporality` of our own. */
export const otlpGrpcConfig = z.strictObject({
  endpoint: z
    .string({ error: ({ input }) => (input == null ? NO_ENDPOINT : 'expected an address such as localhost:4317') })
    .superRefine((endpoint, context) => {
      try {
        grpcTarget(endpoint);
      } catch (thrown) {
        context.addIssue({ code: 'custom', message: (thrown as RangeError).message });
      }
    })
    .describe('Where to send: host:port, also as https://host:port, dns:///host:port, or unix:///path of a socket.'),
  tls: tlsClientSettings().describe("TLS of the connection. Absent: with the machine's authorities."),
  headers: headersSettings().describe('Sent with each request, for example for authorization.'),
  compression: z
    .enum(['gzip', 'zstd', 'snappy', 'none', ''], {
      error: ({ input }) => `unsupported compression type ${JSON.stringify(input)}; use gzip, zstd, snappy or none`,
    })
    .default('gzip')
    .transform((compression) => (compression === '' ? 'none' : compression))
    .describe('How requests are compressed: gzip, zstd (faster and smaller), snappy (fast) or none.'),
  timeout: timeoutSettings('5s'),
  balancer_name: z
    .enum(['round_robin', 'pick_first'], {
      error: ({ input }) => `invalid balancer_name: ${JSON.stringify(input)}; use round_robin or pick_first`,
    })
    .default('round_robin')
    .describe('Which of several addresses of the endpoint get requests: all by turns, or the first that answers.'),
  keepalive: keepalive.describe('How a connection is found to be dead.'),
  authority: z.string().min(1).optional().describe("The :authority of requests, in place of the endpoint's host."),
  wait_for_ready: z
    .boolean()
    .default(false)
    .describe('Whether requests wait for a connection, up to the timeout, instead of failing at once.'),
  auth: authSettings().describe('Extension that gives the credentials of requests.'),
  read_buffer_size: z.int().min(0).default(0).describe('Accepted as in the Collector; has no effect.'),
  write_buffer_size: z.int().min(0).default(524288).describe('Accepted as in the Collector; has no effect.'),
  ...ownMetricsSettings(),
  retry_on_failure: retrySettings().describe('How what failed for now is sent again.'),
  sending_queue: sendingQueueSettings().describe('Where requests wait.'),
});

export type OtlpGrpcConfig = z.output<typeof otlpGrpcConfig>;
