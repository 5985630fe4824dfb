import type { TLSSocket } from 'node:tls';
import { asError } from '../errors.ts';
import type { Logger } from '../scope.ts';
import { describeTlsError } from './tls-errors.ts';

/** Different reasons that are told once each. */
const MAX_TOLD = 32;

/**
 * A listener for a server's `tlsClientError` that logs why clients are not let in: each reason once, and no more than a few, for
 * a hostile client must not fill the log. Who only connects and leaves, as health checks do, is not worth a warning.
 */
export function logTlsRefusals(log: Logger): (error: Error, socket: TLSSocket) => void {
  const told = new Set<string>();
  return (error, socket) => {
    const reason = describeTlsError(error, socket);
    const known = reason !== asError(error).message;
    if (!known || told.has(reason) || told.size >= MAX_TOLD) {
      log.debug('A client was not let in.', { error: reason });
      return;
    }
    told.add(reason);
    log.warn('A client was not let in. Others with the same reason are told at level debug.', { error: reason });
  };
}
