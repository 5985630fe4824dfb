// Generated from bpf/dns.bpf.c by scripts/generate-cursors.ts. Do not edit.

export const DNS_PORTS = 4;
export const DNS_NAME_LENGTH = 128;
export const DNS_MESSAGE_LENGTH = 512;
export const DNS_NO_NAME = 0;
export const DNS_OTHER_RCODE = 24;

/** `enum dns_transport`. */
export const DnsTransport = {
  DNS_UDP: 0,
  DNS_TCP: 1,
  DNS_TRANSPORTS: 2,
} as const;

/** `enum dns_stray`. */
export const DnsStray = {
  DNS_UNMATCHED: 0,
  DNS_MALFORMED_SENT: 1,
  DNS_MALFORMED_RECEIVED: 2,
  DNS_STRAYS: 3,
} as const;

/** Hash of each struct's layout; what is loaded must have the same. */
export const LAYOUTS = {
  dns_key: '0ed4a43849c0d6b9',
  dns_value: 'c13cf9a4ec5532ef',
  dns_answer_key: '1c227fd6390a5023',
  dns_answer_value: 'a830188598edf29e',
  dns_name_key: '7fea5555cb1a29b4',
  dns_name_value: 'b435b812c83a2baf',
  dns_waiting_key: '61c4414ce7a288db',
  dns_waiting: 'a2f05aa3f78b3697',
  dns_stray_value: '9e9f2e9bb3947bed',
  dns_body: '0703f3e65dfa3ddc',
  hist: '35042982e243a5dc',
} as const;

/** A moving view on one `struct dns_key` in a buffer of 32-bit words. */
export class DnsKey {
  /** Bytes. */
  static readonly SIZE = 16;
  /** 32-bit words. */
  static readonly WORDS = 4;
  /** Position of each member, in words. */
  static readonly WORD = { group: 0, name: 1, type: 2, transport: 3 } as const;
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

  get name(): number {
    return this.#words[this.#at + 1]!;
  }

  get type(): number {
    return this.#words[this.#at + 2]!;
  }

  get transport(): number {
    return this.#words[this.#at + 3]!;
  }
}

/** A moving view on one `struct dns_value` in a buffer of 32-bit words. */
export class DnsValue {
  /** Bytes. */
  static readonly SIZE = 24;
  /** 32-bit words. */
  static readonly WORDS = 6;
  /** Position of each member, in words. */
  static readonly WORD = { queries: 0, repeated: 2, unanswered: 4 } as const;
  #words: Uint32Array = new Uint32Array(6);
  #at = 0;

  /** Moves to the struct that begins at word `at`. */
  move(words: Uint32Array, at: number): this {
    this.#words = words;
    this.#at = at;
    return this;
  }

