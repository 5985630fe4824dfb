import {
  type ColumnBatch,
  type ColumnSignal,
  concatBatches,
  countItems,
  type Scope,
  splitBatch,
  type Timer,
} from 'bpflow/sdk';
import type { BatchConfig } from './config.ts';
import type { Trigger } from './telemetry.ts';

/** Gathers items until there are `send_batch_size` of them or the first has waited for `timeout`. */
export class Gatherer {
  readonly #config: BatchConfig;
  readonly #clock: Scope['clock'];
  readonly #send: (batch: ColumnBatch, trigger: Trigger) => void;
  #pending: ColumnBatch[] = [];
  #items = 0;
  #timer: Timer | undefined;

  /** `send` gets what is ready, in batches of the configured size. */
  constructor(config: BatchConfig, clock: Scope['clock'], send: (batch: ColumnBatch, trigger: Trigger) => void) {
    this.#config = config;
    this.#clock = clock;
    this.#send = send;
  }

  /** Items that wait. */
  get items(): number {
    return this.#items;
  }

  add(batch: ColumnBatch, items: number): void {
    this.#pending.push(batch);
    this.#items += items;
    const { timeout, send_batch_size: size } = this.#config;
    if (timeout === 0 || this.#items >= size) this.release('size');
    else this.#timer ??= this.#clock.after(timeout, () => this.release('timeout'));
  }

  /** Sends what waits. */
  release(trigger: Trigger): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#items === 0) return;
    const { signal } = this.#pending[0]!;
    const whole = concatBatches<ColumnSignal>(signal, this.#pending);
    this.#pending = [];
    this.#items = 0;
    const { timeout, send_batch_size: size, send_batch_max_size: max } = this.#config;
    const pieces = max > 0 ? splitBatch<ColumnSignal>(signal, whole, max) : [whole];
    // As in the Collector: what is left over waits for more, unless its time has come.
    const rest =
      trigger === 'size' && timeout > 0 && pieces.length > 1 && countItems(pieces.at(-1)!) < size
        ? pieces.pop()
        : undefined;
    for (const piece of pieces) this.#send(piece, trigger);
    if (rest === undefined) return;
    this.#pending = [rest];
    this.#items = countItems(rest);
    this.#timer = this.#clock.after(timeout, () => this.release('timeout'));
  }
}
