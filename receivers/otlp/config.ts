import { byteSize, z } from 'bpflow/sdk';
import {
  authSettings,
  grpcKeepaliveSettings,
  httpServerFields,
  parseListenAddress,
  type Transport,
  tlsServerSettings,
  transportSettings,
} from 'bpflow/transport';

const grpcProtocol = z
  .strictObject({
    endpoint: z
      .string()
      .default('localhost:4317')
      .describe(
        'Address that listens: host:port, :port for every address of the machine, or the path of a unix socket.',
      ),
    transport: transportSettings().describe(
      'What the endpoint is: an address (tcp, tcp4, tcp6) or the path of a unix socket (unix).',
    ),
    tls: tlsServerSettings().describe('TLS, and which clients are let in. Default: plain HTTP/2.'),
    auth: authSettings().describe('Which extension decides who may send.'),
    max_recv_msg_size_mib: z
      .int()
      .min(0)
      .max(2047)
      .default(4)
      .describe('Largest request in MiB, also when inflated. 0 is the default, 4.'),
    max_concurrent_streams: z
      .int()
      .min(0)
      .max(2 ** 32 - 1)
      .default(0)
      .describe('Requests of one connection at a time. 0 is the default, 1000.'),
    keepalive: grpcKeepaliveSettings().describe('How long connections live and how often clients may ping.'),
    read_buffer_size: byteSize()
      .optional()
      .describe('Accepted as in the Collector. Buffers here grow as they are needed.'),
    write_buffer_size: byteSize()
      .optional()
      .describe('Accepted as in the Collector. Buffers here grow as they are needed.'),
    include_metadata: z
      .boolean()
      .default(false)
      .describe('Whether what follows sees the headers of requests: metadata_keys of batch does.'),
    middlewares: z
      .array(z.never({ error: 'middlewares are not supported' }))
      .default([])
      .describe('Not supported: must be empty.'),
  })
  .superRefine(checkAddress);

const urlPath = (signal: string) =>
  z
    .string()
    .default(`/v1/${signal}`)
    .transform((path) => (path.startsWith('/') ? path : `/${path}`))
    .describe(`Path at which ${signal} are taken; a slash in front is added where it is missing.`);

const httpProtocol = z
  .strictObject({
    endpoint: z
      .string()
      .default('localhost:4318')
      .describe(
        'Address that listens: host:port, :port for every address of the machine, or the path of a unix socket.',
      ),
    ...httpServerFields(),
    include_metadata: z
      .boolean()
      .default(false)
      .describe('Whether what follows sees the headers of requests: metadata_keys of batch does.'),
    traces_url_path: urlPath('traces'),
    metrics_url_path: urlPath('metrics'),
    logs_url_path: urlPath('logs'),
  })
  .superRefine(checkAddress);

/** Configuration of the `otlp` receiver, with the Collector's keys. */
export const otlpConfig = z.strictObject({
  protocols: z
    .strictObject({
      grpc: emptyIsDefault(grpcProtocol).describe('OTLP over gRPC. An empty body switches it on with its defaults.'),
      http: emptyIsDefault(httpProtocol).describe(
        'OTLP over HTTP, protobuf and JSON. An empty body switches it on with its defaults.',
      ),
    })
    .nullish()
    .superRefine((protocols, context) => {
      if (protocols?.grpc !== undefined || protocols?.http !== undefined) return;
      context.addIssue({
        code: 'custom',
        message: 'must specify at least one protocol when using the OTLP receiver: grpc, http or both',
      });
    })
    .transform((protocols) => protocols ?? { grpc: undefined, http: undefined })
    .describe('Which protocols are spoken.'),
});

export type OtlpConfig = z.output<typeof otlpConfig>;
export type GrpcProtocol = z.output<typeof grpcProtocol>;
export type HttpProtocol = z.output<typeof httpProtocol>;

/** `grpc:` without a body is null in YAML, and means: with the defaults. */
function emptyIsDefault<S extends z.ZodType>(schema: S) {
  return schema
    .nullable()
    .optional()
    .transform((value) => (value === null ? schema.parse({}) : value));
}

function checkAddress(
  { endpoint, transport }: { readonly endpoint: string; readonly transport: Transport },
  context: z.RefinementCtx,
): void {
  const address = parseListenAddress(endpoint, transport);
  if (address instanceof Error) context.addIssue({ code: 'custom', path: ['endpoint'], message: address.message });
}
