/**
 * Key → slot for at most so many keys, without an object for each: open addressing with linear probing. Keys are whole, above 0,
 * below 2^53, and evenly spread; slots are from 0.
 *
 *     place = low bits of the key ──▶ keys[place], slots[place] ──▶ next place, where another key is there
 */
export class KeyIndex {
  #keys: Float64Array;
  #slots: Int32Array;
  #size = 0;

  constructor(expected: number) {
    const length = 2 ** Math.ceil(Math.log2(Math.max(16, expected * 2)));
    this.#keys = new Float64Array(length);
    this.#slots = new Int32Array(length);
  }

  /** −1 where there is none. */
  get(key: number): number {
    const keys = this.#keys;
    const mask = keys.length - 1;
    for (let place = key & mask; ; place = (place + 1) & mask) {
      const found = keys[place]!;
      if (found === key) return this.#slots[place]!;
      if (found === 0) return -1;
    }
  }

  /** The key must not be there. */
  add(key: number, slot: number): void {
    if (this.#size * 2 >= this.#keys.length) this.#grow();
    this.#place(key, slot);
    this.#size++;
  }

  /** The key must be there. */
  remove(key: number): void {
    const keys = this.#keys;
    const slots = this.#slots;
    const mask = keys.length - 1;
    let hole = key & mask;
    while (keys[hole] !== key) hole = (hole + 1) & mask;
    for (let place = (hole + 1) & mask; keys[place] !== 0; place = (place + 1) & mask) {
      const home = keys[place]! & mask;
      // Moved only where the hole lies between its home and its place.
      if (((place - home) & mask) < ((place - hole) & mask)) continue;
      keys[hole] = keys[place]!;
      slots[hole] = slots[place]!;
      hole = place;
    }
    keys[hole] = 0;
    this.#size--;
  }

  #place(key: number, slot: number): void {
    const mask = this.#keys.length - 1;
    let place = key & mask;
    while (this.#keys[place] !== 0) place = (place + 1) & mask;
    this.#keys[place] = key;
    this.#slots[place] = slot;
  }

  #grow(): void {
    const keys = this.#keys;
    const slots = this.#slots;
    this.#keys = new Float64Array(keys.length * 2);
    this.#slots = new Int32Array(keys.length * 2);
    for (let place = 0; place < keys.length; place++) {
      if (keys[place] !== 0) this.#place(keys[place]!, slots[place]!);
    }
  }
}
