/**
 * Texts under small numbers (*slots*), read in sorted order. Adding and removing is cheap; the order is mended when it
 * is asked for, by merging the new ones into the old ones.
 */
export class SortedTexts {
  readonly #slots = new Map<string, number>();
  readonly #texts: (string | undefined)[] = [];
  readonly #alternatives: (string | undefined)[] = [];
  /** What is made of each text and of its alternative, once somebody asks. */
  readonly #made: (string | undefined)[][] = [[], []];
  #free: number[] = [];
  #order = new Uint32Array(0);
  #added: number[] = [];
  /** Removed since the order was mended; not to be given out before. */
  #removed: number[] = [];

  get size(): number {
    return this.#slots.size;
  }

  find(text: string): number | undefined {
    return this.#slots.get(text);
  }

  /** A slot for a text that has none. */
  add(text: string, alternative: string | undefined): number {
    const slot = this.#free.pop() ?? this.#texts.length;
    this.#texts[slot] = text;
    this.#alternatives[slot] = alternative;
    this.#slots.set(text, slot);
    this.#added.push(slot);
    return slot;
  }

  remove(slot: number): void {
    this.#slots.delete(this.#texts[slot]!);
    this.#texts[slot] = undefined;
    this.#alternatives[slot] = undefined;
    for (const made of this.#made) if (slot < made.length) made[slot] = undefined;
    this.#removed.push(slot);
    // Nobody may ask for the order for long, while series come and go.
    if (this.#removed.length > 1024 && this.#removed.length > this.size) this.order();
  }

  text(slot: number): string {
    return this.#texts[slot]!;
  }

  /** The other form of the text, where it has one. */
  alternative(slot: number): string | undefined {
    return this.#alternatives[slot];
  }

  /** What `make` makes of the text, or of its alternative where it is preferred and there; made once. */
  made(slot: number, preferAlternative: boolean, make: (text: string) => string): string {
    const alternative = preferAlternative ? this.#alternatives[slot] : undefined;
    const made = this.#made[alternative === undefined ? 0 : 1]!;
    let result = made[slot];
    if (result === undefined) {
      result = make(alternative ?? this.#texts[slot]!);
      made[slot] = result;
    }
    return result;
  }

  /** All slots, by the byte order of their texts. Valid until the next change. */
  order(): Uint32Array {
    if (this.#removed.length > 0) {
      this.#order = this.#order.filter((slot) => this.#texts[slot] !== undefined);
      this.#added = this.#added.filter((slot) => this.#texts[slot] !== undefined);
      this.#free = this.#free.concat(this.#removed);
      this.#removed = [];
    }
    if (this.#added.length > 0) {
      this.#order = this.#merged(
        this.#order,
        this.#added.sort((a, b) => this.#compare(a, b)),
      );
      this.#added = [];
    }
    return this.#order;
  }

  /** Copies runs of the old order between the places of the new ones: comparisons grow with the new ones only. */
  #merged(old: Uint32Array, added: readonly number[]): Uint32Array<ArrayBuffer> {
    const result = new Uint32Array(old.length + added.length);
    let from = 0;
    for (let k = 0; k < added.length; k++) {
      const slot = added[k]!;
      const place = this.#placeOf(slot, old, from);
      result.set(old.subarray(from, place), from + k);
      result[place + k] = slot;
      from = place;
    }
    result.set(old.subarray(from), from + added.length);
    return result;
  }

  #placeOf(slot: number, order: Uint32Array, from: number): number {
    let low = from;
    let high = order.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(order[middle]!, slot) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #compare(a: number, b: number): number {
    const [x, y] = [this.#texts[a]!, this.#texts[b]!];
    return x < y ? -1 : x > y ? 1 : 0;
  }
}
