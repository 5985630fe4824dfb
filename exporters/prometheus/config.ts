import { duration, endpoint, z } from 'bpflow/sdk';
import { httpServerFields } from 'bpflow/transport/listening';

const { tls, auth, response_headers, keep_alives_enabled, max_request_body_size, include_metadata } =
  httpServerFields();

/** Configuration of the `prometheus` exporter: the Collector's keys, and a few of our own. */
export const prometheusConfig = z.strictObject({
  endpoint: endpoint()
    .prefault('127.0.0.1:9464')
    .describe('Address that serves /metrics. Only this machine can reach the default; 0.0.0.0:9464 is open to all.'),
  collect: z
    .enum(['on_scrape', 'interval'])
    .default('on_scrape')
    .describe(
      'on_scrape: a scrape makes the receivers collect, so that it shows data at most a second old. interval: it shows what has come by itself.',
    ),
  names: z
    .enum(['seed', 'otel'])
    .optional()
    .describe(
      "Names and units of the agent's own metrics: seed is the short profile (ebpf_syscall_count), otel the translated OpenTelemetry names (ebpf_syscall_count_total). Default: seed, or otel when translation_strategy is set.",
    ),
  translation_strategy: z
    .enum([
      'UnderscoreEscapingWithSuffixes',
      'UnderscoreEscapingWithoutSuffixes',
      'NoUTF8EscapingWithSuffixes',
      'NoTranslation',
    ])
    .optional()
    .describe(
      'How OpenTelemetry names become Prometheus names. Default for foreign metrics: UnderscoreEscapingWithSuffixes.',
    ),
  namespace: z.string().default('').describe('Prefix of every metric name, with an underscore between.'),
  const_labels: z
    .record(z.string(), z.string())
    .default({})
    .describe('Labels on every series except target_info, by name.'),
  metric_expiration: duration()
    .refine((ms) => ms > 0, 'must be greater than 0')
    .prefault('5m')
    .describe('A series that gets no update for so long leaves the page.'),
  enable_open_metrics: z
    .boolean()
    .default(false)
    .describe('Answer in OpenMetrics when the scraper asks for it; counters then end in _total.'),
  add_metric_suffixes: z
    .boolean()
    .default(true)
    .describe('Accepted as in the Collector, which ignores it: use translation_strategy.'),
  resource_to_telemetry_conversion: z
    .strictObject({
      enabled: z.boolean().default(false).describe('Whether every resource attribute becomes a label.'),
    })
    .prefault({})
    .describe('Resource attributes as labels; there is no target_info then.'),
  target_info: z
    .boolean()
    .default(true)
    .describe('Whether foreign resources appear as target_info, one series for each job and instance.'),
  send_timestamps: z
    .boolean()
    .default(false)
    .describe(
      'Whether each value carries the time at which it was measured. Prometheus then keeps no staleness marks.',
    ),
  max_series: z
    .int()
    .min(1)
    .default(1_000_000)
    .describe(
      'Series that may be on the page. A tenth of them is kept for series that others are folded into when there is no room.',
    ),
  tls: tls.describe('TLS, and which clients are let in. Default: plain HTTP.'),
  auth: auth.describe('Which extension decides who may scrape.'),
  response_headers,
  max_connections: z
    .int()
    .min(1)
    .default(512)
    .describe('Connections that may be open at a time. At that many, idle ones are closed to let a new one in.'),
  read_header_timeout: duration().prefault('10s').describe('A request must be complete by then. 0 is no limit.'),
  write_timeout: duration().prefault('30s').describe('A page must have been read by then. 0 is no limit.'),
  idle_timeout: duration()
    .prefault('125s')
    .describe('A connection without requests is closed after this; longer than usual scrape intervals. 0 is no limit.'),
  keep_alives_enabled,
  read_timeout: duration().optional().describe('Accepted as in the Collector: requests for the page have no body.'),
  max_request_body_size: max_request_body_size.describe('Accepted as in the Collector: bodies are never read.'),
  include_metadata,
  without_scope_info: z.boolean().default(false).describe('Leave the otel_scope_… labels off foreign series.'),
});

export type PrometheusConfig = z.output<typeof prometheusConfig>;
