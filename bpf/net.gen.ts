// Generated from bpf/net.bpf.c by scripts/generate-cursors.ts. Do not edit.


/** `enum transport`. */
export const Transport = {
  TRANSPORT_TCP: 0,
  TRANSPORT_UDP: 1,
  TRANSPORT_UNIX: 2,
} as const;

/** `enum tcp_time`. */
export const TcpTime = {
  TCP_CONNECT: 0,
  TCP_RTT: 1,
} as const;

/** Hash of each struct's layout; what is loaded must have the same. */
export const LAYOUTS = {
  net_key: '8c18a6ea17aae7ee',
  net_value: '643aebe1ec059234',
  connect_error_key: '188272231686d9fa',
  tcp_time_key: '3b7be71719fd0a30',
  connection_key: '4a22d374136e25b2',
  connection_value: '095cec4a052778d5',
  hist: '35042982e243a5dc',
} as const;

/** A moving view on one `struct net_key` in a buffer of 32-bit words. */
export class NetKey {
  /** Bytes. */
  static readonly SIZE = 8;
  /** 32-bit words. */
  static readonly WORDS = 2;
  /** Position of each member, in words. */
  static readonly WORD = { group: 0, transport: 1 } as const;
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

  get transport(): number {
    return this.#words[this.#at + 1]!;
  }
}

/** A moving view on one `struct net_value` in a buffer of 32-bit words. */
export class NetValue {
  /** Bytes. */
  static readonly SIZE = 64;
  /** 32-bit words. */
  static readonly WORDS = 16;
  /** Position of each member, in words. */
  static readonly WORD = { packetsSent: 0, packetsReceived: 2, sent: 4, received: 6, retransmits: 8, opened: 10, accepted: 12, reset: 14 } as const;
  #words: Uint32Array = new Uint32Array(16);
  #at = 0;

  /** Moves to the struct that begins at word `at`. */
  move(words: Uint32Array, at: number): this {
    this.#words = words;
    this.#at = at;
    return this;
  }

  /** Occurrences. */
  get packetsSent(): bigint {
    return (BigInt(this.#words[this.#at + 1]!) << 32n) | BigInt(this.#words[this.#at]!);
  }

  /** Occurrences. */
  get packetsReceived(): bigint {
    return (BigInt(this.#words[this.#at + 2 + 1]!) << 32n) | BigInt(this.#words[this.#at + 2]!);
  }

  /** Bytes. */
  get sent(): bigint {
    return (BigInt(this.#words[this.#at + 4 + 1]!) << 32n) | BigInt(this.#words[this.#at + 4]!);
  }

  /** Bytes. */
  get received(): bigint {
    return (BigInt(this.#words[this.#at + 6 + 1]!) << 32n) | BigInt(this.#words[this.#at + 6]!);
  }

  /** Occurrences. */
  get retransmits(): bigint {
    return (BigInt(this.#words[this.#at + 8 + 1]!) << 32n) | BigInt(this.#words[this.#at + 8]!);
  }

  /** Occurrences. */
  get opened(): bigint {
    return (BigInt(this.#words[this.#at + 10 + 1]!) << 32n) | BigInt(this.#words[this.#at + 10]!);
  }

  /** Occurrences. */
  get accepted(): bigint {
    return (BigInt(this.#words[this.#at + 12 + 1]!) << 32n) | BigInt(this.#words[this.#at + 12]!);
  }

  /** Occurrences. */
  get reset(): bigint {
    return (BigInt(this.#words[this.#at + 14 + 1]!) << 32n) | BigInt(this.#words[this.#at + 14]!);
  }
}

/** A moving view on one `struct connect_error_key` in a buffer of 32-bit words. */
export class ConnectErrorKey {
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

/** A moving view on one `struct tcp_time_key` in a buffer of 32-bit words. */
export class TcpTimeKey {
  /** Bytes. */
  static readonly SIZE = 8;
  /** 32-bit words. */
  static readonly WORDS = 2;
  /** Position of each member, in words. */
  static readonly WORD = { group: 0, time: 1 } as const;
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

  get time(): number {
    return this.#words[this.#at + 1]!;
  }
}

/** A moving view on one `struct connection_key` in a buffer of 32-bit words. */
export class ConnectionKey {
  /** Bytes. */
  static readonly SIZE = 8;
  /** 32-bit words. */
  static readonly WORDS = 2;
  /** Position of each member, in words. */
  static readonly WORD = { group: 0, state: 1 } as const;
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

  get state(): number {
    return this.#words[this.#at + 1]!;
  }
}

/** A moving view on one `struct connection_value` in a buffer of 32-bit words. */
export class ConnectionValue {
  /** Bytes. */
  static readonly SIZE = 32;
  /** 32-bit words. */
  static readonly WORDS = 8;
  /** Position of each member, in words. */
  static readonly WORD = { generation: 0, count: 2, measured: 4, rtt: 6 } as const;
  #words: Uint32Array = new Uint32Array(8);
  #at = 0;

  /** Moves to the struct that begins at word `at`. */
  move(words: Uint32Array, at: number): this {
    this.#words = words;
    this.#at = at;
    return this;
  }

  get generation(): bigint {
    return (BigInt(this.#words[this.#at + 1]!) << 32n) | BigInt(this.#words[this.#at]!);
  }

  /** Occurrences. */
  get count(): bigint {
    return (BigInt(this.#words[this.#at + 2 + 1]!) << 32n) | BigInt(this.#words[this.#at + 2]!);
  }

  /** Occurrences. */
  get measured(): bigint {
    return (BigInt(this.#words[this.#at + 4 + 1]!) << 32n) | BigInt(this.#words[this.#at + 4]!);
  }

  get rtt(): bigint {
    return (BigInt(this.#words[this.#at + 6 + 1]!) << 32n) | BigInt(this.#words[this.#at + 6]!);
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
