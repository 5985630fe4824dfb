import { EVENT, PROTOCOL, TCP_FLAG, VERDICT } from './enums.ts';
import type { Flow } from './flow.ts';
import type { FlowReader } from './flow-reader.ts';
import { TupleTable } from './tuple-table.ts';

/** What becomes of connections. */
export interface ConnectionEvents {
  opened(flow: Flow): { readonly context: number; readonly reporter: number };
  /** ns from the first SYN to the last FIN, or the first RST. */
  closed(context: number, reporter: number, durationNs: number): void;
}

interface Connection {
  context: number;
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
 * TCP connections between SYN and FIN or RST, by node and 5-tuple. Only flows of which the agent knows which end has begun count, so
 * that one connection that is traced at several places, and before and after address translation, is one. Holds at most `limit`; then
 * the ones that were opened first make room.
 */
export class Connections {
  /** Given up for want of room. */
  evicted = 0;
  /** Given up because nothing was heard of them. */
  expired = 0;
  readonly #limit: number;
  readonly #events: ConnectionEvents;
  readonly #table: TupleTable<Connection>;

  constructor(reader: FlowReader, limit: number, events: ConnectionEvents) {
    this.#table = new TupleTable(reader);
    this.#limit = limit;
    this.#events = events;
  }

  /** Connections that are open, as far as is known. */
  get size(): number {
    return this.#table.size;
  }

  flow(flow: Flow, nowMs: number): void {
    const flags = flow.tcpFlags & (TCP_FLAG.SYN | TCP_FLAG.FIN | TCP_FLAG.RST);
    if (flags === 0 || flow.protocol !== PROTOCOL.TCP || flow.eventType !== EVENT.TRACE || flow.isReply === 0) return;
    if (flow.verdict !== VERDICT.FORWARDED && flow.verdict !== VERDICT.REDIRECTED) return;
    const isReply = flow.isReply === 2;
    const [client, clientPort, server, serverPort] = isReply
      ? [flow.destinationIp, flow.destinationPort, flow.sourceIp, flow.sourcePort]
      : [flow.sourceIp, flow.sourcePort, flow.destinationIp, flow.destinationPort];
    const place = this.#table.find(client, clientPort, server, serverPort, flow.nodeName);
    const known = this.#table.get(place);
    if ((flags & TCP_FLAG.SYN) !== 0) {
      if (isReply || (flow.tcpFlags & TCP_FLAG.ACK) !== 0) return;
      if (known !== undefined && nowMs - known.seenMs < REOPENED_AFTER_MS) {
        known.seenMs = nowMs;
        return;
      }
      this.#begin(flow, place, nowMs);
      return;
    }
    if (known === undefined) return;
    known.seenMs = nowMs;
    if ((flags & TCP_FLAG.FIN) !== 0) known.fins |= isReply ? 2 : 1;
    if (known.fins !== 3 && (flags & TCP_FLAG.RST) === 0) return;
    this.#table.delete(place);
    const ns = (flow.seconds - known.seconds) * 1e9 + (flow.nanos - known.nanos);
    this.#events.closed(known.context, known.reporter, Math.max(0, ns));
  }

  /** Gives up what was silent for so long. */
  expire(nowMs: number, idleMs: number): void {
    for (const [place, { seenMs }] of this.#table) {
      if (nowMs - seenMs < idleMs) continue;
      this.#table.delete(place);
      this.expired++;
    }
    this.#table.compact();
  }

  addContexts(used: Set<number>): void {
    for (const [, { context }] of this.#table) used.add(context);
  }

  renumberContexts(next: (context: number) => number): void {
    for (const [, connection] of this.#table) connection.context = next(connection.context);
  }

  #begin(flow: Flow, place: number, nowMs: number): void {
    const { context, reporter } = this.#events.opened(flow);
    if (place < 0 && this.#table.places >= this.#limit) this.#makeRoom();
    const { seconds, nanos } = flow;
    this.#table.set(place, { context, reporter, seconds, nanos, fins: 0, seenMs: nowMs });
  }

  /** Frees the places of closed connections, and of the oldest where an eighth is not free then. */
  #makeRoom(): void {
    let most = this.#table.size - Math.floor((this.#limit * 7) / 8);
    for (const [place] of this.#table) {
      if (most-- <= 0) break;
      this.#table.delete(place);
      this.evicted++;
    }
    this.#table.compact();
  }
}
