import { fields } from './endpoints.ts';

/** What a server says of itself. */
export interface ServerStatus {
  /** Entries in the ring; over all nodes from a relay. */
  readonly entries: number;
  readonly capacity: number;
  /** Flows since the start. */
  readonly seen: number;
  readonly uptimeNs: number;
  readonly version: string;
  /** Set by relays only. */
  readonly connectedNodes: number | undefined;
  readonly unavailableNodes: number | undefined;
}

/** ServerStatusResponse: 1 num_flows, 2 max_flows, 3 seen_flows, 4 uptime_ns, 5 num_connected_nodes, 6 num_unavailable_nodes, 8 version. Throws WireError. */
export function readServerStatus(bytes: Buffer): ServerStatus {
  const numbers = new Map<number, number>();
  const wrapped = new Map<number, number>();
  let version = '';
  for (const field of fields(bytes, 0, bytes.length)) {
    if (!field.delimited) numbers.set(field.number, field.value);
    else if (field.number === 8) version = bytes.toString('utf8', field.start, Math.min(field.end, field.start + 128));
    else if (field.number === 5 || field.number === 6) wrapped.set(field.number, wrappedNumber(bytes, field));
  }
  return {
    entries: numbers.get(1) ?? 0,
    capacity: numbers.get(2) ?? 0,
    seen: numbers.get(3) ?? 0,
    uptimeNs: numbers.get(4) ?? 0,
    version,
    connectedNodes: wrapped.get(5),
    unavailableNodes: wrapped.get(6),
  };
}

export interface LostEvents {
  /** Number of LOST_SOURCES. */
  readonly source: number;
  readonly count: number;
}

/** LostEvent: 1 source, 2 num_events_lost. Throws WireError. */
export function readLostEvents(bytes: Uint8Array, start: number, end: number): LostEvents {
  let source = 0;
  let count = 0;
  for (const { number, delimited, value } of fields(bytes, start, end)) {
    if (delimited) continue;
    if (number === 1) source = value;
    else if (number === 2) count = value;
  }
  return { source, count };
}

export interface NodeStatus {
  /** Number of NODE_STATES. */
  readonly state: number;
  readonly nodes: readonly string[];
  readonly message: string;
}

/** Nodes of one message that are read. */
const MAX_NODES = 10_000;

/** NodeStatusEvent: 1 state_change, 2 node_names, 3 message. Throws WireError. */
export function readNodeStatus(bytes: Buffer, start: number, end: number): NodeStatus {
  let state = 0;
  let message = '';
  const nodes: string[] = [];
  for (const field of fields(bytes, start, end)) {
    if (!field.delimited) {
      if (field.number === 1) state = field.value;
    } else if (field.number === 2 && nodes.length < MAX_NODES) {
      nodes.push(bytes.toString('utf8', field.start, Math.min(field.end, field.start + 256)));
    } else if (field.number === 3) {
      message = bytes.toString('utf8', field.start, Math.min(field.end, field.start + 512));
    }
  }
  return { state, nodes, message };
}

function wrappedNumber(bytes: Buffer, { start, end }: { readonly start: number; readonly end: number }): number {
  for (const { number, delimited, value } of fields(bytes, start, end)) if (!delimited && number === 1) return value;
  return 0;
}
