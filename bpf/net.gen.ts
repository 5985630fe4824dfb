// Generated from bpf/net.bpf.c by scripts/generate-cursors.ts. Do not edit.

export const FIRST_FLOW = 16;

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
  TCP_TIMES: 2,
} as const;

/** Hash of each struct's layout; what is loaded must have the same. */
export const LAYOUTS = {
  net_key: '9212877c572632f9',
  net_value: '643aebe1ec059234',
  flow_key: 'def94b6e18543268',
  flow_value: 'b435b812c83a2baf',
  flow_life: 'a9b62925dc602e00',
  connect_error_key: '52165654a3ed2849',
  tcp_time_key: '3b7be71719fd0a30',
  connection_key: '4a22d374136e25b2',
  connection_value: '095cec4a052778d5',
  socket_record: 'cbef58d0f8645300',
  hist: '35042982e243a5dc',
} as const;

/** A moving view on one `struct net_key` in a buffer of 32-bit words. */
export class NetKey {
  /** Bytes. */
  static readonly SIZE = 8;
  /** 32-bit words. */
  static readonly WORDS = 2;
  /** Position of each member, in words. */
  static readonly WORD = { group: 0, flow: 1 } as const;
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

  get flow(): number {
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

/** A moving view on one `struct flow_key` in a buffer of 32-bit words. */
export class FlowKey {
  /** Bytes. */
  static readonly SIZE = 24;
  /** 32-bit words. */
  static readonly WORDS = 6;
  /** Position of each member, in words. */
  static readonly WORD = { peerHigh: 0, peerLow: 2, peerPort: 4, localPort: 5 } as const;
  #words: Uint32Array = new Uint32Array(6);
  #at = 0;

  /** Moves to the struct that begins at word `at`. */
  move(words: Uint32Array, at: number): this {
    this.#words = words;
    this.#at = at;
    return this;
  }

  get peerHigh(): bigint {
    return (BigInt(this.#words[this.#at + 1]!) << 32n) | BigInt(this.#words[this.#at]!);
  }

  get peerLow(): bigint {
    return (BigInt(this.#words[this.#at + 2 + 1]!) << 32n) | BigInt(this.#words[this.#at + 2]!);
  }

  get peerPort(): number {
    return this.#words[this.#at + 4]!;
  }

  get localPort(): number {
    return this.#words[this.#at + 5]!;
  }
}

/** A moving view on one `struct flow_value` in a buffer of 32-bit words. */
export class FlowValue {
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

/** A moving view on one `struct flow_life` in a buffer of 32-bit words. */
export class FlowLife {
  /** Bytes. */
  static readonly SIZE = 8;
  /** 32-bit words. */
  static readonly WORDS = 2;
  /** Position of each member, in words. */
  static readonly WORD = { generation: 0 } as const;
  #words: Uint32Array = new Uint32Array(2);
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
}

/** A moving view on one `struct connect_error_key` in a buffer of 32-bit words. */
export class ConnectErrorKey {
  /** Bytes. */
  static readonly SIZE = 16;
  /** 32-bit words. */
  static readonly WORDS = 4;
  /** Position of each member, in words. */
  static readonly WORD = { group: 0, error: 1, flow: 2 } as const;
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

  /** Positive error number. */
  get error(): number {
    return this.#words[this.#at + 1]! | 0;
  }

  get flow(): number {
    return this.#words[this.#at + 2]!;
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

/** A moving view on one `struct socket_record` in a buffer of 32-bit words. */
export class SocketRecord {
  /** Bytes. */
  static readonly SIZE = 88;
  /** 32-bit words. */
  static readonly WORDS = 22;
  /** Position of each member, in words. */
  static readonly WORD = { opened: 0, closed: 2, cgroup: 4, sent: 6, received: 8, pid: 10, isIpv6: 11, localPort: 12, peerPort: 13, localAddress: 14, peerAddress: 18 } as const;
  #words: Uint32Array = new Uint32Array(22);
  #at = 0;

  /** Moves to the struct that begins at word `at`. */
  move(words: Uint32Array, at: number): this {
    this.#words = words;
    this.#at = at;
    return this;
  }

  /** Nanoseconds. */
  get opened(): bigint {
    return (BigInt(this.#words[this.#at + 1]!) << 32n) | BigInt(this.#words[this.#at]!);
  }

  /** Nanoseconds. */
  get closed(): bigint {
    return (BigInt(this.#words[this.#at + 2 + 1]!) << 32n) | BigInt(this.#words[this.#at + 2]!);
  }

  /** Inode of the cgroup v2 directory. */
  get cgroup(): bigint {
    return (BigInt(this.#words[this.#at + 4 + 1]!) << 32n) | BigInt(this.#words[this.#at + 4]!);
  }

  /** Bytes. */
  get sent(): bigint {
    return (BigInt(this.#words[this.#at + 6 + 1]!) << 32n) | BigInt(this.#words[this.#at + 6]!);
  }

  /** Bytes. */
  get received(): bigint {
    return (BigInt(this.#words[this.#at + 8 + 1]!) << 32n) | BigInt(this.#words[this.#at + 8]!);
  }

  /** Thread group id in the initial pid namespace. */
  get pid(): number {
    return this.#words[this.#at + 10]!;
  }

  get isIpv6(): number {
    return this.#words[this.#at + 11]!;
  }

  get localPort(): number {
    return this.#words[this.#at + 12]!;
  }

  get peerPort(): number {
    return this.#words[this.#at + 13]!;
  }

  /** 4 values */
  static readonly LOCALADDRESS_LENGTH = 4;

  /** 4 values */
  static readonly PEERADDRESS_LENGTH = 4;
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
