import type { Sockets } from 'bpflow/sdk';
import type { Contexts } from '../contexts.ts';
import { DIRECTION, EVENT, FLOW_TYPE, PROTOCOL, VERDICT } from '../enums.ts';
import type { Flow } from '../flow.ts';
import type { FlowReader } from '../flow-reader.ts';
import type { PendingCounter } from '../pending-metrics.ts';
import { TupleTable } from '../tuple-table.ts';
import { type Bytes, type Count, JoinedConnection, socketKey } from './joined-connection.ts';

const NS_PER_MS = 1_000_000n;
/** Sockets are only watched for who asks: so often when there is nothing to ask for. */
const ASK_MS = 60_000;
const NOBODY = {
  transport: 'tcp',
  localAddress: '0.0.0.0',
  localPort: 0,
  peerAddress: '0.0.0.0',
  peerPort: 0,
} as const;

export interface SocketJoinOptions {
  readonly reader: FlowReader;
  readonly contexts: Contexts;
  /** What is counted: payload by who sent it to whom, and by whose socket told it. */
  readonly bytes: PendingCounter;
  /** How far a flow and its socket may be apart, ms. */
  readonly windowMs: number;
  /** Connections that are looked at, at a time. */
  readonly limit: number;
  /** A connection stands for so many. */
  readonly weight: number;
}

/** What became of connections that flows told of, since the start. */
export interface JoinCounts {
  /** Sockets that were found. */
  joined: number;
  /** No socket within the window: the other end is on another node, or there is none. */
  unmatched: number;
  /** Their first flow came later than the window is long. */
  late: number;
  /** Not looked at for want of room. */
  full: number;
  /** Found, and gone before their end was seen: what they carried last is missing. */
  vanished: number;
}

/**
 * Bytes of flows, by the sockets of this node. A flow that leaves an end (egress) is told by the client's socket, one that
 * enters an end (ingress) by the server's, each with the 5-tuple as that end sees it. A socket counts once for each side,
 * however many flows there are of it and whichever way they go:
 *
 *     flow egress  a:1 → b:2 ─┐                      ┌─ sent      → bytes {source a, destination b}
 *     reply egress b:2 → a:1 ─┴─ client's socket a:1 ┴─ received  → bytes {source b, destination a}
 */
export class SocketJoin {
  readonly counts: JoinCounts = { joined: 0, unmatched: 0, late: 0, full: 0, vanished: 0 };
  readonly #options: SocketJoinOptions;
  readonly #connections: TupleTable<JoinedConnection>;
  #sockets: Sockets | undefined;
  /** Bytes that sockets had when the join began. */
  #before = new Map<string, Bytes>();
  #nowMs = 0;
  #askedMs = 0;

  constructor(options: SocketJoinOptions) {
    this.#options = options;
    this.#connections = new TupleTable(options.reader);
  }

  /** Connections that are looked at now. */
  get size(): number {
    return this.#connections.size;
  }

  /** Whether there are sockets to join with. */
  get isReady(): boolean {
    return this.#sockets !== undefined;
  }

  /**
   * Joins with these sockets from now on; what they have carried until now is not counted. The same ones again change nothing.
   * `now`: ns since 1970. To be called at least once a second.
   */
  begin(sockets: Sockets | undefined, now: bigint): void {
    this.#nowMs = Number(now / NS_PER_MS);
    if (sockets === this.#sockets) {
      if (this.#nowMs - this.#askedMs < ASK_MS) return;
      this.#askedMs = this.#nowMs;
      sockets?.find(NOBODY, now, now);
      return;
    }
    this.#sockets = sockets;
    this.#askedMs = this.#nowMs;
    this.#before = new Map();
    for (const [, connection] of this.#connections) connection.forget();
    for (const facts of sockets?.live() ?? []) this.#before.set(socketKey(facts, facts.opened), facts);
  }

  flow(flow: Flow): void {
    const isClient = flow.direction === DIRECTION.EGRESS;
    if (this.#sockets === undefined || flow.protocol !== PROTOCOL.TCP || flow.type !== FLOW_TYPE.L3_L4) return;
    if (flow.eventType !== EVENT.TRACE || flow.isReply === 0) return;
    if (!isClient && flow.direction !== DIRECTION.INGRESS) return;
    if (flow.verdict !== VERDICT.FORWARDED && flow.verdict !== VERDICT.REDIRECTED) return;
    const isReply = flow.isReply === 2;
    // What the socket's owner sends goes from source to destination of this flow, or the other way.
    const isSender = isClient !== isReply;
    const [local, localPort, peer, peerPort] = isSender
      ? [flow.sourceIp, flow.sourcePort, flow.destinationIp, flow.destinationPort]
      : [flow.destinationIp, flow.destinationPort, flow.sourceIp, flow.sourcePort];
    const place = this.#connections.find(local, localPort, peer, peerPort, flow.direction);
    const timeMs = flow.seconds * 1000 + flow.nanos / 1e6;
    if (place >= 0) {
      this.#connections.get(place)!.seen(timeMs);
      return;
    }
    if (timeMs < this.#nowMs - this.#options.windowMs) {
      this.counts.late++;
      return;
    }
    if (this.#connections.size >= this.#options.limit) {
      this.counts.full++;
      return;
    }
    const { reader, contexts, windowMs } = this.#options;
    const connection = new JoinedConnection({
      tuple: {
        transport: 'tcp',
        localAddress: reader.text(local),
        localPort,
        peerAddress: reader.text(peer),
        peerPort,
      },
      side: flow.direction,
      sending: contexts.of(flow, !isSender),
      receiving: contexts.of(flow, isSender),
      timeMs,
      windowMs,
    });
    this.#connections.set(place, connection);
  }

  /** Adds what sockets have carried since the last time. `now`: ns since 1970. */
  collect(now: bigint): void {
    const sockets = this.#sockets;
    if (sockets === undefined) return;
    this.#nowMs = Number(now / NS_PER_MS);
    if (this.#connections.size > 0) this.#askedMs = this.#nowMs;
    for (const [place, connection] of this.#connections) {
      const outcome = connection.collect(sockets, now, this.#count);
      if (outcome === 'open') continue;
      if (outcome === 'unmatched' || outcome === 'vanished') this.counts[outcome]++;
      this.#connections.delete(place);
    }
    if (this.#connections.size < this.#connections.places) this.#connections.compact();
  }

  addContexts(used: Set<number>): void {
    for (const [, connection] of this.#connections) {
      used.add(connection.sending);
      used.add(connection.receiving);
    }
  }

  renumberContexts(next: (context: number) => number): void {
    for (const [, connection] of this.#connections) {
      connection.sending = next(connection.sending);
      connection.receiving = next(connection.receiving);
    }
  }

  readonly #count: Count = (connection, facts, known) => {
    const { bytes, weight } = this.#options;
    if (known === undefined) this.counts.joined++;
    const { sent, received } = known ?? this.#before.get(socketKey(facts, facts.opened)) ?? NOTHING;
    const add = (context: number, more: bigint): void => {
      if (more > 0n) bytes.add(context, connection.side, Number(more) * weight);
    };
    add(connection.sending, facts.sent - sent);
    add(connection.receiving, facts.received - received);
  };
}

const NOTHING: Bytes = { sent: 0n, received: 0n };
