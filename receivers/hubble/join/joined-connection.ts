import type { SocketFacts, Sockets } from 'bpflow/sdk';

const NS_PER_MS = 1_000_000n;

export type Tuple = Parameters<Sockets['find']>[0];

/** Payload of a socket. */
export type Bytes = Pick<SocketFacts, 'sent' | 'received'>;

/** Told of each socket of a connection, with what was counted of it the last time. */
export type Count = (connection: JoinedConnection, facts: SocketFacts, known: Bytes | undefined) => void;

export interface JoinedConnectionOptions {
  /** As the end sees it whose socket is looked for. */
  readonly tuple: Tuple;
  /** Direction of its flows: which end that is. */
  readonly side: number;
  /** Contexts of what this end sends, and of what it receives. */
  readonly sending: number;
  readonly receiving: number;
  /** Of the first flow, ms since 1970. */
  readonly timeMs: number;
  readonly windowMs: number;
}

/**
 * One end of a connection that flows told of. It is remembered after its socket has closed for as long as a flow could still
 * come that would find the socket: one within the window, which looks one window back.
 */
export class JoinedConnection {
  readonly side: number;
  sending: number;
  receiving: number;
  readonly #tuple: Tuple;
  readonly #windowMs: number;
  readonly #fromMs: number;
  #lastMs: number;
  /** What was counted of each socket, by when it opened. */
  #counted: ReadonlyMap<bigint, Bytes> = new Map();
  #hasOpen = false;
  #wasFound = false;

  constructor({ tuple, side, sending, receiving, timeMs, windowMs }: JoinedConnectionOptions) {
    this.side = side;
    this.sending = sending;
    this.receiving = receiving;
    this.#tuple = tuple;
    this.#windowMs = windowMs;
    this.#fromMs = timeMs - windowMs;
    this.#lastMs = timeMs;
  }

  /** Another flow came. */
  seen(timeMs: number): void {
    if (timeMs > this.#lastMs) this.#lastMs = timeMs;
  }

  /** Other sockets are looked at from now on. */
  forget(): void {
    this.#counted = new Map();
    this.#hasOpen = false;
  }

  /** `open`: to be asked again. The others are why not. */
  collect(sockets: Sockets, now: bigint, count: Count): 'open' | 'done' | 'unmatched' | 'vanished' {
    const nowMs = Number(now / NS_PER_MS);
    const from = Math.max(this.#fromMs, nowMs - 2 * this.#windowMs);
    const found = sockets.find(this.#tuple, BigInt(Math.floor(from)) * NS_PER_MS, now);
    if (found.length === 0) return this.#without(nowMs);
    const counted = new Map<bigint, Bytes>();
    this.#hasOpen = false;
    this.#wasFound = true;
    for (const facts of found) {
      const { opened, closed, sent, received } = facts;
      const known = this.#counted.get(opened);
      count(this, facts, known);
      counted.set(opened, { sent: larger(sent, known?.sent), received: larger(received, known?.received) });
      if (closed === undefined) this.#hasOpen = true;
    }
    this.#counted = counted;
    return 'open';
  }

  #without(nowMs: number): 'open' | 'done' | 'unmatched' | 'vanished' {
    if (this.#hasOpen) return 'vanished';
    if (nowMs <= this.#lastMs + this.#windowMs) return 'open';
    return this.#wasFound ? 'done' : 'unmatched';
  }
}

/** A socket that somebody is just changing may be told with a byte less than before. */
function larger(bytes: bigint, before = 0n): bigint {
  return bytes > before ? bytes : before;
}

/** Tells one socket from all others. */
export function socketKey({ localAddress, localPort, peerAddress, peerPort }: Tuple, opened: bigint): string {
  return `${localAddress} ${localPort} ${peerAddress} ${peerPort} ${opened}`;
}
