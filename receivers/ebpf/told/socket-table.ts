import { BpfError, type Clock, type RingBuffer, type SocketFacts, type Sockets, type Timer } from 'bpflow/sdk';
import { SocketRecord } from '../../../bpf/net.gen.ts';
import { WallClock } from '../events/wall-clock.ts';
import { SocketHistory } from './socket-history.ts';
import { plainAddress, readSocket, type ToldSocket, tupleOf } from './socket-records.ts';
import type { ToldSockets } from './told-sockets.ts';

/** What is asked within this time is answered from one look at the living sockets, or within ten times what the look took. */
const FRESH_NS = 50_000_000n;
const LOOKS_SHARE = 10n;
/** The kernel's ring is emptied at least so often, and earlier when an eighth is full. */
const DRAIN_MS = 1000;
/** When nobody has asked for so long, nobody wants to know. */
const UNWANTED_NS = 600_000_000_000n;
const FIRST_LIST_BYTES = 64 * 1024;
/** About 95,000 sockets. */
const MOST_LIST_BYTES = 8 * 1024 * 1024;
const RING_READ_BYTES = 64 * 1024;
/** A record of a ring has its length in front. */
const RECORD_HEADER_WORDS = 2;

export interface SocketTableOptions {
  readonly told: ToldSockets;
  readonly clock: Clock;
  /** ns of the monotonic clock that the kernel stamps sockets with. */
  readonly monotonicNs: () => bigint;
  /** Ended sockets that are remembered. */
  readonly history: number;
}

/**
 * The TCP sockets of all network namespaces, for who asks for the token SOCKETS: the living as of at most 50 ms ago, or ten times
 * as long as a look at them takes, and the last that ended. Does nothing until it is asked for the first time, and from when
 * nobody has asked for ten minutes.
 *
 * A look at 5,000 living sockets takes 12 to 20 ms (on two cores beside other work).
 */
export class SocketTable implements Sockets {
  readonly #options: SocketTableOptions;
  readonly #history: SocketHistory;
  readonly #wall: WallClock;
  #ring: RingBuffer | undefined;
  #timer: Timer | undefined;
  #buffer = new Uint32Array(0);
  readonly #drained: Uint32Array<ArrayBuffer> = new Uint32Array(RING_READ_BYTES / 4);
  #unlisted = 0;
  #living: ReadonlyMap<string, readonly ToldSocket[]> = new Map();
  /** Of the look before: what is missing since has ended, which the ring tells after it. */
  #before: ReadonlyMap<string, readonly ToldSocket[]> = new Map();
  #askedAt = 0n;
  /** Until when the last look is good enough. */
  #freshUntil = 0n;
  #isWanted = false;
  #isClosed = false;

  constructor(options: SocketTableOptions) {
    this.#options = options;
    this.#history = new SocketHistory(options.history);
    this.#wall = new WallClock(options.clock, options.monotonicNs);
  }

