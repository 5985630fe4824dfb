import { z } from 'zod';
import { duration, secret } from '../../sdk/config-types.ts';

const attribute = z.union([z.string(), z.number(), z.boolean(), z.null()]);

const otlp = z.strictObject({
  protocol: z.enum(['http/protobuf']).default('http/protobuf').describe('How it is sent.'),
  endpoint: z
    .url({ error: 'expected a URL such as http://localhost:4318' })
    .describe('Where to: the base URL, or the one of /v1/metrics.'),
  headers: z
    .union([z.record(z.string(), secret()), z.array(z.strictObject({ name: z.string(), value: secret() }))])
    .transform((headers) =>
      Array.isArray(headers) ? Object.fromEntries(headers.map(({ name, value }) => [name, value])) : headers,
    )
    .prefault({})
    .describe('HTTP headers, as a map or as a list of name and value.'),
  temporality_preference: z.enum(['cumulative', 'delta']).default('cumulative').describe('Temporality of counters.'),
});

const reader = z.union(
  [
    z.strictObject({
      pull: z.strictObject({
        exporter: z.strictObject({
          prometheus: z
            .strictObject({
              host: z.string().default('localhost').describe('Address of the page.'),
              port: z.int().min(0).max(65_535).default(8888).describe('Port of the page; 0 lets the system choose.'),
              without_scope_info: z.boolean().optional().describe('Accepted; the page has no scope labels.'),
              without_type_suffix: z.boolean().optional().describe('Accepted; the page has no type suffixes.'),
              without_units: z.boolean().optional().describe('Accepted; the page has no unit suffixes.'),
              with_resource_constant_labels: z
                .unknown()
                .optional()
                .describe('Accepted; the resource is in target_info.'),
            })
            .describe('A Prometheus page.'),
        }),
      }),
    }),
    z.strictObject({
      periodic: z.strictObject({
        interval: millisecondsOrDuration()
          .prefault('60s')
          .describe('Between two exports; a bare number is milliseconds.'),
        timeout: millisecondsOrDuration().prefault('30s').describe('Of one export; a bare number is milliseconds.'),
        exporter: z.strictObject({ otlp: otlp.describe('OTLP over HTTP.') }),
      }),
    }),
  ],
  { error: 'expected a reader: pull: { exporter: { prometheus: … } } or periodic: { exporter: { otlp: … } }' },
);

export type Reader = z.output<typeof reader>;

/** Everything of `service` but its pipelines and extensions, which refer to components. */
export const serviceSchema = z.strictObject({
  telemetry: z
    .strictObject({
      logs: z
        .strictObject({
          level: z
            .string()
            .transform((level) => level.toLowerCase())
            .pipe(z.enum(['debug', 'info', 'warn', 'error']))
            .prefault('info')
            .describe('Least important lines to print.'),
          encoding: z.enum(['console', 'json']).default('console').describe('Form of a line.'),
        })
        .prefault({})
        .describe("The agent's own log, on standard error."),
      metrics: z
        .strictObject({
          level: z
            .string()
            .transform((level) => level.toLowerCase())
            .pipe(z.enum(['none', 'basic', 'normal', 'detailed']))
            .prefault('normal')
            .describe('How much the agent tells of itself.'),
          readers: z
            .array(reader)
            .prefault([{ pull: { exporter: { prometheus: {} } } }])
            .describe('Where its metrics go; a page at localhost:8888 by default.'),
        })
        .prefault({})
        .describe("The agent's own metrics."),
      resource: z
        .record(z.string(), attribute)
        .default({})
        .describe('Attributes of its own telemetry; null removes one.'),
    })
    .prefault({})
    .describe('What the agent tells of itself.'),
  admin: z
    .strictObject({
      endpoint: z
        .string()
        .min(1)
        .default('/run/bpflow/bpflow.sock')
        .describe('Path of the unix socket that answers bpflow commands; none for no socket.'),
    })
    .prefault({})
    .describe('The admin socket.'),
  shutdown_timeout: duration().prefault('10s').describe('How long stopping may take.'),
});

export type ServiceConfig = z.output<typeof serviceSchema>;

/** The Collector's own telemetry writes milliseconds as bare numbers. Becomes milliseconds. */
function millisecondsOrDuration() {
  return z.union([z.int().min(1), duration()]);
}
