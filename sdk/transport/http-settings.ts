import { z } from 'zod';
import { byteSize, duration, secret } from '../config-types.ts';
import { extensionId } from '../extension-id.ts';
import type { HttpLimits } from './http-server.ts';
import { tlsServerSettings } from './tls-settings.ts';

const MAX_BODY_BYTES = 20 * 1024 * 1024;

/** `transport:` of a server. */
export function transportSettings() {
  return z.enum(['tcp', 'tcp4', 'tcp6', 'unix']).default('tcp');
}

/**
 * The keys of the Collector's HTTP servers, to be spread into a `z.strictObject`. `endpoint` is left to the component, for its
 * default; check it with `parseListenAddress`.
 */
export function httpServerFields() {
  return {
    transport: transportSettings().describe(
      'What the endpoint is: an address (tcp, tcp4, tcp6) or the path of a unix socket (unix).',
    ),
    tls: tlsServerSettings().describe('TLS, and which clients are let in. Default: plain HTTP.'),
    cors: z
      .strictObject({
        allowed_origins: z
          .array(z.string())
          .default([])
          .describe('Origins of web pages that may send: https://app.example, https://*.example, or * for any.'),
        allowed_headers: z
          .array(z.string())
          .default([])
          .describe('Headers that they may set besides Accept, Content-Type and X-Requested-With; * for any.'),
        exposed_headers: z.array(z.string()).default([]).describe('Headers of answers that they may read.'),
        max_age: z.int().min(0).default(0).describe('Seconds for which browsers may remember the answer.'),
      })
      .nullish()
      .describe('Lets web pages of other origins send.'),
    auth: z
      .strictObject({
        authenticator: extensionId().describe(
          'Id of the extension, for example basic_auth/server. It must stand in service.extensions too.',
        ),
        request_params: z
          .array(z.string())
          .default([])
          .describe('Parameters of the URL that the extension gets to see as headers.'),
      })
      .optional()
      .describe('Which extension decides who may send.'),
    max_request_body_size: byteSize()
      .prefault(MAX_BODY_BYTES)
      .describe('Largest body of a request, also when inflated. 0 is the default, 20MiB.'),
    response_headers: z.record(z.string(), secret()).default({}).describe('Headers that every answer gets.'),
    compression_algorithms: z
      .array(z.enum(['', 'gzip', 'zstd', 'zlib', 'deflate', 'snappy', 'x-snappy-framed', 'lz4']))
      .optional()
      .describe('Content encodings that are taken; "" is none. Default: all but lz4, which is not supported.'),
    include_metadata: z
      .boolean()
      .default(false)
      .describe('Accepted as in the Collector. No component here reads metadata of requests.'),
    include_tls_metadata: z
      .boolean()
      .default(false)
      .describe('Accepted as in the Collector. No component here reads it.'),
    read_timeout: duration().optional().describe('A request must be complete by then. Default: 5m. 0 is no limit.'),
    read_header_timeout: duration().prefault('1m').describe('Its headers must be complete by then. 0 is no limit.'),
    write_timeout: duration()
      .prefault('30s')
      .describe(
        'A connection with a request under way is closed when nothing was sent or received for so long. 0 is no limit.',
      ),
    idle_timeout: duration()
      .prefault('1m')
      .describe('A connection without requests is closed after this. 0 is no limit.'),
    keep_alives_enabled: z.boolean().default(true).describe('Whether a connection serves more than one request.'),
    middlewares: z
      .array(z.never({ error: 'middlewares are not supported' }))
      .default([])
      .describe('Not supported: must be empty.'),
  };
}

export type HttpServerSettings = z.output<z.ZodObject<ReturnType<typeof httpServerFields>>>;

/** Largest body, bytes. */
export function maxBodyBytes(settings: Pick<HttpServerSettings, 'max_request_body_size'>): number {
  return settings.max_request_body_size || MAX_BODY_BYTES;
}

/** The waits of an {@link HttpServer} under these settings. */
export function httpLimits(settings: HttpServerSettings): HttpLimits {
  return {
    ...(settings.read_timeout === undefined ? {} : { requestMs: settings.read_timeout }),
    headersMs: settings.read_header_timeout || settings.read_timeout || 0,
    silentMs: settings.write_timeout,
    idleMs: settings.idle_timeout || settings.read_timeout || 0,
    keepAlive: settings.keep_alives_enabled,
  };
}
