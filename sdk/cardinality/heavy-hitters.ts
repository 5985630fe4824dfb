import { KeyIndex } from './key-index.ts';

/** The largest of the others must have so much more than the smallest that has a name before they change places. */
const MARGIN = 1.25;

/** Others that are watched, at least. */
const MIN_WATCHED = 128;

/** Places outside the heap. */
const NAMED = -1;
const EMPTY = -2;

/**
 * Weighs keys in constant memory: exactly those that have a name, the others with a space-saving sketch (Metwally and others,
 * 2005), whose least one makes room for a newcomer and hands it its weight as a possible error.
 *
 *     key ──▶ slot: weight, error, place in the heap (`NAMED` for those with a name)
 *     heap: slots of the others, the lightest first
 */
export class HeavyHitters {
  readonly #watched: number;
  readonly #slots: KeyIndex;
  readonly #keys: number[] = [];
  readonly #weights: number[] = [];
  readonly #errors: number[] = [];
  readonly #places: number[] = [];
  readonly #free: number[] = [];
  readonly #heap: number[] = [];

  /** `named`: how many will have a name. */
  constructor(named: number) {
    this.#watched = Math.max(MIN_WATCHED, named);
    this.#slots = new KeyIndex(Math.min(this.#watched, 4096));
  }

  add(key: number, weight: number): void {
    const slot = this.#slots.get(key);
    if (slot < 0) {
      this.#watch(key, weight);
      return;
    }
    this.#weights[slot]! += weight;
    if (this.#places[slot]! >= 0) this.#sink(this.#places[slot]!);
  }

  /** From now on it has a name, and keeps its weight. */
  name(key: number): void {
    const known = this.#slots.get(key);
    const slot = known < 0 ? this.#occupy(key, 0, 0) : known;
    if (this.#places[slot]! >= 0) this.#leaveHeap(slot);
  }

  /** It has no name any more. */
  unname(key: number): void {
    const slot = this.#slots.get(key);
    if (slot < 0 || this.#places[slot]! >= 0) return;
    const weight = this.#weights[slot]!;
    const error = this.#errors[slot]!;
    this.#vacate(slot);
    if (weight <= 0) return;
    if (this.#heap.length === this.#watched) {
      if (this.#weights[this.#heap[0]!]! >= weight) return;
      this.#vacate(this.#heap[0]!);
    }
    this.#enterHeap(this.#occupy(key, weight, error));
  }

  /**
   * Those that should get a name: the largest others as long as there is one free, then those that are clearly larger than the
   * smallest that has one, which loses it.
   */
  changes(free: number): readonly { readonly up: number; readonly down: number | undefined }[] {
    const named: number[] = [];
    for (let slot = 0; slot < this.#places.length; slot++) if (this.#places[slot] === NAMED) named.push(slot);
    named.sort((a, b) => this.#weights[a]! - this.#weights[b]!);
    const sure = (slot: number): number => this.#weights[slot]! - this.#errors[slot]!;
    const others = this.#heap.filter((slot) => sure(slot) > 0).sort((a, b) => sure(b) - sure(a));
    const changes: { up: number; down: number | undefined }[] = [];
    for (const slot of others) {
      const smallest = changes.length < free ? undefined : named[changes.length - free];
      if (changes.length >= free && smallest === undefined) break;
      if (smallest !== undefined && !(sure(slot) > this.#weights[smallest]! * MARGIN)) break;
      changes.push({ up: this.#keys[slot]!, down: smallest === undefined ? undefined : this.#keys[smallest]! });
    }
    return changes;
  }

  /** Lets all weights fade, so that what was large once does not stay so. `factor` is 0 to 1. */
  fade(factor: number): void {
    for (let slot = 0; slot < this.#weights.length; slot++) {
      this.#weights[slot]! *= factor;
      this.#errors[slot]! *= factor;
    }
  }

  #watch(key: number, weight: number): void {
    if (this.#heap.length < this.#watched) {
      this.#enterHeap(this.#occupy(key, weight, 0));
      return;
    }
    const slot = this.#heap[0]!;
    this.#slots.remove(this.#keys[slot]!);
    this.#slots.add(key, slot);
    this.#keys[slot] = key;
    this.#errors[slot] = this.#weights[slot]!;
    this.#weights[slot]! += weight;
    this.#sink(0);
  }

  #occupy(key: number, weight: number, error: number): number {
    const slot = this.#free.pop() ?? this.#keys.length;
    this.#keys[slot] = key;
    this.#weights[slot] = weight;
    this.#errors[slot] = error;
    this.#places[slot] = NAMED;
    this.#slots.add(key, slot);
    return slot;
  }

  #vacate(slot: number): void {
    if (this.#places[slot]! >= 0) this.#leaveHeap(slot);
    this.#slots.remove(this.#keys[slot]!);
    this.#weights[slot] = 0;
    this.#errors[slot] = 0;
    this.#places[slot] = EMPTY;
    this.#free.push(slot);
  }

  #enterHeap(slot: number): void {
    let place = this.#heap.push(slot) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (this.#weights[this.#heap[parent]!]! <= this.#weights[slot]!) break;
      this.#put(place, this.#heap[parent]!);
      place = parent;
    }
    this.#put(place, slot);
  }

  #leaveHeap(slot: number): void {
    let place = this.#places[slot]!;
    for (; place > 0; place = (place - 1) >> 1) this.#put(place, this.#heap[(place - 1) >> 1]!);
    this.#places[slot] = NAMED;
    const last = this.#heap.pop()!;
    if (this.#heap.length === 0) return;
    this.#put(0, last);
    this.#sink(0);
  }

  /** Moves what became heavier down to its place. */
  #sink(from: number): void {
    const slot = this.#heap[from]!;
    let place = from;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= this.#heap.length) break;
      const right = child + 1;
      if (right < this.#heap.length && this.#weights[this.#heap[right]!]! < this.#weights[this.#heap[child]!]!)
        child = right;
      if (this.#weights[this.#heap[child]!]! >= this.#weights[slot]!) break;
      this.#put(place, this.#heap[child]!);
      place = child;
    }
    this.#put(place, slot);
  }

  #put(place: number, slot: number): void {
    this.#heap[place] = slot;
    this.#places[slot] = place;
  }
}
