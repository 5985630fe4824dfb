import { createHash, timingSafeEqual } from 'node:crypto';
import { AuthError, CLIENT_AUTH, type Component, type Scope, SERVER_AUTH, StartError } from 'bpflow/sdk';
import { watchText } from 'bpflow/transport';
import type { BearerTokenAuthConfig } from './config.ts';

/** Gives servers a check of the token and clients the header. */
export function createBearerTokenAuth(config: BearerTokenAuthConfig, scope: Scope): Component {
  const name = config.header.toLowerCase();
  const prefix = config.scheme === '' ? '' : `${config.scheme} `;
  let tokens = config.token === undefined ? config.tokens : [config.token];
  let digests = tokens.map((token) => digest(prefix + token));
  let unwatch: (() => void) | undefined;
  const use = (changed: readonly string[]): void => {
    tokens = [...changed];
    digests = tokens.map((token) => digest(prefix + token));
  };
  scope.provide(SERVER_AUTH, {
    authenticate(headers) {
      const value = headers[name];
      const text = typeof value === 'string' ? value : value?.[0];
      if (text === undefined || text === '') throw refused(`missing or empty authorization header: ${name}`);
      const presented = digest(text);
      // All are compared, so that the time does not tell which one is close.
      const matching = digests.filter((known) => timingSafeEqual(known, presented));
      if (matching.length === 0) throw refused('scheme or token does not match');
    },
  });
  scope.provide(CLIENT_AUTH, { headers: () => ({ [name]: `${prefix}${tokens[0] ?? ''}` }) });
  return {
    start() {
      if (config.filename === undefined) return;
      unwatch = watchText('filename', config.filename, scope, (text) => {
        const lines = text.split('\n').map((line) => line.trim());
        const found = lines.filter((line) => line !== '');
        if (found.length === 0) throw new StartError(`filename: ${config.filename} holds no token`);
        use(found);
      });
    },
    stop: () => unwatch?.(),
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function refused(message: string): AuthError {
  return new AuthError(message, { challenge: 'Bearer' });
}
