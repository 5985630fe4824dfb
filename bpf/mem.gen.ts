// Generated from bpf/mem.bpf.c by scripts/generate-cursors.ts. Do not edit.


/** `enum memory_kind`. */
export const MemoryKind = {
  MEMORY_PAGE: 0,
  MEMORY_MMAP: 1,
  MEMORY_BRK: 2,
  MEMORY_SLAB: 3,
  MEMORY_OOM_KILL: 4,
  MEMORY_KINDS: 5,
} as const;

/** Hash of each struct's layout; what is loaded must have the same. */
export const LAYOUTS = {
  memory_key: 'f9cd48cce73973d3',
  memory_value: 'b016cee1bfaa74fa',
} as const;

/** A moving view on one `struct memory_key` in a buffer of 32-bit words. */
export class MemoryKey {
  /** Bytes. */
  static readonly SIZE = 8;
  /** 32-bit words. */
  static readonly WORDS = 2;
  /** Position of each member, in words. */
  static readonly WORD = { group: 0, kind: 1 } as const;
  #words: Uint32Array = new Uint32Array(2);
  #at = 0;

  /** Moves to the struct that begins at word `at`. */
  move(words: Uint32Array, at: number): this {
    this.#words = words;
    this.#at = at;
    return this;
  }

  /** Id of a series group; 0 is `other`. */
  get group(): number {
    return this.#words[this.#at]!;
  }

  get kind(): number {
    return this.#words[this.#at + 1]!;
  }
}

/** A moving view on one `struct memory_value` in a buffer of 32-bit words. */
export class MemoryValue {
  /** Bytes. */
  static readonly SIZE = 16;
  /** 32-bit words. */
  static readonly WORDS = 4;
  /** Position of each member, in words. */
  static readonly WORD = { count: 0, amount: 2 } as const;
  #words: Uint32Array = new Uint32Array(4);
  #at = 0;

  /** Moves to the struct that begins at word `at`. */
  move(words: Uint32Array, at: number): this {
    this.#words = words;
    this.#at = at;
    return this;
  }

  /** Occurrences. */
  get count(): bigint {
    return (BigInt(this.#words[this.#at + 1]!) << 32n) | BigInt(this.#words[this.#at]!);
  }

  get amount(): bigint {
    return (BigInt(this.#words[this.#at + 2 + 1]!) << 32n) | BigInt(this.#words[this.#at + 2]!);
  }
}
