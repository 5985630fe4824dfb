import { duration, secret, z } from 'bpflow/sdk';
import {
  authSettings,
  headersSettings,
  ownMetricsSettings,
  retrySettings,
  sendingQueueSettings,
  timeoutSettings,
  tlsClientSettings,
} from 'bpflow/transport';
import { endpointProblem } from './urls.ts';

const LEVELS = {
  gzip: [1, 9],
  zlib: [1, 9],
  deflate: [1, 9],
  zstd: [1, 22],
  snappy: [0, 0],
  'x-snappy-framed': [0, 0],
  none: [1, 22],
} as const;

/** Configuration of the `otlp_http` exporter: the Collector's keys and defaults, and `names` and `temporality` of our own. */
export const otlpHttpConfig = z
  .strictObject({
    endpoint: url().describe(
      'Base of the URLs: http://localhost:4318 sends metrics to http://localhost:4318/v1/metrics.',
    ),
    metrics_endpoint: url().describe('Whole URL for metrics, in place of that below endpoint.'),
    logs_endpoint: url().describe('Whole URL for logs.'),
    traces_endpoint: url().describe('Whole URL for traces.'),
    profiles_endpoint: url().describe('Whole URL for profiles.'),
    encoding: z
      .enum(['proto', 'json'], {
        error: ({ input }) => `invalid encoding type: ${JSON.stringify(input)}; use proto or json`,
      })
      .default('proto')
      .describe('How requests are written.'),
    tls: tlsClientSettings().describe("TLS of https:// connections. Absent: with the machine's authorities."),
    headers: headersSettings().describe('Sent with each request, for example for authorization.'),
    compression: z
      .enum(['gzip', 'zstd', 'zlib', 'deflate', 'snappy', 'x-snappy-framed', 'none', ''], {
        error: ({ input }) =>
          input === 'lz4'
            ? 'compression "lz4" is not supported; use snappy or zstd'
            : `unsupported compression type ${JSON.stringify(input)}; use gzip, zstd, zlib, deflate, snappy, x-snappy-framed or none`,
      })
      .default('gzip')
      .transform((compression) => (compression === '' ? 'none' : compression))
      .describe(
        'How bodies are compressed: gzip, zstd (faster and smaller), zlib, deflate, snappy (fast), x-snappy-framed or none.',
      ),
    compression_params: z
      .strictObject({
        level: z
          .int()
          .default(0)
          .describe('From fast (1) to small: 9, with zstd 22. 0 and -1 mean the default, which is 1.'),
      })
      .prefault({})
      .describe('How compression works.'),
    timeout: timeoutSettings('30s'),
    proxy_url: secret()
      .min(1)
      .refine(
        (text) => /^https?:\/\/[^/]/.test(text) && URL.canParse(text),
        'proxy_url must be a URL with http:// or https://',
      )
      .optional()
      .describe('HTTP proxy that requests go through. Default: that of HTTP_PROXY, HTTPS_PROXY and NO_PROXY.'),
    auth: authSettings().describe('Extension that gives the credentials of requests.'),
    max_idle_conns: z.int().default(100).describe('Unused connections that are kept. 0: no limit. Less: none is kept.'),
    max_idle_conns_per_host: z
      .int()
      .default(0)
      .describe('The same for each host. 0: the limit of max_idle_conns. Less: none is kept.'),
    max_conns_per_host: z.int().default(0).describe('Connections to a host at a time. 0 or less: no limit.'),
    idle_conn_timeout: duration().prefault('90s').describe('An unused connection is closed after this. 0: never.'),
    disable_keep_alives: z.boolean().default(false).describe('Whether each request gets a connection of its own.'),
    read_buffer_size: z.int().min(0).default(0).describe('Accepted as in the Collector; has no effect.'),
    write_buffer_size: z.int().min(0).default(524288).describe('Accepted as in the Collector; has no effect.'),
    force_attempt_http2: z
      .boolean()
      .default(true)
      .describe('Accepted as in the Collector; requests are sent by HTTP/1.1.'),
    http2_read_idle_timeout: duration().prefault('0s').describe('Accepted as in the Collector; has no effect.'),
    http2_ping_timeout: duration().prefault('0s').describe('Accepted as in the Collector; has no effect.'),
    cookies: z
      .strictObject({
        enabled: z
          .literal(false, { error: 'cookies are not supported; leave them out' })
          .default(false)
          .describe('Must not be true: cookies are not supported.'),
      })
      .optional()
      .describe('Accepted as in the Collector, switched off.'),
    ...ownMetricsSettings(),
    retry_on_failure: retrySettings().describe('How what failed for now is sent again.'),
    sending_queue: sendingQueueSettings().describe('Where requests wait.'),
  })
  .superRefine((config, context) => {
    const { endpoint, metrics_endpoint, logs_endpoint, traces_endpoint, profiles_endpoint } = config;
    if (!endpoint && !metrics_endpoint && !logs_endpoint && !traces_endpoint && !profiles_endpoint) {
      context.addIssue({ code: 'custom', message: 'at least one endpoint must be specified' });
    }
    const { compression } = config;
    const { level } = config.compression_params;
    const [least, most] = LEVELS[compression];
    if (level === 0 || level === -1 || (level >= least && level <= most)) return;
    const instead = most === 0 ? 'it has none' : `use ${least} to ${most}`;
    const message = `unsupported compression level ${level} of ${compression}; ${instead}`;
    context.addIssue({ code: 'custom', path: ['compression_params', 'level'], message });
  });

export type OtlpHttpConfig = z.output<typeof otlpHttpConfig>;

function url() {
  return z
    .string()
    .superRefine((endpoint, context) => {
      const problem = endpoint === '' ? undefined : endpointProblem(endpoint);
      if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
    })
    .optional();
}
