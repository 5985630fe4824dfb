import { EVENT, PROTOCOL, TCP_FLAG, VERDICT } from './enums.ts';
import type { Flow, Range } from './flow.ts';
import type { FlowReader } from './flow-reader.ts';
import { PairTable } from './pair-table.ts';

/** What becomes of connections. */
export interface ConnectionEvents {
  opened(flow: Flow): { readonly context: number; readonly reporter: number };
  /** ns from the first SYN to the last FIN, or the first RST. */
  closed(context: number, reporter: number, durationNs: number): void;
}

interface Connection {
  readonly context: number;
  readonly reporter: number;
  readonly seconds: number;
  readonly nanos: number;
  /** Bit 0: FIN of the client seen; bit 1: of the server. */
  fins: number;
  /** Monotonic, ms. */
  seenMs: number;
}

/** A SYN for a connection that was silent so long opens another one. */
const REOPENED_AFTER_MS = 120_000;

/**
 * TCP connections between SYN and FIN or RST, by node and 5-tuple: two hashes of it, 64 bits with a secret seed. Only flows of which the
 * agent knows which end has begun count, so that one connection that is traced at several places, and before and after address
 * translation, is one. Holds at most `limit`; then the ones that were opened first make room.
 */
export class Connections {
  /** Given up for want of room. */
  evicted = 0;
  /** Given up because nothing was heard of them. */
  expired = 0;
  readonly #limit: number;
  readonly #events: ConnectionEvents;
  readonly #reader: FlowReader;
  readonly #table = new PairTable();
  #entries: (Connection | undefined)[] = [];
  #open = 0;
  readonly #seed = (Math.random() * 0x1_0000_0000) | 0;

  constructor(reader: FlowReader, limit: number, events: ConnectionEvents) {
    this.#reader = reader;
    this.#limit = limit;
    this.#events = events;
  }

  /** Connections that are open, as far as is known. */
  get size(): number {
    return this.#open;
  }

  flow(flow: Flow, nowMs: number): void {
    const flags = flow.tcpFlags & (TCP_FLAG.SYN | TCP_FLAG.FIN | TCP_FLAG.RST);
    if (flags === 0 || flow.protocol !== PROTOCOL.TCP || flow.eventType !== EVENT.TRACE || flow.isReply === 0) return;
    if (flow.verdict !== VERDICT.FORWARDED && flow.verdict !== VERDICT.REDIRECTED) return;
    const isReply = flow.isReply === 2;
    const [client, clientPort, server, serverPort] = isReply
      ? [flow.destinationIp, flow.destinationPort, flow.sourceIp, flow.sourcePort]
      : [flow.sourceIp, flow.sourcePort, flow.destinationIp, flow.destinationPort];
    const low = this.#hash(client, server, clientPort, serverPort, flow.nodeName, this.#seed);
    const high = this.#hash(server, client, serverPort, clientPort, flow.nodeName, ~this.#seed);
    const place = this.#table.find(low, high);
    const known = place < 0 ? undefined : this.#entries[place];
    if ((flags & TCP_FLAG.SYN) !== 0) {
      if (isReply || (flow.tcpFlags & TCP_FLAG.ACK) !== 0) return;
      if (known !== undefined && nowMs - known.seenMs < REOPENED_AFTER_MS) {
        known.seenMs = nowMs;
        return;
      }
      this.#begin(flow, place, low, high, nowMs);
      return;
    }
    if (known === undefined) return;
    known.seenMs = nowMs;
    if ((flags & TCP_FLAG.FIN) !== 0) known.fins |= isReply ? 2 : 1;
    if (known.fins !== 3 && (flags & TCP_FLAG.RST) === 0) return;
    this.#entries[place] = undefined;
    this.#open--;
    const ns = (flow.seconds - known.seconds) * 1e9 + (flow.nanos - known.nanos);
    this.#events.closed(known.context, known.reporter, Math.max(0, ns));
  }

  /** Gives up what was silent for so long. */
  expire(nowMs: number, idleMs: number): void {
    for (const [place, entry] of this.#entries.entries()) {
      if (entry === undefined || nowMs - entry.seenMs < idleMs) continue;
      this.#entries[place] = undefined;
      this.#open--;
      this.expired++;
    }
    this.#compact();
  }

  addContexts(used: Set<number>): void {
    for (const entry of this.#entries) if (entry !== undefined) used.add(entry.context);
  }

  renumberContexts(next: (context: number) => number): void {
    this.#entries = this.#entries.map((entry) => entry && { ...entry, context: next(entry.context) });
  }

  #begin(flow: Flow, known: number, low: number, high: number, nowMs: number): void {
    const { context, reporter } = this.#events.opened(flow);
    if (known >= 0) {
      if (this.#entries[known] === undefined) this.#open++;
      this.#entries[known] = { context, reporter, seconds: flow.seconds, nanos: flow.nanos, fins: 0, seenMs: nowMs };
      return;
    }
    if (this.#table.size >= this.#limit) this.#makeRoom();
    const place = this.#table.add(low, high);
    this.#entries[place] = { context, reporter, seconds: flow.seconds, nanos: flow.nanos, fins: 0, seenMs: nowMs };
    this.#open++;
  }

  /** Frees the places of closed connections, and of the oldest where an eighth is not free then. */
  #makeRoom(): void {
    let most = this.#open - Math.floor((this.#limit * 7) / 8);
    for (let place = 0; place < this.#entries.length && most > 0; place++) {
      if (this.#entries[place] === undefined) continue;
      this.#entries[place] = undefined;
      this.#open--;
      this.evicted++;
      most--;
    }
    this.#compact();
  }

  #compact(): void {
    const kept: (Connection | undefined)[] = [];
    this.#table.compact(
      (place) => this.#entries[place] !== undefined,
      (from) => kept.push(this.#entries[from]),
    );
    this.#entries = kept;
  }

  #hash(a: Range, b: Range, portA: number, portB: number, node: number, seed: number): number {
    const { bytes } = this.#reader;
    let hash = seed;
    for (let at = a.start; at < a.end; at++) hash = Math.imul(hash ^ bytes[at]!, 0x0100_0193);
    hash = Math.imul(hash ^ portA, 0x9e37_79b1);
    hash ^= hash >>> 15;
    for (let at = b.start; at < b.end; at++) hash = Math.imul(hash ^ bytes[at]!, 0x0100_0193);
    hash = Math.imul(hash ^ portB, 0x85eb_ca6b);
    hash = Math.imul(hash ^ (hash >>> 13) ^ node, 0xc2b2_ae35);
    return hash ^ (hash >>> 16);
  }
}
