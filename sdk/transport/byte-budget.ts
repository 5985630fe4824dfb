import type { Clock } from '../scope.ts';
import { YoungGarbage } from './young-garbage.ts';

/** When memory runs short, a request that has been arriving for longer than this makes room. */
const SLOW_MS = 5000;

/** What one request holds of a budget. */
export interface BudgetLease {
  /** Bytes held. */
  readonly held: number;
  /** False, and nothing taken, when there are not so many left. */
  take(bytes: number): boolean;
  /** The request has arrived: it is not evicted any more. */
  arrived(): void;
  /** Gives everything back. Safe twice; the lease can be used again. */
  release(): void;
}

/**
 * A bound on the bytes of all requests that are being received, inflated and handled. When they reach it, a request that is
 * still arriving makes room: the one that has been for the longest time, if it is slow, or the one that holds most, if that is
 * more than who asks would have. So neither slow nor greedy senders keep others out.
 */
export class ByteBudget {
  /** Bytes that may be held at a time. */
  readonly limit: number;
  readonly #clock: Clock;
  readonly #garbage = new YoungGarbage();
  /** Of requests that are arriving, the oldest first. */
  readonly #arriving = new Set<Lease>();
  #used = 0;
  #peak = 0;

  constructor(limit: number, clock: Clock) {
    this.limit = limit;
    this.#clock = clock;
  }

  /** For a request that begins to arrive. `evict` must end it and release its lease. */
  open(evict: () => void): BudgetLease {
    const lease = new Lease(this, this.#clock.monotonic(), evict);
    this.#arriving.add(lease);
    return lease;
  }

  /** Bytes held now. */
  get used(): number {
    return this.#used;
  }

  /** The most that was held at a time. */
  get peak(): number {
    return this.#peak;
  }

  /** For leases. */
  add(lease: BudgetLease, bytes: number): boolean {
    while (this.#used + bytes > this.limit) {
      if (!this.#evictSlowest() && !this.#evictLargest(lease.held + bytes)) return false;
    }
    this.#used += bytes;
    if (this.#used > this.#peak) this.#peak = this.#used;
    return true;
  }

  /** For leases. */
  remove(lease: BudgetLease, bytes: number): void {
    this.#arriving.delete(lease as Lease);
    this.#used -= bytes;
    this.#garbage.add(bytes);
  }

  #evictSlowest(): boolean {
    const [slowest] = this.#arriving;
    if (slowest === undefined || this.#clock.monotonic() - slowest.begunMs < SLOW_MS) return false;
    this.#evict(slowest);
    return true;
  }

  #evictLargest(asked: number): boolean {
    let largest: Lease | undefined;
    for (const lease of this.#arriving) if (lease.held > (largest?.held ?? asked)) largest = lease;
    if (largest === undefined) return false;
    this.#evict(largest);
    return true;
  }

  #evict(lease: Lease): void {
    this.#arriving.delete(lease);
    lease.evict();
  }
}

class Lease implements BudgetLease {
  readonly begunMs: number;
  readonly evict: () => void;
  readonly #budget: ByteBudget;
  held = 0;

  constructor(budget: ByteBudget, begunMs: number, evict: () => void) {
    this.#budget = budget;
    this.begunMs = begunMs;
    this.evict = evict;
  }

  take(bytes: number): boolean {
    if (!this.#budget.add(this, bytes)) return false;
    this.held += bytes;
    return true;
  }

  arrived(): void {
    this.#budget.remove(this, 0);
  }

  release(): void {
    this.#budget.remove(this, this.held);
    this.held = 0;
  }
}
