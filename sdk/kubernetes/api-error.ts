import type { ApiStatus } from './api-objects.ts';

/** Why the API did not give what it was asked for, as `bpflow_kubernetes_errors_total` counts it. */
export type ApiErrorReason =
  | 'unauthorized'
  | 'forbidden'
  | 'not_found'
  | 'expired'
  | 'refused'
  | 'throttled'
  | 'unavailable'
  | 'connection'
  | 'tls'
  | 'token'
  | 'silent'
  | 'closed'
  | 'malformed'
  | 'too_large';

/** Never holds a credential. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly reason: ApiErrorReason;
  /** The server's wish, in ms. */
  readonly retryAfterMs: number;

  constructor(
    reason: ApiErrorReason,
    message: string,
    options: ErrorOptions & { readonly retryAfterMs?: number } = {},
  ) {
    super(message, options);
    this.reason = reason;
    this.retryAfterMs = options.retryAfterMs ?? 0;
  }
}

/** The error that a status of HTTP, or of an event of type ERROR, stands for. */
export function errorOfStatus(code: number, status: ApiStatus, retryAfterSeconds = 0): ApiError {
  const text = (status.message ?? '').slice(0, MAX_MESSAGE) || status.reason || 'no reason is given';
  const wait = Math.max(retryAfterSeconds, status.details?.retryAfterSeconds ?? 0);
  return new ApiError(reasonOf(code), `${code}: ${text}`, { retryAfterMs: wait * 1000 });
}

/** Messages quote what was asked for; a hostile one must not fill the log. */
const MAX_MESSAGE = 500;

function reasonOf(code: number): ApiErrorReason {
  switch (code) {
    case 401:
      return 'unauthorized';
    case 403:
      return 'forbidden';
    case 404:
      return 'not_found';
    case 410:
      return 'expired';
    case 429:
      return 'throttled';
    default:
      return code >= 500 ? 'unavailable' : 'refused';
  }
}
