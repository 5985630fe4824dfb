import type { Clock } from 'bpflow/sdk';

/**
 * Keys that were seen, in two generations: what is new or seen again is in the young one, which becomes the old one after
 * `forgetAfterMs`. So it holds at most twice `maxKeys`, and nothing is looked through.
 */
export class FirstSeen {
  readonly #clock: Clock;
  readonly #maxKeys: number;
  readonly #forgetAfterMs: number;
  #young = new Set<string>();
  #old = new Set<string>();
  #turnAt: number;

  constructor(clock: Clock, maxKeys: number, forgetAfterMs: number) {
    this.#clock = clock;
    this.#maxKeys = maxKeys;
    this.#forgetAfterMs = forgetAfterMs;
    this.#turnAt = clock.monotonic() + forgetAfterMs;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** To be called once for each batch. */
  turn(): void {
    const now = this.#clock.monotonic();
    if (now < this.#turnAt) return;
    this.#old = now < this.#turnAt + this.#forgetAfterMs ? this.#young : new Set();
    this.#young = new Set();
    this.#turnAt = now + this.#forgetAfterMs;
  }

  /** Takes the key down. Whether it is new; never when there are too many. */
  isNew(key: string): boolean {
    if (this.#young.has(key)) return false;
    if (this.#young.size >= this.#maxKeys) return false;
    this.#young.add(key);
    return !this.#old.has(key);
  }

  /** Takes back what {@link isNew} has said yes to. */
  forget(keys: Iterable<string>): void {
    for (const key of keys) this.#young.delete(key);
  }
}
