import { createHash } from 'node:crypto';
import {
  AuthError,
  CLIENT_AUTH,
  type ClientAuth,
  type Component,
  type RequestHeaders,
  type Scope,
  SERVER_AUTH,
  type ServerAuth,
  StartError,
} from 'bpflow/sdk';
import { watchText } from 'bpflow/transport';
import type { BasicAuthConfig } from './config.ts';
import { parseHtpasswd, type Users } from './htpasswd.ts';

/** Gives servers a check against an htpasswd file, or clients a header, whichever is configured. */
export function createBasicAuth(config: BasicAuthConfig, scope: Scope): Component {
  return config.htpasswd === undefined ? client(config.client_auth!, scope) : server(config.htpasswd, scope);
}

/** Verified credentials that are remembered: bcrypt takes some 50 ms, and clients present the same ones each time. */
const MAX_VERIFIED = 1000;
/** Checks under way at a time: whoever guesses passwords must not take all of the CPU. */
const MAX_CHECKS = 8;

function server(config: NonNullable<BasicAuthConfig['htpasswd']>, scope: Scope): Component {
  const inline = parse('htpasswd.inline', config.inline ?? '');
  let users: Users = inline;
  const verified = new Set<string>();
  let unwatch: (() => void) | undefined;
  let checks = 0;
  const check: ServerAuth = {
    async authenticate(headers) {
      const { user, password } = credentials(headers);
      const digest = createHash('sha256').update(`${user}\0${password}`).digest('hex');
      if (verified.has(digest)) return;
      if (checks >= MAX_CHECKS) throw refused('too many passwords are being checked; try again later');
      const before = users;
      checks++;
      const valid = await Promise.resolve(before.get(user)?.(password)).finally(() => checks--);
      if (!valid) throw refused('invalid user name or password');
      if (verified.size >= MAX_VERIFIED) verified.clear();
      if (before === users) verified.add(digest);
    },
  };
  scope.provide(SERVER_AUTH, check);
  return {
    start() {
      if (config.file === undefined) return;
      unwatch = watchText('htpasswd.file', config.file, scope, (text) => {
        users = new Map([...parse('htpasswd.file', text), ...inline]);
        verified.clear();
      });
    },
    stop: () => unwatch?.(),
  };
}

function client(config: NonNullable<BasicAuthConfig['client_auth']>, scope: Scope): Component {
  let username = config.username ?? '';
  let password = config.password ?? '';
  const unwatch: (() => void)[] = [];
  const auth: ClientAuth = {
    headers: () => ({ authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` }),
  };
  scope.provide(CLIENT_AUTH, auth);
  return {
    start() {
      if (config.username_file !== undefined) {
        unwatch.push(
          watchText('client_auth.username_file', config.username_file, scope, (text) => {
            username = text.trim();
          }),
        );
      }
      if (config.password_file !== undefined) {
        unwatch.push(
          watchText('client_auth.password_file', config.password_file, scope, (text) => {
            password = text.trim();
          }),
        );
      }
    },
    stop() {
      for (const end of unwatch.splice(0)) end();
    },
  };
}

function parse(key: string, text: string): Users {
  try {
    return parseHtpasswd(text);
  } catch (cause) {
    throw new StartError(`${key}: ${(cause as Error).message}`, { cause });
  }
}

function credentials(headers: RequestHeaders): { readonly user: string; readonly password: string } {
  const header = headers['authorization'];
  const text = typeof header === 'string' ? header : header?.[0];
  if (text === undefined || text === '') throw refused('no basic auth provided');
  const [, encoded] = /^basic +([A-Za-z0-9+/=_-]+)$/i.exec(text) ?? [];
  const decoded = encoded === undefined ? '' : Buffer.from(encoded, 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  if (colon < 0) throw refused('invalid authorization format');
  return { user: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}

function refused(message: string): AuthError {
  return new AuthError(message, { challenge: 'Basic realm="bpflow", charset="UTF-8"' });
}
