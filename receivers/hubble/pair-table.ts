/**
 * Dense numbers for pairs of 32-bit integers: open addressing over typed arrays, no object for a pair.
 *
 *     (a, b) ──hash──▶ slots ──▶ number + 1 ──▶ first[number], second[number]
 */
export class PairTable {
  #first = new Int32Array(64);
  #second = new Int32Array(64);
  #slots = new Int32Array(128);
  #size = 0;
  readonly #seed = (Math.random() * 0x1_0000_0000) | 0;

  get size(): number {
    return this.#size;
  }

  first(number: number): number {
    return this.#first[number]!;
  }

  second(number: number): number {
    return this.#second[number]!;
  }

  /** The pair's number; -1 when it is not here. */
  find(a: number, b: number): number {
    const mask = this.#slots.length - 1;
    let slot = this.#hash(a, b) & mask;
    for (let entry = this.#slots[slot]!; entry !== 0; entry = this.#slots[slot]!) {
      if (this.#first[entry - 1] === a && this.#second[entry - 1] === b) return entry - 1;
      slot = (slot + 1) & mask;
    }
    return -1;
  }

  /** Gives a pair that is not here the next number. */
  add(a: number, b: number): number {
    const number = this.#size++;
    if (number === this.#first.length) this.#grow();
    this.#first[number] = a;
    this.#second[number] = b;
    this.#place(number);
    return number;
  }

  /** Keeps the pairs that `keep` says, numbered anew in their order. Tells of each that stays what its number was and is. */
  compact(keep: (number: number) => boolean, moved: (from: number, to: number) => void): void {
    let to = 0;
    for (let from = 0; from < this.#size; from++) {
      if (!keep(from)) continue;
      this.#first[to] = this.#first[from]!;
      this.#second[to] = this.#second[from]!;
      moved(from, to);
      to++;
    }
    this.#size = to;
    this.#placeAll();
  }

  /** Replaces the first of each pair. What it becomes must leave all pairs distinct. */
  renumberFirst(next: (first: number) => number): void {
    renumber(this.#first, this.#size, next);
    this.#placeAll();
  }

  /** The same for the second, from the pair of a number on. */
  renumberSecond(next: (second: number) => number, from: number): void {
    renumber(this.#second.subarray(from), this.#size - from, next);
    this.#placeAll();
  }

  clear(): void {
    this.#size = 0;
    this.#slots.fill(0);
  }

  #placeAll(): void {
    this.#slots.fill(0);
    for (let number = 0; number < this.#size; number++) this.#place(number);
  }

  #place(number: number): void {
    const mask = this.#slots.length - 1;
    let slot = this.#hash(this.#first[number]!, this.#second[number]!) & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = number + 1;
  }

  #grow(): void {
    const capacity = this.#first.length * 2;
    this.#first = longer(this.#first, capacity);
    this.#second = longer(this.#second, capacity);
    this.#slots = new Int32Array(capacity * 2);
    for (let number = 0; number < this.#size - 1; number++) this.#place(number);
  }

  #hash(a: number, b: number): number {
    let hash = Math.imul(a ^ this.#seed, 0x9e37_79b1);
    hash = Math.imul(hash ^ (hash >>> 15) ^ b, 0x85eb_ca6b);
    return hash ^ (hash >>> 13);
  }
}

function renumber(values: Int32Array, count: number, next: (value: number) => number): void {
  for (let number = 0; number < count; number++) values[number] = next(values[number]!);
}

function longer(from: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const to = new Int32Array(length);
  to.set(from);
  return to;
}
