/** Why data could not be taken. Thrown by `consume` or returned by `refusal`. */
export type ConsumeError = RetryableError | PermanentError;

/** The same batch may be offered again later. */
export class RetryableError extends Error {
  override readonly name = 'RetryableError';
  /** The receiver's wish, in ms; without it the sender decides. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, options: ErrorOptions & { readonly retryAfterMs?: number } = {}) {
    super(message, options);
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** Offering the same batch again will fail again. */
export class PermanentError extends Error {
  override readonly name = 'PermanentError';
}

/** A component cannot be made or started with what it was given. Stops the start; the message says what, where, what to do. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/** Anything thrown, as an Error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