  /** Occurrences. */
  get queries(): bigint {
    return (BigInt(this.#words[this.#at + 1]!) << 32n) | BigInt(this.#words[this.#at]!);
  }

  /** Occurrences. */
  get repeated(): bigint {
    return (BigInt(this.#words[this.#at + 2 + 1]!) << 32n) | BigInt(this.#words[this.#at + 2]!);
  }

  /** Occurrences. */
  get unanswered(): bigint {
    return (BigInt(this.#words[this.#at + 4 + 1]!) << 32n) | BigInt(this.#words[this.#at + 4]!);
  }
}

/** A moving view on one `struct dns_answer_key` in a buffer of 32-bit words. */
export class DnsAnswerKey {
  /** Bytes. */
  static readonly SIZE = 16;
  /** 32-bit words. */
  static readonly WORDS = 4;
  /** Position of each member, in words. */
  static readonly WORD = { group: 0, name: 1, type: 2, rcode: 3 } as const;
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

  get name(): number {
    return this.#words[this.#at + 1]!;
  }

  get type(): number {
    return this.#words[this.#at + 2]!;
  }

  get rcode(): number {
    return this.#words[this.#at + 3]!;
  }
}

/** A moving view on one `struct dns_answer_value` in a buffer of 32-bit words. */
export class DnsAnswerValue {
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

/** A moving view on one `struct dns_name_key` in a buffer of 32-bit words. */
export class DnsNameKey {
  /** Bytes. */
  static readonly SIZE = 128;
  /** 32-bit words. */
  static readonly WORDS = 32;
  /** Position of each member, in words. */
  static readonly WORD = { name: 0 } as const;
  #words: Uint32Array = new Uint32Array(32);
  #at = 0;

  /** Moves to the struct that begins at word `at`. */
  move(words: Uint32Array, at: number): this {
    this.#words = words;
    this.#at = at;
    return this;
  }

  /** At most 127 bytes, up to the first zero. */
  get name(): string {
    const start = this.#words.byteOffset + (this.#at) * 4;
    const bytes = new Uint8Array(this.#words.buffer, start, 128);
    const end = bytes.indexOf(0);
    return Buffer.from(bytes.buffer, start, end < 0 ? 128 : end).toString();
  }
}

/** A moving view on one `struct dns_name_value` in a buffer of 32-bit words. */
export class DnsNameValue {
  /** Bytes. */
  static readonly SIZE = 8;
  /** 32-bit words. */
  static readonly WORDS = 2;
  /** Position of each member, in words. */
  static readonly WORD = { id: 0 } as const;
  #words: Uint32Array = new Uint32Array(2);
  #at = 0;

  /** Moves to the struct that begins at word `at`. */
  move(words: Uint32Array, at: number): this {
    this.#words = words;
    this.#at = at;
    return this;
  }

  get id(): number {
    return this.#words[this.#at]!;
  }
}

/** A moving view on one `struct dns_waiting_key` in a buffer of 32-bit words. */
export class DnsWaitingKey {
  /** Bytes. */
  static readonly SIZE = 16;
  /** 32-bit words. */
  static readonly WORDS = 4;
  /** Position of each member, in words. */
  static readonly WORD = { socket: 0, id: 2 } as const;
  #words: Uint32Array = new Uint32Array(4);
  #at = 0;

  /** Moves to the struct that begins at word `at`. */
  move(words: Uint32Array, at: number): this {
    this.#words = words;
    this.#at = at;
    return this;
  }

  get socket(): bigint {
    return (BigInt(this.#words[this.#at + 1]!) << 32n) | BigInt(this.#words[this.#at]!);
  }

  get id(): number {
    return this.#words[this.#at + 2]!;
  }
}

/** A moving view on one `struct dns_waiting` in a buffer of 32-bit words. */
export class DnsWaiting {
  /** Bytes. */
  static readonly SIZE = 32;
  /** 32-bit words. */
  static readonly WORDS = 8;
  /** Position of each member, in words. */
  static readonly WORD = { since: 0, question: 2, group: 4, name: 5, type: 6, transport: 7 } as const;
  #words: Uint32Array = new Uint32Array(8);
  #at = 0;

  /** Moves to the struct that begins at word `at`. */
  move(words: Uint32Array, at: number): this {
    this.#words = words;
    this.#at = at;
    return this;
  }

  /** Nanoseconds. */
  get since(): bigint {
    return (BigInt(this.#words[this.#at + 1]!) << 32n) | BigInt(this.#words[this.#at]!);
  }

  get question(): bigint {
    return (BigInt(this.#words[this.#at + 2 + 1]!) << 32n) | BigInt(this.#words[this.#at + 2]!);
  }

  /** Id of a series group; 0 is `other`. */
  get group(): number {
    return this.#words[this.#at + 4]!;
  }

  get name(): number {
    return this.#words[this.#at + 5]!;
  }

  get type(): number {
    return this.#words[this.#at + 6]!;
  }

  get transport(): number {
    return this.#words[this.#at + 7]!;
  }
}

/** A moving view on one `struct dns_stray_value` in a buffer of 32-bit words. */
export class DnsStrayValue {
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

/** A moving view on one `struct dns_body` in a buffer of 32-bit words. */
export class DnsBody {
  /** Bytes. */
  static readonly SIZE = 72;
  /** 32-bit words. */
  static readonly WORDS = 18;
  /** Position of each member, in words. */
  static readonly WORD = { latency: 0, transport: 2, isIpv6: 3, localPort: 4, peerPort: 5, localAddress: 6, peerAddress: 10, length: 14, copied: 15, repeated: 16, rcode: 17 } as const;
  #words: Uint32Array = new Uint32Array(18);
  #at = 0;

  /** Moves to the struct that begins at word `at`. */
  move(words: Uint32Array, at: number): this {
    this.#words = words;
    this.#at = at;
    return this;
  }

  /** Nanoseconds. */
  get latency(): bigint {
    return (BigInt(this.#words[this.#at + 1]!) << 32n) | BigInt(this.#words[this.#at]!);
  }

  get transport(): number {
    return this.#words[this.#at + 2]!;
  }

  get isIpv6(): number {
    return this.#words[this.#at + 3]!;
  }

  get localPort(): number {
    return this.#words[this.#at + 4]!;
  }

  get peerPort(): number {
    return this.#words[this.#at + 5]!;
  }

  /** 4 values */
  static readonly LOCALADDRESS_LENGTH = 4;

  /** 4 values */
  static readonly PEERADDRESS_LENGTH = 4;

  get length(): number {
    return this.#words[this.#at + 14]!;
  }

  get copied(): number {
    return this.#words[this.#at + 15]!;
  }

  get repeated(): number {
    return this.#words[this.#at + 16]!;
  }

  get rcode(): number {
    return this.#words[this.#at + 17]!;
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
