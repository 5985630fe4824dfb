import {
  type Batch,
  type Consumer,
  concatBatches,
  countItems,
  type Processor,
  RetryableError,
  type Scope,
  Sender,
  type Signal,
  splitBatch,
  type Timer,
} from 'bpflow/sdk';
import type { BatchConfig } from './config.ts';
import { batchTelemetry, type Trigger } from './telemetry.ts';

/**
 * Most items held while what follows is slow, in batches of the configured size. It takes only that long until the
 * senders feel it, and what they hold on to is not lost with this process.
 */
const MAX_HELD_BATCHES = 4;
/** What counts as a batch's size for the bound where none is configured. */
const USUAL_BATCH_SIZE = 8192;

/**
 * Gathers items until there are `send_batch_size` of them or the first has waited for `timeout`.
 *
 * It accepts at once. Batches leave one after the other. A batch that is refused for now is kept and offered again, and
 * until it has gone nothing new is accepted, so what is held stays bounded and the senders keep the rest.
 */
export function createBatchProcessor(config: BatchConfig, scope: Scope): Processor {
  const batcher = new Batcher(config, scope);
  const consume = (batch: Batch, next: Consumer<never>): void => batcher.add(batch, next as Consumer<Batch>);
  return {
    consume: { metrics: consume, logs: consume, traces: consume },
    refusal: () => batcher.refusal(),
    flush: () => batcher.flush(),
    stop: () => batcher.stop(),
    held: () => batcher.held,
  };
}

class Batcher {
  readonly #config: BatchConfig;
  readonly #scope: Scope;
  readonly #sender: Sender;
  readonly #sent: (trigger: Trigger, items: number) => void;
  readonly #maxHeld: number;
  #pending: Batch[] = [];
  #items = 0;
  #timer: Timer | undefined;

  constructor(config: BatchConfig, scope: Scope) {
    this.#config = config;
    this.#scope = scope;
    this.#sender = new Sender(scope);
    this.#sent = batchTelemetry(scope);
    this.#maxHeld = MAX_HELD_BATCHES * Math.max(config.send_batch_size, config.send_batch_max_size, USUAL_BATCH_SIZE);
  }

  get held(): number {
    return this.#items + this.#sender.held;
  }

  refusal(): RetryableError | undefined {
    if (this.#sender.blockedBy !== undefined) return this.#sender.blockedBy;
    if (this.held < this.#maxHeld) return undefined;
    return new RetryableError(`it holds ${this.held} items, because what follows is slow`);
  }

  add(batch: Batch, next: Consumer<Batch>): void {
    const refusal = this.refusal();
    if (refusal !== undefined) throw refusal;
    const items = countItems(batch);
    if (items === 0) return;
    this.#sender.next = next;
    this.#pending.push(batch);
    this.#items += items;
    const { timeout, send_batch_size: size } = this.#config;
    if (timeout === 0 || this.#items >= size) this.#send('size');
    else this.#timer ??= this.#scope.clock.after(timeout, () => this.#send('timeout'));
  }

  /** Sends what is held; resolves when it is gone, or when it was refused and has to wait. */
  async flush(): Promise<void> {
    this.#send('timeout');
    await this.#sender.attempt();
  }

  async stop(): Promise<void> {
    await this.flush();
    this.#sender.close();
  }

  #send(trigger: Trigger): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#items === 0) return;
    const { signal } = this.#pending[0]!;
    const whole: Batch = concatBatches<Signal>(signal, this.#pending);
    this.#pending = [];
    this.#items = 0;
    const { timeout, send_batch_size: size, send_batch_max_size: max } = this.#config;
    const pieces = max > 0 ? splitBatch<Signal>(signal, whole, max) : [whole];
    // As in the Collector: what is left over waits for more, unless its time has come.
    const rest =
      trigger === 'size' && timeout > 0 && pieces.length > 1 && countItems(pieces.at(-1)!) < size
        ? pieces.pop()
        : undefined;
    for (const piece of pieces) {
      this.#sent(trigger, countItems(piece));
      this.#sender.send(piece);
    }
    if (rest === undefined) return;
    this.#pending = [rest];
    this.#items = countItems(rest);
    this.#timer = this.#scope.clock.after(timeout, () => this.#send('timeout'));
  }
}
