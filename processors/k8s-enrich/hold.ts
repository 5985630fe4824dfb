import { type Batch, countItems, type Scope, type Timer } from 'bpflow/sdk';
import type { Reason } from './finding.ts';
import type { Subjects } from './subjects.ts';

export interface HoldOptions {
  readonly clock: Scope['clock'];
  readonly timeoutMs: number;
  readonly maxItems: number;
  readonly subjects: readonly Subjects[];
  /** Takes a batch that was held: what can pass is handed on, what cannot is given back. */
  readonly release: (batch: Batch, peer: string) => Batch | undefined;
}

interface Held {
  readonly batch: Batch;
  readonly peer: string;
  readonly items: number;
}

/**
 * Data whose names have not come yet, in the order in which it came. It leaves when they come, or when its subject has waited
 * for long enough: then as it is.
 */
export class Hold {
  readonly #options: HoldOptions;
  #queue: Held[] = [];
  #items = 0;
  #timer: Timer | undefined;

  constructor(options: HoldOptions) {
    this.#options = options;
  }

  get items(): number {
    return this.#items;
  }

  hasRoomFor(items: number): boolean {
    return this.#items + items <= this.#options.maxItems;
  }

  add(batch: Batch, peer: string): void {
    const items = countItems(batch);
    this.#queue.push({ batch, peer, items });
    this.#items += items;
    this.#arm();
  }

  /** Hands on what need not wait any longer. */
  release(): void {
    const queue = this.#queue;
    this.#queue = [];
    const rest: Held[] = [];
    for (const { batch, peer } of queue) {
      const left = this.#options.release(batch, peer);
      if (left !== undefined) rest.push({ batch: left, peer, items: countItems(left) });
    }
    this.#queue = [...rest, ...this.#queue];
    this.#items = this.#queue.reduce((sum, { items }) => sum + items, 0);
    this.#arm();
  }

  /** Hands on everything; what waits is given up for this reason. */
  releaseAll(reason?: Reason): void {
    for (const subjects of this.#options.subjects) {
      for (const subject of [...subjects.waiting]) subjects.giveUp(subject, reason);
    }
    this.release();
  }

  #arm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const { clock, timeoutMs, subjects } = this.#options;
    const oldest = subjects.flatMap(({ waiting: [first] }) => first ?? []);
    if (oldest.length === 0) return;
    const sinceMs = Math.min(...oldest.map((subject) => subject.sinceMs));
    this.#timer = clock.after(Math.max(0, sinceMs + timeoutMs - clock.monotonic()), () => this.#expire());
  }

  #expire(): void {
    const { clock, timeoutMs, subjects } = this.#options;
    const before = clock.monotonic() - timeoutMs;
    for (const each of subjects) {
      for (const subject of [...each.waiting]) if (subject.sinceMs <= before) each.giveUp(subject);
    }
    this.release();
  }
}
