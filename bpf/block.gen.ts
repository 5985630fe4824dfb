// Generated from bpf/block.bpf.c by scripts/generate-cursors.ts. Do not edit.



/** Hash of each struct's layout; what is loaded must have the same. */
export const LAYOUTS = {
  block_key: '39324c4f5ab62812',
  hist: '35042982e243a5dc',
} as const;

/** A moving view on one `struct block_key` in a buffer of 32-bit words. */
export class BlockKey {
  /** Bytes. */
  static readonly SIZE = 12;
  /** 32-bit words. */
  static readonly WORDS = 3;
  /** Position of each member, in words. */
  static readonly WORD = { major: 0, minor: 1, operation: 2 } as const;
  #words: Uint32Array = new Uint32Array(3);
  #at = 0;

  /** Moves to the struct that begins at word `at`. */
  move(words: Uint32Array, at: number): this {
    this.#words = words;
    this.#at = at;
    return this;
  }

  get major(): number {
    return this.#words[this.#at]!;
  }

  get minor(): number {
    return this.#words[this.#at + 1]!;
  }

  get operation(): number {
    return this.#words[this.#at + 2]!;
  }
}

/** A moving view on one `struct hist` in a buffer of 32-bit words. */
export class Hist {
  /** Bytes. */
  static readonly SIZE = 400;
  /** 32-bit words. */
  static readonly WORDS = 100;
  /** Position of each member, in words. */
  static readonly WORD = { sum: 0, zero: 2, buckets: 4 } as const;
  #words: Uint32Array = new Uint32Array(100);
  #at = 0;

  /** Moves to the struct that begins at word `at`. */
  move(words: Uint32Array, at: number): this {
    this.#words = words;
    this.#at = at;
    return this;
  }

  /** Nanoseconds. */
  get sum(): bigint {
    return (BigInt(this.#words[this.#at + 1]!) << 32n) | BigInt(this.#words[this.#at]!);
  }

  /** Occurrences. */
  get zero(): bigint {
    return (BigInt(this.#words[this.#at + 2 + 1]!) << 32n) | BigInt(this.#words[this.#at + 2]!);
  }

  /** 48 values: Occurrences. */
  static readonly BUCKETS_LENGTH = 48;
}
