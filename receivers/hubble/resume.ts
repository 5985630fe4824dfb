import { EVENT } from './enums.ts';
import type { Flow } from './flow.ts';
import { PairTable } from './pair-table.ts';
import type { Timestamp } from './requests.ts';

/** Flows whose ids are remembered: more than the largest ring of an agent holds. */
const REMEMBERED = 131_072;
/** Nodes whose times are remembered. */
const MAX_NODES = 4096;
/** How far back a relay is asked beyond the oldest of its nodes: it sorts what its nodes send within about a second. */
const RELAY_SLACK_S = 2;
/** A node that was silent for longer does not make all others send so much again. */
const RELAY_LONGEST_S = 600;
/** L7 flows carry the time of the proxy's record, which lies before that of the event. */
const L7_SLACK_S = 5;

/**
 * Where to go on after a lost connection, and which flows were seen before. Servers keep flows by the time of their event, which is
 * the flow's own time but for L7 flows; so `since` is the last time of another flow, by node.
 *
 * While connected this costs a few stores a flow: ids go round in a ring. A table of them is made when a connection is opened
 * again, and kept until the flows are newer than all that were seen.
 */
export class Resume {
  readonly #ids = new Int32Array(REMEMBERED * 2);
  #written = 0;
  #known: PairTable | undefined;
  /** Flows left to look at before {@link #known} is given up. */
  #lookUps = 0;
  /** By node: seconds and nanos of the last flow that is not L7, and of the last L7 flow. */
  readonly #times = new Map<number, { seconds: number; nanos: number; l7Seconds: number }>();

  /** By node, up to when flows that are not L7 had come when the connection was lost. */
  readonly #seen = new Map<number, Timestamp>();

  /** Whether the flow is new. To be asked of each flow once. */
  isNew(flow: Flow): boolean {
    const { uuidLow: low, uuidHigh: high } = flow;
    const hasId = low !== 0 || high !== 0;
    if (this.#known !== undefined) {
      if (this.#isBefore(flow) || (hasId && this.#known.find(low, high) >= 0)) return false;
      if (--this.#lookUps <= 0) this.#known = undefined;
    }
    if (hasId) this.#keep(low, high);
    this.#remember(flow);
    return true;
  }

  /** The same for a message that is no flow, by two hashes of its bytes. */
  isNewMessage(low: number, high: number): boolean {
    if (this.#known !== undefined && this.#known.find(low, high) >= 0) return false;
    this.#keep(low, high);
    return true;
  }

  /** To be called before the connection is opened again. `since` is undefined when nothing was seen yet. */
  begin(isRelay: boolean): Timestamp | undefined {
    const known = new PairTable();
    const count = Math.min(this.#written, REMEMBERED);
    for (let i = 0; i < count; i++) {
      const low = this.#ids[i * 2]!;
      const high = this.#ids[i * 2 + 1]!;
      if (known.find(low, high) < 0) known.add(low, high);
    }
    this.#known = count === 0 ? undefined : known;
    this.#lookUps = 4 * REMEMBERED;
    this.#seen.clear();
    for (const [node, { seconds, nanos }] of this.#times) this.#seen.set(node, { seconds, nanos });
    return this.#since(isRelay);
  }

  /** Forgets the nodes that a relay says are gone. */
  forget(node: number): void {
    this.#times.delete(node);
  }

  #since(isRelay: boolean): Timestamp | undefined {
    let oldest: Timestamp | undefined;
    let newest = 0;
    for (const { seconds, nanos, l7Seconds } of this.#times.values()) {
      const time = seconds > 0 ? { seconds, nanos } : { seconds: l7Seconds - L7_SLACK_S, nanos: 0 };
      const isOlder =
        oldest === undefined ||
        time.seconds < oldest.seconds ||
        (time.seconds === oldest.seconds && time.nanos < oldest.nanos);
      if (isOlder) oldest = time;
      newest = Math.max(newest, time.seconds);
    }
    if (oldest === undefined || !isRelay) return oldest;
    return { seconds: Math.max(oldest.seconds, newest - RELAY_LONGEST_S) - RELAY_SLACK_S, nanos: 0 };
  }

  /** Nodes send their flows in the order of their times: an earlier one came before the connection was lost. */
  #isBefore({ nodeName, eventType, seconds, nanos }: Flow): boolean {
    if (eventType === EVENT.ACCESS_LOG) return false;
    const seen = this.#seen.get(nodeName);
    if (seen === undefined) return false;
    return seconds < seen.seconds || (seconds === seen.seconds && nanos < seen.nanos);
  }

  #keep(low: number, high: number): void {
    const at = (this.#written++ % REMEMBERED) * 2;
    this.#ids[at] = low;
    this.#ids[at + 1] = high;
  }

  #remember(flow: Flow): void {
    let last = this.#times.get(flow.nodeName);
    if (last === undefined) {
      if (this.#times.size >= MAX_NODES) return;
      last = { seconds: 0, nanos: 0, l7Seconds: 0 };
      this.#times.set(flow.nodeName, last);
    }
    if (flow.eventType === EVENT.ACCESS_LOG) {
      if (flow.seconds > last.l7Seconds) last.l7Seconds = flow.seconds;
    } else if (flow.seconds > last.seconds || (flow.seconds === last.seconds && flow.nanos > last.nanos)) {
      last.seconds = flow.seconds;
      last.nanos = flow.nanos;
    }
  }
}
