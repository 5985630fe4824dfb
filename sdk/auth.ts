import type { Token } from './tokens.ts';
import { token } from './tokens.ts';

/** Header values by lower-case name. */
export type RequestHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Decides about requests that come in: an extension that a server names under `auth: { authenticator }`. */
export interface ServerAuth {
  /** Returns (or resolves) when the request may go on. Throws {@link AuthError} otherwise; its message is the client's to see. */
  authenticate(headers: RequestHeaders): void | Promise<void>;
}

/** Gives credentials to requests that go out: an extension that a client names under `auth: { authenticator }`. */
export interface ClientAuth {
  /** Headers for one request, asked for each. */
  headers(): Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>;
}

/** A request that is not let in: 401 over HTTP, UNAUTHENTICATED over gRPC. Never holds what the client sent. */
export class AuthError extends Error {
  override readonly name = 'AuthError';
  /** Value of the `WWW-Authenticate` header of the answer. */
  readonly challenge: string | undefined;

  constructor(message: string, options: ErrorOptions & { readonly challenge?: string } = {}) {
    super(message, options);
    this.challenge = options.challenge;
  }
}

export const SERVER_AUTH: Token<ServerAuth> = token('server-auth');
export const CLIENT_AUTH: Token<ClientAuth> = token('client-auth');
