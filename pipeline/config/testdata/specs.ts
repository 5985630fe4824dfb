import { z } from 'zod';
import type { Signal } from '../../../pdata/signals.ts';
import { byteSize, duration, endpoint, secret } from '../../../sdk/config-types.ts';
import type { ConfigSpec, SpecEntry, SpecLookup } from '../types.ts';

const all: readonly Signal[] = ['metrics', 'logs', 'traces'];

const server = z.strictObject({ endpoint: endpoint().prefault('localhost:4317') });

/** Stand-ins with the keys and rules of the Collector's components, for what a configuration may hold. */
const specs: readonly ConfigSpec[] = [
  {
    kind: 'receiver',
    type: 'otlp',
    produces: all,
    config: z
      .strictObject({ protocols: z.strictObject({ grpc: server.optional(), http: server.optional() }).prefault({}) })
      .refine(({ protocols }) => protocols.grpc !== undefined || protocols.http !== undefined, {
        error: 'must specify at least one protocol when using the OTLP receiver',
      }),
  },
  {
    kind: 'receiver',
    type: 'host_metrics',
    deprecatedAliases: ['hostmetrics'],
    aliases: ['host'],
    produces: ['metrics'],
    config: z.strictObject({
      collection_interval: duration().prefault('1m'),
      root_path: z.string().default(''),
      scrapers: z.array(z.enum(['cpu', 'memory', 'disk'])).default([]),
    }),
  },
  {
    kind: 'processor',
    type: 'batch',
    consumes: all,
    config: z
      .strictObject({
        timeout: duration().prefault('200ms'),
        send_batch_size: z.int().min(0).max(4294967295).default(8192),
        send_batch_max_size: z.int().min(0).max(4294967295).default(0),
      })
      .refine(({ send_batch_size: size, send_batch_max_size: max }) => max === 0 || max >= size, {
        error: 'send_batch_max_size must be greater or equal to send_batch_size',
      }),
  },
  {
    kind: 'processor',
    type: 'probabilistic_sampler',
    consumes: ['logs', 'traces'],
    config: z.strictObject({ sampling_percentage: z.number().min(0).default(0) }),
  },
  {
    kind: 'exporter',
    type: 'debug',
    consumes: all,
    config: z.strictObject({
      verbosity: z.enum(['basic', 'normal', 'detailed']).default('basic'),
      use_internal_logger: z.boolean().default(true),
    }),
  },
  {
    kind: 'exporter',
    type: 'file',
    consumes: all,
    config: z.strictObject({
      path: z.string().min(1, { error: 'path must be non-empty' }),
      append: z.boolean().default(false),
      buffer: byteSize().prefault('4KiB'),
      rotation: z.strictObject({ max_megabytes: z.int().min(1).default(100) }).optional(),
    }),
  },
  {
    kind: 'exporter',
    type: 'otlp_grpc',
    deprecatedAliases: ['otlp'],
    consumes: all,
    config: z.strictObject({
      endpoint: endpoint(),
      timeout: duration().prefault('5s'),
      headers: z.record(z.string(), secret()).default({}),
      tls: z.strictObject({ insecure: z.boolean().default(false) }).prefault({}),
      sending_queue: z
        .strictObject({ queue_size: z.int().min(1, { error: '`queue_size` must be positive' }).default(1000) })
        .prefault({}),
    }),
  },
  {
    kind: 'exporter',
    type: 'prometheus',
    consumes: ['metrics'],
    config: z.strictObject({ endpoint: endpoint(), const_labels: z.record(z.string(), z.string()).default({}) }),
  },
  {
    kind: 'connector',
    type: 'forward',
    connects: all.map((signal) => ({ from: signal, to: signal })),
    config: z.strictObject({}),
  },
  {
    kind: 'connector',
    type: 'count',
    connects: all.map((from) => ({ from, to: 'metrics' })),
    config: z.strictObject({}),
  },
  {
    kind: 'extension',
    type: 'health_check',
    config: z.strictObject({ endpoint: endpoint().prefault('localhost:13133') }),
  },
];

export const testSpecs: SpecLookup = {
  async find(kind, type): Promise<SpecEntry | undefined> {
    const wanted = type.replaceAll('-', '_');
    const spec = specs.find(
      (each) =>
        each.kind === kind && [each.type, ...(each.aliases ?? []), ...(each.deprecatedAliases ?? [])].includes(wanted),
    );
    return spec && { spec };
  },
  async all(kind) {
    return specs.filter((spec) => spec.kind === kind).map((spec) => ({ spec }));
  },
};
