import { HeavyHitters } from './heavy-hitters.ts';
import type { Strategy } from './options.ts';

/** A bounded number of names, for values of an attribute or for series: who has one, and who gets one. */
export class Seats {
  readonly capacity: number;
  /** Weighs keys, where the largest are to have the names. */
  readonly hitters: HeavyHitters | undefined;
  /** By key, how many hold on to it. */
  readonly #taken = new Map<number, number>();
  /** Those for which a place was cleared. */
  readonly #invited = new Set<number>();

  constructor(capacity: number, strategy: Strategy) {
    this.capacity = capacity;
    this.hitters = strategy === 'heavy_hitters' && capacity > 0 ? new HeavyHitters(capacity) : undefined;
  }

  get taken(): number {
    return this.#taken.size;
  }

  /** Whether the key has a name or can get one. */
  admits(key: number): boolean {
    return this.#taken.has(key) || this.#invited.has(key) || this.#taken.size + this.#invited.size < this.capacity;
  }

  /** Holds on to the key, which must be admitted. */
  take(key: number): void {
    const holders = this.#taken.get(key) ?? 0;
    this.#taken.set(key, holders + 1);
    if (holders > 0) return;
    this.#invited.delete(key);
    this.hitters?.name(key);
  }

  /** Lets go of it; the last one frees the place. */
  leave(key: number): void {
    const holders = this.#taken.get(key) ?? 0;
    if (holders > 1) {
      this.#taken.set(key, holders - 1);
    } else if (holders === 1) {
      this.#taken.delete(key);
      this.hitters?.unname(key);
    }
  }

  /** Whether places wait for keys that had none before. */
  get invites(): boolean {
    return this.#invited.size > 0;
  }

  /** The keys that should give up their places to larger ones, which are invited. Their holders must leave at once. */
  review(fade: number): ReadonlySet<number> {
    for (const key of this.#invited) this.hitters?.unname(key);
    this.#invited.clear();
    const down = new Set<number>();
    if (this.hitters === undefined) return down;
    for (const change of this.hitters.changes(this.capacity - this.#taken.size)) {
      if (change.down !== undefined) down.add(change.down);
      this.#invited.add(change.up);
      this.hitters.name(change.up);
    }
    this.hitters.fade(fade);
    return down;
  }
}
