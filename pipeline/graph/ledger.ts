import type { Signal } from '../../pdata/signals.ts';
import type { ItemLedger } from '../../sdk/scope.ts';

/** Totals since the start. At rest `in + created = out + dropped + merged + held`. */
export interface LedgerTotals {
  readonly in: number;
  readonly out: number;
  readonly created: ReadonlyMap<string, number>;
  readonly dropped: ReadonlyMap<string, number>;
  readonly merged: number;
}

/** Declarations that were made during one call and are not yet entered. */
export interface Declarations {
  readonly created: ReadonlyMap<string, number>;
  readonly dropped: ReadonlyMap<string, number>;
  readonly merged: number;
}

/**
 * What went through one component instance. The core enters what it sees at the edges; the component declares the rest
 * through its scope. Counts only grow and are whole.
 */
export class Ledger implements LedgerTotals {
  /** What the component's scope shows of it. */
  readonly items: ItemLedger = {
    dropped: (count, reason) => this.drop(count, reason),
    created: (count, reason) => this.create(count, reason),
    merged: (count) => this.merge(count),
  };
  readonly created = new Map<string, number>();
  readonly dropped = new Map<string, number>();
  readonly inBySignal = new Map<Signal, number>();
  readonly outBySignal = new Map<Signal, number>();
  /** Offers that failed and went back to the sender, who still has them. Outside the balance. */
  readonly refusedBySignal = new Map<Signal, number>();
  /** Items of batches that failed here after they had been accepted elsewhere: in and dropped. */
  readonly lostBySignal = new Map<Signal, number>();
  in = 0;
  out = 0;
  merged = 0;
  #pending: Pending | undefined;

  drop(count: number, reason: string): void {
    add(this.#pending?.dropped ?? this.dropped, reason, count);
  }

  create(count: number, reason: string): void {
    add(this.#pending?.created ?? this.created, reason, count);
  }

  merge(count: number): void {
    if (this.#pending) this.#pending.merged += count;
    else this.merged += count;
  }

  received(signal: Signal, count: number): void {
    this.in += count;
    add(this.inBySignal, signal, count);
  }

  sent(signal: Signal, count: number): void {
    this.out += count;
    add(this.outBySignal, signal, count);
  }

  refused(signal: Signal, count: number): void {
    add(this.refusedBySignal, signal, count);
  }

  lost(signal: Signal, count: number): void {
    this.received(signal, count);
    this.drop(count, 'failed');
    add(this.lostBySignal, signal, count);
  }

  /** Runs a synchronous call and keeps what it declares aside; {@link enter} enters it once the outcome is known. */
  collect<T>(call: () => T): { readonly result: T; readonly declared: Declarations } {
    const pending: Pending = { created: new Map(), dropped: new Map(), merged: 0 };
    const outer = this.#pending;
    this.#pending = pending;
    try {
      return { result: call(), declared: pending };
    } finally {
      this.#pending = outer;
    }
  }

  enter(declared: Declarations): void {
    for (const [reason, count] of declared.created) add(this.created, reason, count);
    for (const [reason, count] of declared.dropped) add(this.dropped, reason, count);
    this.merged += declared.merged;
  }

  /**
   * What came in and was neither dropped, merged nor is held. For components with outlets it equals {@link out} at rest;
   * for exporters it is what has left the agent.
   */
  expectedOut(held: number): number {
    return this.in + sum(this.created) - sum(this.dropped) - this.merged - held;
  }
}

interface Pending {
  readonly created: Map<string, number>;
  readonly dropped: Map<string, number>;
  merged: number;
}

export function sum(counts: ReadonlyMap<string, number>): number {
  let total = 0;
  for (const count of counts.values()) total += count;
  return total;
}

function add<K>(counts: Map<K, number>, reason: K, count: number): void {
  if (count > 0) counts.set(reason, (counts.get(reason) ?? 0) + count);
}
