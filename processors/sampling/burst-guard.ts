const INTERVAL_MS = 100;

/**
 * By how much shares are lowered so that a limit a second holds in expectation. It knows what the batches so far would have
 * kept, never what they did keep, so an item's share does not depend on chance.
 *
 * Time is cut into intervals of 100 ms. Let B be what one may keep, P the larger of B and of what the last interval wanted, E
 * what this one has wanted so far. The factor is B / P up to E = P, and B / P · (P / E)² beyond: a steady stream is kept at
 * exactly B, one that grows within an interval at less than 2 B in that interval, and no share ever becomes 0.
 */
export class BurstGuard {
  readonly #budget: number;
  readonly #now: () => number;
  #interval = Number.NEGATIVE_INFINITY;
  #before: number;
  #wanted = 0;

  /** `now`: monotonic, ms. */
  constructor(limitPerSecond: number, now: () => number) {
    this.#budget = (limitPerSecond * INTERVAL_MS) / 1000;
    this.#before = this.#budget;
    this.#now = now;
  }

  /** For a batch of which so many items would be kept. */
  factor(expected: number): number {
    const interval = Math.floor(this.#now() / INTERVAL_MS);
    if (interval !== this.#interval) {
      this.#before = Math.max(this.#budget, interval === this.#interval + 1 ? this.#wanted : 0);
      this.#wanted = 0;
      this.#interval = interval;
    }
    this.#wanted += expected;
    const steady = this.#budget / this.#before;
    return this.#wanted <= this.#before ? steady : steady * (this.#before / this.#wanted) ** 2;
  }

  /** The batch did not pass after all. */
  takeBack(expected: number): void {
    this.#wanted = Math.max(0, this.#wanted - expected);
  }
}