  find(
    tuple: Pick<SocketFacts, 'transport' | 'localAddress' | 'localPort' | 'peerAddress' | 'peerPort'>,
    from: bigint,
    to: bigint,
  ): readonly SocketFacts[] {
    this.#look();
    if (tuple.transport !== 'tcp') return [];
    const { localPort, peerPort } = tuple;
    const [localAddress, peerAddress] = [plainAddress(tuple.localAddress), plainAddress(tuple.peerAddress)];
    const key = tupleOf({ localAddress, localPort, peerAddress, peerPort });
    const living = this.#living.get(key)?.map(({ facts }) => facts) ?? [];
    return [...living, ...this.#history.of(key)]
      .filter(({ opened, closed }) => opened <= to && (closed === undefined || closed >= from))
      .sort((a, b) => (a.opened > b.opened ? -1 : a.opened < b.opened ? 1 : 0));
  }

  *live(): Generator<SocketFacts> {
    this.#look();
    for (const sockets of this.#living.values()) for (const { facts } of sockets) yield facts;
  }

  /** What it holds, and what it could not tell. */
  get view() {
    let living = 0;
    for (const sockets of this.#living.values()) living += sockets.length;
    return {
      wanted: this.#isWanted,
      living,
      ended: this.#history.size,
      evicted: this.#history.evicted,
      lost: Number(this.#isClosed ? 0n : this.#options.told.lost()),
      unlisted: this.#unlisted,
    };
  }

  /** From now on nothing is found. Safe twice. */
  close(): void {
    if (this.#isClosed) return;
    this.#unwant();
    this.#ring?.close();
    this.#isClosed = true;
  }

  #look(): void {
    if (this.#isClosed) return;
    const now = this.#options.monotonicNs();
    this.#askedAt = now;
    if (!this.#isWanted) this.#want();
    if (now < this.#freshUntil) return;
    this.#list();
    // What ends between the two is in both, and the end counts.
    this.#drain();
    const tookNs = this.#options.monotonicNs() - now;
    this.#freshUntil = now + (tookNs * LOOKS_SHARE > FRESH_NS ? tookNs * LOOKS_SHARE : FRESH_NS);
  }

  #want(): void {
    this.#isWanted = true;
    this.#options.told.want(true);
    this.#ring ??= this.#options.told.ended.ring();
    this.#ring.onReadable(() => this.#drain());
    this.#timer = this.#options.clock.every(DRAIN_MS, () => {
      this.#drain();
      if (this.#options.monotonicNs() - this.#askedAt > UNWANTED_NS) this.#unwant();
    });
  }

  #unwant(): void {
    if (!this.#isWanted) return;
    this.#isWanted = false;
    this.#timer?.cancel();
    this.#options.told.want(false);
    this.#drain();
    this.#ring?.onReadable(undefined);
    this.#history.clear();
    this.#living = new Map();
    this.#before = new Map();
    this.#freshUntil = 0n;
  }

  /** Where there are too many sockets, those of the last look stay, and others are found when they end. */
  #list(): void {
    const words = this.#readList();
    if (words === undefined) {
      this.#unlisted++;
      return;
    }
    this.#wall.look();
    const living = new Map<string, ToldSocket[]>();
    for (let at = 0; at < words; at += SocketRecord.WORDS) {
      const socket = this.#read(this.#buffer, at);
      const same = living.get(socket.tuple);
      if (same === undefined) living.set(socket.tuple, [socket]);
      else same.push(socket);
    }
    this.#before = this.#living;
    this.#living = living;
  }

  /** Words that were written into the buffer, which grows until all fit; undefined when they do not fit at all. */
  #readList(): number | undefined {
    for (;;) {
      if (this.#buffer.length === 0) this.#buffer = new Uint32Array(FIRST_LIST_BYTES / 4);
      try {
        return this.#options.told.list(new Uint8Array(this.#buffer.buffer)) / 4;
      } catch (error) {
        const isFull = error instanceof BpfError && error.code === 'too_small';
        if (!isFull || this.#buffer.byteLength >= MOST_LIST_BYTES) return undefined;
        this.#buffer = new Uint32Array(this.#buffer.length * 2);
      }
    }
  }

  #drain(): void {
    const ring = this.#ring;
    if (ring === undefined) return;
    const words = this.#drained;
    this.#wall.look();
    for (let bytes = ring.drain(bytesOf(words)); bytes > 0; bytes = ring.drain(bytesOf(words))) {
      for (let at = 0; at < bytes / 4; ) {
        const length = words[at]!;
        if (length >= SocketRecord.SIZE) this.#end(this.#read(words, at + RECORD_HEADER_WORDS));
        at += RECORD_HEADER_WORDS + Math.ceil(length / 8) * 2;
      }
    }
  }

  #end(socket: ToldSocket): void {
    const { tuple, openedAt } = socket;
    const living = this.#living as Map<string, readonly ToldSocket[]>;
    const others = living.get(tuple)?.filter((other) => other.openedAt !== openedAt) ?? [];
    if (others.length > 0) living.set(tuple, others);
    else living.delete(tuple);
    this.#history.add(socket);
  }

  /** The time at which a socket opened is the same at every look, however the clocks went meanwhile. */
  #read(words: Uint32Array, at: number): ToldSocket {
    const socket = readSocket(words, at, (monotonic) => this.#wall.timeOf(monotonic));
    const isSame = ({ openedAt }: ToldSocket): boolean => openedAt === socket.openedAt;
    const known = this.#living.get(socket.tuple)?.find(isSame) ?? this.#before.get(socket.tuple)?.find(isSame);
    return known === undefined ? socket : { ...socket, facts: { ...socket.facts, opened: known.facts.opened } };
  }
}

function bytesOf(words: Uint32Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(words.buffer);
}
