// Generated from bpf/fileio.bpf.c by scripts/generate-cursors.ts. Do not edit.


/** `enum file_operation`. */
export const FileOperation = {
  FILE_NONE: 0,
  FILE_READ: 1,
  FILE_WRITE: 2,
  FILE_SYNC: 3,
  FILE_OPEN: 4,
  FILE_SEND: 5,
  FILE_COPY: 6,
  FILE_OPERATIONS: 7,
} as const;

/** Hash of each struct's layout; what is loaded must have the same. */
export const LAYOUTS = {
  file_key: 'be91c98a6e77a549',
  file_value: 'b341d4b53b0ca36b',
  file_error_key: '188272231686d9fa',
  file_error_value: '9e9f2e9bb3947bed',
  file_latency_key: '709418705d328c66',
  hist: '35042982e243a5dc',
} as const;

/** A moving view on one `struct file_key` in a buffer of 32-bit words. */
export class FileKey {
  /** Bytes. */
  static readonly SIZE = 4;
  /** 32-bit words. */
  static readonly WORDS = 1;
  /** Position of each member, in words. */
  static readonly WORD = { group: 0 } as const;
  #words: Uint32Array = new Uint32Array(1);
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
}

/** A moving view on one `struct file_value` in a buffer of 32-bit words. */
export class FileValue {
  /** Bytes. */
  static readonly SIZE = 32;
  /** 32-bit words. */
  static readonly WORDS = 8;
  /** Position of each member, in words. */
  static readonly WORD = { calls: 0, opens: 2, read: 4, written: 6 } as const;
  #words: Uint32Array = new Uint32Array(8);
  #at = 0;

  /** Moves to the struct that begins at word `at`. */
  move(words: Uint32Array, at: number): this {
    this.#words = words;
    this.#at = at;
    return this;
  }

  /** Occurrences. */
  get calls(): bigint {
    return (BigInt(this.#words[this.#at + 1]!) << 32n) | BigInt(this.#words[this.#at]!);
  }

  /** Occurrences. */
  get opens(): bigint {
    return (BigInt(this.#words[this.#at + 2 + 1]!) << 32n) | BigInt(this.#words[this.#at + 2]!);
  }

  /** Bytes. */
  get read(): bigint {
    return (BigInt(this.#words[this.#at + 4 + 1]!) << 32n) | BigInt(this.#words[this.#at + 4]!);
  }

  /** Bytes. */
  get written(): bigint {
    return (BigInt(this.#words[this.#at + 6 + 1]!) << 32n) | BigInt(this.#words[this.#at + 6]!);
  }
}

/** A moving view on one `struct file_error_key` in a buffer of 32-bit words. */
export class FileErrorKey {
  /** Bytes. */
  static readonly SIZE = 8;
  /** 32-bit words. */
  static readonly WORDS = 2;
  /** Position of each member, in words. */
  static readonly WORD = { group: 0, error: 1 } as const;
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

  /** Positive error number. */
  get error(): number {
    return this.#words[this.#at + 1]! | 0;
  }
}

/** A moving view on one `struct file_error_value` in a buffer of 32-bit words. */
export class FileErrorValue {
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

/** A moving view on one `struct file_latency_key` in a buffer of 32-bit words. */
export class FileLatencyKey {
  /** Bytes. */
  static readonly SIZE = 8;
  /** 32-bit words. */
  static readonly WORDS = 2;
  /** Position of each member, in words. */
  static readonly WORD = { group: 0, operation: 1 } as const;
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

  get operation(): number {
    return this.#words[this.#at + 1]!;
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
