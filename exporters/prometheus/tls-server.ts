import type { RequestListener, Server, ServerOptions } from 'node:http';
import { createServer } from 'node:https';
import type { Clock, Logger } from 'bpflow/sdk';
import { describeTlsError, openServerTls, type TlsServerSettings } from 'bpflow/transport';

/**
 * A server that speaks TLS and follows its files until `close`. Throws StartError. Loaded by those who use it: see
 * bpflow/transport/listening.
 */
export function createTlsServer(
  settings: TlsServerSettings,
  options: ServerOptions,
  handle: RequestListener,
  { log, clock }: { readonly log: Logger; readonly clock: Clock },
): { readonly server: Server; close(): void } {
  const tls = openServerTls(settings, { log, clock });
  const server = createServer({ ...options, ...tls.options }, handle);
  tls.attach(server);
  // `clientError` follows and counts it.
  server.on('tlsClientError', (error, socket) =>
    log.debug('A client of the metrics page got no TLS connection.', { error: describeTlsError(error, socket) }),
  );
  return { server, close: () => tls.close() };
}
