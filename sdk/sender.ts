import { type Batch, countItems } from '../pdata/signals.ts';
import type { Consumer } from './component.ts';
import { asError, RetryableError } from './errors.ts';
import type { ItemLedger, Logger, Scope, Timer } from './scope.ts';

const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 5000;

interface Waiting {
  readonly batch: Batch;
  readonly outcome: Promise<void>;
}

/**
 * For processors that accept before they hand on: hands batches on one after the other, in order. A batch that is refused for
 * now stays at the head and is offered
 * again, first after 50 ms, then in growing steps up to 5 s, or after what the refusal asks for.
 */
export class Sender {
  next: Consumer<Batch> | undefined;
  /** Why the head of the queue was refused, while it waits for another try. */
  blockedBy: RetryableError | undefined;
  readonly #log: Logger;
  readonly #items: ItemLedger;
  readonly #clock: Scope['clock'];
  readonly #abort = new AbortController();
  readonly #queue: Batch[] = [];
  #held = 0;
  #running: Promise<void> | undefined;
  #retry: Timer | undefined;
  #retryMs = FIRST_RETRY_MS;

  constructor(scope: Pick<Scope, 'log' | 'items' | 'clock'>) {
    this.#log = scope.log;
    this.#items = scope.items;
    this.#clock = scope.clock;
  }

  /** Items not yet taken by what follows. */
  get held(): number {
    return this.#held;
  }

  send(batch: Batch): void {
    this.#queue.push(batch);
    this.#held += countItems(batch);
    if (this.blockedBy === undefined) void this.#run();
  }

  /** Tries to send everything now; resolves when it is gone or refused. */
  async attempt(): Promise<void> {
    this.#retry?.cancel();
    await this.#run();
  }

  /** Gives up what could not be sent. */
  close(): void {
    this.#retry?.cancel();
    this.#abort.abort();
    if (this.#held === 0) return;
    this.#log.error('Items are lost, because what follows refused them until the stop.', {
      dropped_items: this.#held,
      ...(this.blockedBy === undefined ? {} : { error: this.blockedBy.message }),
    });
    this.#items.dropped(this.#held, 'shutdown');
    this.#queue.length = 0;
    this.#held = 0;
  }

  /** One drain at a time. What can be handed on without waiting is gone when this returns. */
  #run(): Promise<void> {
    if (this.#running !== undefined) return this.#running;
    const waiting = this.#drainNow();
    if (waiting === undefined) return Promise.resolve();
    this.#running = this.#drainLater(waiting);
    return this.#running;
  }

  /** Hands on until the queue is empty or refused, or until something has to be waited for: that is returned. */
  #drainNow(): Waiting | undefined {
    while (this.#queue.length > 0) {
      const batch = this.#queue[0]!;
      try {
        const outcome = this.next!.consume(batch, this.#abort.signal);
        if (outcome !== undefined) return { batch, outcome };
        this.#gone(batch);
      } catch (thrown) {
        if (!this.#failed(batch, thrown)) return undefined;
      }
    }
    return undefined;
  }

  async #drainLater(first: Waiting): Promise<void> {
    for (let waiting: Waiting | undefined = first; waiting !== undefined; waiting = this.#drainNow()) {
      try {
        await waiting.outcome;
        this.#gone(waiting.batch);
      } catch (thrown) {
        if (!this.#failed(waiting.batch, thrown)) break;
      }
    }
    // In the same turn as the last look at the queue, so that nothing sent since is overlooked.
    this.#running = undefined;
  }

  #gone(batch: Batch): void {
    // close() may have given it up meanwhile.
    if (this.#queue[0] !== batch) return;
    this.#queue.shift();
    this.#held -= countItems(batch);
    this.blockedBy = undefined;
    this.#retryMs = FIRST_RETRY_MS;
  }

  /** Whether to go on with the next batch. */
  #failed(batch: Batch, thrown: unknown): boolean {
    if (this.#queue[0] !== batch) return true;
    if (thrown instanceof RetryableError) {
      this.#wait(thrown);
      return false;
    }
    const count = countItems(batch);
    this.#gone(batch);
    this.#items.dropped(count, 'rejected');
    this.#log.error('A batch was rejected for good and is lost.', {
      error: asError(thrown).message,
      dropped_items: count,
    });
    return true;
  }

  #wait(refusal: RetryableError): void {
    if (this.blockedBy === undefined) {
      this.#log.warn('What follows refuses data. The batch is kept, and nothing new is accepted until it has gone.', {
        error: refusal.message,
      });
    }
    this.blockedBy = refusal;
    this.#retry = this.#clock.after(refusal.retryAfterMs ?? this.#retryMs, () => void this.#run());
    this.#retryMs = Math.min(this.#retryMs * 2, MAX_RETRY_MS);
  }
}
