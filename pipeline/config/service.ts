import { z } from 'zod';
import { duration, endpoint, secret } from '../../sdk/config-types.ts';
import { CAPABILITIES } from './capability-names.ts';

const attributeValue = z.union([z.string(), z.number(), z.boolean(), z.null()]);

/** As a map, or as the Collector prints it: a list of names and values. */
const headers = z
  .union([z.record(z.string(), secret()), z.array(z.strictObject({ name: z.string().min(1), value: secret() }))])
  .transform((written) => {
    const pairs = Array.isArray(written)
      ? written.map(({ name, value }) => [name, value] as const)
      : Object.entries(written);
    return Object.fromEntries(pairs);
  });

const otlpExporter = z.strictObject({
  protocol: z
    .literal('http/protobuf', { error: 'must be http/protobuf: the agent itself is told by no other protocol' })
    .default('http/protobuf')
    .describe('How metrics are sent.'),
  endpoint: z
    .url({ protocol: /^https?$/, error: 'expected a URL such as http://localhost:4318/v1/metrics' })
    .describe('Where metrics are sent: the whole URL, or the server alone, to whose path /v1/metrics is added.'),
  headers: headers.prefault({}).describe('Headers of each request, as a map or as a list of name and value.'),
  temporality_preference: z
    .enum(['cumulative', 'delta'])
    .default('cumulative')
    .describe('Whether counters are sent as totals or as differences.'),
});

const periodic = z.strictObject({
  interval: milliseconds().prefault(60_000).describe('Time between two pushes; a bare number is milliseconds.'),
  timeout: milliseconds().prefault(30_000).describe('How long one push may take; a bare number is milliseconds.'),
  exporter: z.strictObject({ otlp: otlpExporter }).describe('What pushes.'),
});

export type PeriodicReader = z.output<typeof periodic>;

const pull = z.strictObject({
  exporter: z
    .strictObject({
      prometheus: z.strictObject({
        host: z.string().default('localhost').describe('Name or address to listen on.'),
        port: z.int().min(0).max(65535).default(8888).describe('Port to listen on; 0 lets the system choose.'),
        without_scope_info: onlyTrue('there are no otel_scope labels on this page'),
        without_units: onlyTrue('names on this page carry no units'),
        without_type_suffix: onlyTrue('counters on this page do not end in _total'),
      }),
    })
    .describe('What serves the page.'),
});

export type PullReader = z.output<typeof pull>;

const reader = z
  .strictObject({
    pull: pull.optional().describe('A page that is scraped.'),
    periodic: periodic.optional().describe('A push from time to time.'),
  })
  .transform((written, context): { readonly pull: PullReader } | { readonly periodic: PeriodicReader } => {
    const { pull, periodic } = written;
    if (pull !== undefined && periodic === undefined) return { pull };
    if (periodic !== undefined && pull === undefined) return { periodic };
    context.issues.push({ code: 'custom', input: written, message: 'a reader is either pull or periodic' });
    return z.NEVER;
  });

const DEFAULT_READER = { pull: { exporter: { prometheus: {} } } };

/** How the agent tells of itself. */
export const telemetrySchema = z.strictObject({
  logs: z
    .strictObject({
      level: z
        .enum(['debug', 'info', 'warn', 'error'])
        .default('info')
        .describe('The least important records that are written.'),
      encoding: z.enum(['console', 'json']).default('console').describe('Lines for people, or one JSON object a line.'),
      output_paths: z
        .array(z.enum(['stderr', 'stdout'], { error: 'must be stderr or stdout: logs are written nowhere else' }))
        .default(['stderr'])
        .describe('Where logs go.'),
      initial_fields: z.record(z.string(), z.json()).optional().describe('Fields that every record gets.'),
      ...unusedLogKeys(),
    })
    .prefault({})
    .describe('Logs of the agent itself.'),
  metrics: z
    .strictObject({
      level: z
        .enum(['none', 'basic', 'normal', 'detailed'])
        .default('normal')
        .describe('How much is told; none: nothing.'),
      readers: z
        .array(reader)
        .prefault([DEFAULT_READER])
        .describe('Pages that are scraped and receivers that are pushed to.'),
      address: endpoint().optional().describe('The old form of one pull reader; write readers instead.'),
    })
    .transform((written, context) => {
      const { level, readers, address } = written;
      if (address === undefined) return { level, readers };
      if (JSON.stringify(readers) === JSON.stringify([pullReader({})]))
        return { level, readers: [pullReader(address)] };
      const message = 'address is the old form of readers: keep only readers';
      context.issues.push({ code: 'custom', input: written, path: ['address'], message });
      return z.NEVER;
    })
    .prefault({})
    .describe('Metrics of the agent itself.'),
  traces: z
    .strictObject({
      level: z.enum(['none', 'basic', 'normal', 'detailed']).optional().describe('Accepted as in the Collector.'),
      propagators: z.array(z.string()).optional().describe('Accepted as in the Collector.'),
      processors: z
        .array(z.never({ error: 'the agent makes no traces of itself: leave out processors of traces' }))
        .optional()
        .describe('Must be empty.'),
    })
    .optional()
    .describe('Of traces: the agent makes none of itself.'),
  resource: z
    .record(z.string(), attributeValue)
    .default({})
    .describe('Attributes of the telemetry of the agent itself; null removes one.'),
});

