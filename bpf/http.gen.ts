// Generated from bpf/http.bpf.c by scripts/generate-cursors.ts. Do not edit.

export const HTTP_FIRST_STATUS = 100;
export const HTTP_LAST_STATUS = 599;
export const HTTP_OTHER_STATUS = 0;

/** `enum http_role`. */
export const HttpRole = {
  HTTP_CLIENT: 0,
  HTTP_SERVER: 1,
  HTTP_ROLES: 2,
} as const;

/** `enum http_method`. */
export const HttpMethod = {
  HTTP_OTHER_METHOD: 0,
  HTTP_GET: 1,
  HTTP_HEAD: 2,
  HTTP_POST: 3,
  HTTP_PUT: 4,
  HTTP_DELETE: 5,
  HTTP_CONNECT: 6,
  HTTP_OPTIONS: 7,
  HTTP_TRACE: 8,
  HTTP_PATCH: 9,
  HTTP_QUERY: 10,
  HTTP_METHODS: 11,
} as const;

/** `enum http_stray`. */
export const HttpStray = {
  HTTP_UNMATCHED: 0,
  HTTP_MALFORMED_REQUEST: 1,
  HTTP_MALFORMED_RESPONSE: 2,
  HTTP_TLS: 3,
  HTTP_2: 4,
  HTTP_STRAYS: 5,
} as const;

/** Hash of each struct's layout; what is loaded must have the same. */
export const LAYOUTS = {
  http_key: '44ee5772b1312769',
  http_value: '9a1716d5dc22a62f',
  http_answer_key: '1d9e848466f8984a',
  http_answer_value: 'a830188598edf29e',
  http_time_key: '25c1c5887b6a1e31',
  http_stray_value: '9e9f2e9bb3947bed',
  hist: '35042982e243a5dc',
} as const;

/** A moving view on one `struct http_key` in a buffer of 32-bit words. */
export class HttpKey {
  /** Bytes. */
  static readonly SIZE = 12;
  /** 32-bit words. */
  static readonly WORDS = 3;
  /** Position of each member, in words. */
  static readonly WORD = { group: 0, role: 1, method: 2 } as const;
  #words: Uint32Array = new Uint32Array(3);
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

  get role(): number {
    return this.#words[this.#at + 1]!;
  }

  get method(): number {
    return this.#words[this.#at + 2]!;
  }
}

/** A moving view on one `struct http_value` in a buffer of 32-bit words. */
export class HttpValue {
  /** Bytes. */
  static readonly SIZE = 16;
  /** 32-bit words. */
  static readonly WORDS = 4;
  /** Position of each member, in words. */
  static readonly WORD = { requests: 0, unanswered: 2 } as const;
  #words: Uint32Array = new Uint32Array(4);
  #at = 0;

  /** Moves to the struct that begins at word `at`. */
  move(words: Uint32Array, at: number): this {
    this.#words = words;
    this.#at = at;
    return this;
  }

  /** Occurrences. */
  get requests(): bigint {
    return (BigInt(this.#words[this.#at + 1]!) << 32n) | BigInt(this.#words[this.#at]!);
  }

  /** Occurrences. */
  get unanswered(): bigint {
    return (BigInt(this.#words[this.#at + 2 + 1]!) << 32n) | BigInt(this.#words[this.#at + 2]!);
  }
}

/** A moving view on one `struct http_answer_key` in a buffer of 32-bit words. */
export class HttpAnswerKey {
  /** Bytes. */
  static readonly SIZE = 12;
  /** 32-bit words. */
  static readonly WORDS = 3;
  /** Position of each member, in words. */
  static readonly WORD = { group: 0, role: 1, status: 2 } as const;
  #words: Uint32Array = new Uint32Array(3);
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

  get role(): number {
    return this.#words[this.#at + 1]!;
  }

  get status(): number {
    return this.#words[this.#at + 2]!;
  }
}

/** A moving view on one `struct http_answer_value` in a buffer of 32-bit words. */
export class HttpAnswerValue {
  /** Bytes. */
  static readonly SIZE = 8;
  /** 32-bit words. */
  static readonly WORDS = 2;
  /** Position of each member, in words. */
  static readonly WORD = { responses: 0 } as const;
  #words: Uint32Array = new Uint32Array(2);
  #at = 0;

  /** Moves to the struct that begins at word `at`. */
  move(words: Uint32Array, at: number): this {
    this.#words = words;
    this.#at = at;
    return this;
  }

  /** Occurrences. */
  get responses(): bigint {
    return (BigInt(this.#words[this.#at + 1]!) << 32n) | BigInt(this.#words[this.#at]!);
  }
}

/** A moving view on one `struct http_time_key` in a buffer of 32-bit words. */
export class HttpTimeKey {
  /** Bytes. */
  static readonly SIZE = 8;
  /** 32-bit words. */
  static readonly WORDS = 2;
  /** Position of each member, in words. */
  static readonly WORD = { group: 0, role: 1 } as const;
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

  get role(): number {
    return this.#words[this.#at + 1]!;
  }
}

/** A moving view on one `struct http_stray_value` in a buffer of 32-bit words. */
export class HttpStrayValue {
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
