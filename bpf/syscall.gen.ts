// Generated from bpf/syscall.bpf.c by scripts/generate-cursors.ts. Do not edit.

export const SYSCALL_ABI_SHIFT = 30;
export const SYSCALL_ABI_NATIVE = 0;
export const SYSCALL_ABI_COMPAT = 1;
export const SYSCALL_ABI_X32 = 2;
export const SYSCALL_NUMBER_MASK = 0x3fffffff;
export const SYSCALL_NUMBERS = 1024;
export const SYSCALL_UNKNOWN = 0x3fffffff;
export const SYSCALL_SLOTS_PER_ABI = 512;
export const LATENCY_SLOTS = 512;
export const ERRNO_SLOTS = 4096;

/** Hash of each struct's layout; what is loaded must have the same. */
export const LAYOUTS = {
  syscall_key: '43081f7d9a4073ee',
  syscall_error_key: 'e5ebacd1515bf630',
  syscall_value: '9e9f2e9bb3947bed',
  hist: '35042982e243a5dc',
} as const;

/** A moving view on one `struct syscall_key` in a buffer of 32-bit words. */
export class SyscallKey {
  /** Bytes. */
  static readonly SIZE = 8;
  /** 32-bit words. */
  static readonly WORDS = 2;
  /** Position of each member, in words. */
  static readonly WORD = { group: 0, syscall: 1 } as const;
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

  /** System call number, its ABI in the two highest bits. */
  get syscall(): number {
    return this.#words[this.#at + 1]!;
  }
}

/** A moving view on one `struct syscall_error_key` in a buffer of 32-bit words. */
export class SyscallErrorKey {
  /** Bytes. */
  static readonly SIZE = 16;
  /** 32-bit words. */
  static readonly WORDS = 4;
  /** Position of each member, in words. */
  static readonly WORD = { group: 0, syscall: 1, error: 2 } as const;
  #words: Uint32Array = new Uint32Array(4);
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

  /** System call number, its ABI in the two highest bits. */
  get syscall(): number {
    return this.#words[this.#at + 1]!;
  }

  /** Positive error number. */
  get error(): number {
    return this.#words[this.#at + 2]! | 0;
  }
}

/** A moving view on one `struct syscall_value` in a buffer of 32-bit words. */
export class SyscallValue {
  /** Bytes. */
  static readonly SIZE = 8;
  /** 32-bit words. */
  static readonly WORDS = 2;
  /** Position of each member, in words. */
  static readonly WORD = { count: 0 } as const;
  #words: Uint32Array = new Uint32Array(2);
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