const ids = z.array(z.string());

const capability = z
  .string()
  .transform((name) => name.toLowerCase().replace(/^(?!cap_)/, 'cap_'))
  .pipe(z.enum(CAPABILITIES, { error: 'is no capability; write it as in capabilities(7): cap_net_bind_service' }));

/** The section `service`. */
export const serviceSchema = z.strictObject({
  extensions: ids.default([]).describe('Extensions to start, in this order.'),
  pipelines: z
    .record(
      z.string(),
      z.strictObject({
        receivers: ids
          .default([])
          .describe('Where data comes from: receivers, and connectors that other pipelines feed.'),
        processors: ids.default([]).describe("What it goes through, in the data's order."),
        exporters: ids.default([]).describe('Where it goes, to each: exporters, and connectors to other pipelines.'),
      }),
    )
    .default({})
    .describe('Pipelines by id: metrics, logs or traces, with /name for further ones.'),
  telemetry: telemetrySchema.prefault({}).describe('What the agent tells of itself.'),
  admin: z
    .strictObject({
      endpoint: z
        .string()
        .min(1)
        .default('/run/bpflow/bpflow.sock')
        .describe('Path of the unix socket that `bpflow` commands ask; none switches it off.'),
    })
    .prefault({})
    .describe('How commands reach the running agent.'),
  keep_capabilities: z
    .union([z.literal('all'), z.array(capability)])
    .default([])
    .describe(
      'Capabilities that an agent with the kernel half keeps after its start, beside those that its components need; all: every one.',
    ),
  shutdown_timeout: duration()
    .prefault('10s')
    .describe('How long stopping may take; what is not delivered by then is lost.'),
});

export type ServiceConfig = z.output<typeof serviceSchema>;

/** Keys of the Collector's logger whose absence here nobody would notice. */
function unusedLogKeys() {
  const accepted = 'Accepted as in the Collector; has no effect.';
  return {
    development: z.boolean().optional().describe(accepted),
    disable_caller: z.boolean().optional().describe(accepted),
    disable_stacktrace: z.boolean().optional().describe(accepted),
    error_output_paths: z.array(z.string()).optional().describe(accepted),
    sampling: z
      .strictObject({
        enabled: z.boolean().optional().describe(accepted),
        tick: duration().optional().describe(accepted),
        initial: z.int().optional().describe(accepted),
        thereafter: z.int().optional().describe(accepted),
      })
      .nullish()
      .describe('Accepted as in the Collector. Records here are few: repeated ones are counted where they arise.'),
  };
}

/** A key of the Collector of which only the default is available. */
function onlyTrue(reason: string) {
  return z
    .literal(true, { error: `must be true: ${reason}` })
    .default(true)
    .describe(`Only true: ${reason}.`);
}

/** A span as in OpenTelemetry's own configuration, where a bare number is milliseconds. */
function milliseconds() {
  return z.union([z.int().min(1), duration()], {
    error: 'expected a number of milliseconds, or a duration such as 60s',
  });
}

function pullReader(prometheus: z.input<typeof pull>['exporter']['prometheus']): { readonly pull: PullReader } {
  return { pull: pull.parse({ exporter: { prometheus } }) };
}
