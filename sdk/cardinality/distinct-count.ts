import { DistinctEstimate } from './distinct-estimate.ts';

/** Keys up to which the count is exact. */
const EXACT = 10_000;

/** How many distinct keys were seen: exactly while they are few, then about. Memory is bounded. */
export class DistinctCount {
  #keys: Set<number> | undefined = new Set();
  readonly #estimate = new DistinctEstimate();

  add(key: number): void {
    this.#estimate.add(key);
    if (this.#keys === undefined) return;
    this.#keys.add(key);
    if (this.#keys.size > EXACT) this.#keys = undefined;
  }

  get isExact(): boolean {
    return this.#keys !== undefined;
  }

  get value(): number {
    return this.#keys?.size ?? Math.max(EXACT, this.#estimate.value);
  }
}
