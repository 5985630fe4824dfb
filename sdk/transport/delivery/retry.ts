import { formatDuration } from '../../config-types.ts';
import type { Clock, Timer } from '../../scope.ts';
import { BackOff } from './back-off.ts';
import type { Delivered, ExportRequest, SendOutcome } from './outcome.ts';
import type { QuietLog } from './quiet-log.ts';
import type { RetrySettings } from './settings.ts';

export interface RetryOptions {
  readonly settings: RetrySettings;
  readonly send: (request: ExportRequest, abort: AbortSignal) => Promise<SendOutcome>;
  readonly clock: Clock;
  readonly log: QuietLog;
  readonly random: () => number;
}

/** Sends requests until they are delivered or given up. */
export class Retrier {
  readonly #options: RetryOptions;
  readonly #waits = new Set<() => void>();
  #stopping = false;

  constructor(options: RetryOptions) {
    this.#options = options;
  }

  /** From now on every request has one attempt; those that wait for their next one are given up. */
  stop(): void {
    this.#stopping = true;
    for (const end of [...this.#waits]) end();
  }

  /** Never rejects. An aborted request is given up as `shutdown`. */
  async deliver(request: ExportRequest, abort: AbortSignal): Promise<Delivered> {
    const { settings, clock, random } = this.#options;
    const backOff = new BackOff(settings, random);
    const startMs = clock.monotonic();
    for (;;) {
      const outcome = await this.#attempt(request, abort);
      if (outcome.kind === 'sent') return outcome;
      if (outcome.kind === 'permanent') {
        return { kind: 'failed', why: 'permanent', error: `not retryable error: Permanent error: ${outcome.error}` };
      }
      const error = throttled(outcome);
      if (this.#stopping || abort.aborted) return cut(error);
      if (!settings.enabled) return { kind: 'failed', why: 'retries_exhausted', error };
      const waitMs = Math.max(backOff.next(), outcome.afterMs ?? 0);
      const limitMs = settings.max_elapsed_time;
      if (limitMs > 0 && clock.monotonic() + waitMs - startMs > limitMs) {
        return { kind: 'failed', why: 'retries_exhausted', error: `no more retries left: ${error}` };
      }
      this.#options.log.info('Exporting failed. Will retry the request after interval.', {
        error,
        interval: formatDuration(waitMs),
      });
      if (!(await this.#wait(waitMs, abort))) return cut(error);
    }
  }

  async #attempt(request: ExportRequest, abort: AbortSignal): Promise<SendOutcome> {
    try {
      return await this.#options.send(request, abort);
    } catch (thrown) {
      return { kind: 'permanent', error: thrown instanceof Error ? thrown.message : String(thrown) };
    }
  }

  /** Whether the time passed; otherwise it was cut short. */
  #wait(ms: number, abort: AbortSignal): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer: Timer = this.#options.clock.after(ms, () => resolve(true));
    const end = (): void => {
      timer.cancel();
      resolve(false);
    };
    this.#waits.add(end);
    abort.addEventListener('abort', end, { once: true });
    return promise.finally(() => {
      this.#waits.delete(end);
      abort.removeEventListener('abort', end);
    });
  }
}

function cut(error: string): Delivered {
  return { kind: 'failed', why: 'shutdown', error: `interrupted due to shutdown: ${error}` };
}

function throttled({ error, afterMs }: Extract<SendOutcome, { kind: 'retry' }>): string {
  return afterMs === undefined || afterMs === 0 ? error : `Throttle (${formatDuration(afterMs)}), error: ${error}`;
}
