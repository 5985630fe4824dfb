import {
  asError,
  type Consumer,
  countItems,
  type Logger,
  OtlpDecoder,
  type Outlets,
  PermanentError,
  RetryableError,
  type Signal,
  type Signals,
  setPeer,
  WireError,
} from 'bpflow/sdk';
import { GRPC, GrpcError } from 'bpflow/transport';

/** A request whose bytes are no OTLP. The message is the sender's to see. */
export class UndecodableError extends Error {
  override readonly name = 'UndecodableError';
}

/** What is known of a request beside its bytes. */
export interface Sent {
  readonly abort: AbortSignal;
  /** The sender's IP address. */
  readonly peer: string | undefined;
}

/** Takes export requests of every signal that is wired, whatever protocol they came by. */
export class Intake {
  readonly #next: Outlets;
  readonly #log: Logger;
  readonly #decoder = new OtlpDecoder();

  constructor(next: Outlets, log: Logger) {
    this.#next = next;
    this.#log = log;
  }

  takes(signal: Signal): boolean {
    return this.#next[signal] !== undefined;
  }

  /** Back-pressure of what follows, as the sender is told of it. Cheap: nothing was decoded yet. */
  refusal(signal: Signal): GrpcError | undefined {
    const refusal = this.#next[signal]?.refusal();
    return refusal === undefined ? undefined : toGrpcError(refusal);
  }

  /**
   * Decodes a request and hands it on; resolved means accepted. Throws or rejects with {@link UndecodableError}, or with GrpcError
   * of what follows.
   */
  take<S extends Signal>(signal: S, request: Uint8Array, { abort, peer }: Sent): void | Promise<void> {
    const batch = this.#decode(signal, request);
    setPeer(batch, peer);
    const next = this.#next[signal] as Consumer<Signals[S]> | undefined;
    if (countItems(batch) === 0) return;
    try {
      const accepted = next?.consume(batch, abort);
      return accepted instanceof Promise ? accepted.catch((error: unknown) => this.#fail(signal, error)) : undefined;
    } catch (error) {
      this.#fail(signal, error);
    }
  }

  #decode<S extends Signal>(signal: S, request: Uint8Array): Signals[S] {
    try {
      return this.#decoder.decode(signal, request);
    } catch (error) {
      if (error instanceof WireError) throw new UndecodableError(error.message, { cause: error });
      throw error;
    }
  }

  #fail(signal: Signal, error: unknown): never {
    if (!(error instanceof RetryableError) && !(error instanceof PermanentError)) {
      const { message, stack } = asError(error);
      this.#log.error('What follows the receiver failed unexpectedly.', { signal, error: message, stack });
    }
    throw toGrpcError(error);
  }
}

/**
 * What the sender is told, as by the Collector: it may send again unless the error is permanent. A permanent one is not the
 * sender's fault; what is wrong with a request is found before.
 */
function toGrpcError(error: unknown): GrpcError {
  if (error instanceof RetryableError) {
    return new GrpcError(GRPC.UNAVAILABLE, error.message, { cause: error, retryAfterMs: error.retryAfterMs });
  }
  if (error instanceof PermanentError) return new GrpcError(GRPC.INTERNAL, error.message, { cause: error });
  return new GrpcError(GRPC.UNAVAILABLE, 'internal error', { cause: error });
}
