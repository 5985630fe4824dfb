/** The number of the empty word. */
export const EMPTY_WORD = 0;
/** The number that all words have which found no room. */
export const OTHER_WORD = 1;

/**
 * Strings that come again and again, under dense numbers: looked up by their bytes, so that a known one costs no object. Holds
 * at most `limit` words of at most 256 bytes; what does not fit is `other`.
 */
export class Words {
  /** Strings that found no room so far. */
  refused = 0;
  readonly #limit: number;
  readonly #texts: string[] = ['', 'other'];
  readonly #bytes: Uint8Array[] = [new Uint8Array(0), new TextEncoder().encode('other')];
  readonly #byText = new Map<string, number>([['', EMPTY_WORD]]);
  #slots = new Int32Array(256).fill(-1);
  /** Differs between instances, so that nobody can prepare words that collide. */
  readonly #seed = (Math.random() * 0x1_0000_0000) | 0;

  constructor(limit = 4096) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#texts.length;
  }

  text(word: number): string {
    return this.#texts[word]!;
  }

  /** Number of the word in these bytes. */
  id(bytes: Uint8Array, start: number, end: number): number {
    if (start === end) return EMPTY_WORD;
    const hash = this.#hash(bytes, start, end);
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (let word = this.#slots[slot]!; word >= 0; word = this.#slots[slot]!) {
      if (same(this.#bytes[word]!, bytes, start, end)) return word;
      slot = (slot + 1) & mask;
    }
    if (end - start > MAX_WORD_BYTES || this.#texts.length >= this.#limit) {
      this.refused++;
      return OTHER_WORD;
    }
    // A slice of a Buffer would be no copy.
    return this.#add(Uint8Array.prototype.slice.call(bytes, start, end), slot);
  }

  /** The same for a text. */
  idOf(text: string): number {
    const known = this.#byText.get(text);
    if (known !== undefined) return known;
    const bytes = new TextEncoder().encode(text);
    const word = this.id(bytes, 0, bytes.length);
    if (word !== OTHER_WORD && this.#byText.size < this.#limit) this.#byText.set(text, word);
    return word;
  }

  #add(bytes: Uint8Array, slot: number): number {
    const word = this.#texts.push(new TextDecoder().decode(bytes)) - 1;
    this.#bytes.push(bytes);
    this.#slots[slot] = word;
    if (this.#texts.length * 2 > this.#slots.length) this.#grow();
    return word;
  }

  #grow(): void {
    this.#slots = new Int32Array(this.#slots.length * 2).fill(-1);
    const mask = this.#slots.length - 1;
    for (let word = OTHER_WORD + 1; word < this.#bytes.length; word++) {
      const bytes = this.#bytes[word]!;
      let slot = this.#hash(bytes, 0, bytes.length) & mask;
      while (this.#slots[slot]! >= 0) slot = (slot + 1) & mask;
      this.#slots[slot] = word;
    }
  }

  #hash(bytes: Uint8Array, start: number, end: number): number {
    let hash = this.#seed;
    for (let at = start; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, 0x0100_0193);
    return hash ^ (hash >>> 15);
  }
}

const MAX_WORD_BYTES = 256;

function same(word: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (word.length !== end - start) return false;
  for (let i = 0; i < word.length; i++) if (word[i] !== bytes[start + i]) return false;
  return true;
}
