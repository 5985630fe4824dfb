import type { Scope } from 'bpflow/sdk';
import type { FlowIntake } from './flow-intake.ts';
import type { SocketJoin } from './join/socket-join.ts';
import type { ServerStatus } from './messages.ts';
import type { Session } from './session.ts';
import type { Unavailable } from './unavailable.ts';

/** What the receiver knows of its server. */
export interface ServerView {
  readonly status: ServerStatus | undefined;
  /** Gaps between connections of which not even a least size is known. */
  readonly unknownGaps: number;
  readonly gaps: number;
}

/** Publishes what the receiver says of itself: `bpflow_hubble_*` and the views of the admin socket. */
export function publishOwnMetrics(
  scope: Scope,
  intake: FlowIntake,
  session: Session,
  { server, unavailable }: { readonly server: () => ServerView; readonly unavailable: () => Unavailable },
): void {
  const { meter } = scope;
  const receiver = scope.id.toString();
  meter
    .createObservableCounter('bpflow_hubble_flows', {
      description:
        'Flows that came, by what became of them: accepted, duplicate (sent again after a reconnect), filtered, sampled_out, rate_limited, malformed.',
    })
    .addCallback((result) => {
      for (const [outcome, count] of Object.entries(outcomes(intake))) result.observe(count, { receiver, outcome });
    });
  meter
    .createObservableGauge('bpflow_hubble_connected', { description: '1 while the stream of flows is open, else 0.' })
    .addCallback((result) => result.observe(session.state.kind === 'following' ? 1 : 0, { receiver }));
  meter
    .createObservableCounter('bpflow_hubble_streams', { description: 'Streams of flows that were opened.' })
    .addCallback((result) => result.observe(session.opened, { receiver }));
  meter
    .createObservableGauge('bpflow_hubble_seen_flows', {
      description: 'Flows that the server has seen since its start; with bpflow_hubble_flows the coverage.',
    })
    .addCallback((result) => {
      const { status } = server();
      if (status !== undefined) result.observe(status.seen, { receiver });
    });
  meter
    .createObservableCounter('bpflow_hubble_gaps', {
      description:
        'Times that flows were missed between two connections, by whether a least number is known (hubble_lost_events_total with source reconnect).',
    })
    .addCallback((result) => {
      const { gaps, unknownGaps } = server();
      result.observe(gaps, { receiver, size: 'at_least' });
      result.observe(unknownGaps, { receiver, size: 'unknown' });
    });
  meter
    .createObservableGauge('bpflow_hubble_nodes', { description: 'Nodes behind the relay by their state.' })
    .addCallback((result) => {
      for (const [state, count] of nodeStates(intake)) result.observe(count, { receiver, state });
    });
  meter
    .createObservableGauge('bpflow_hubble_connections', { description: 'TCP connections whose end is waited for.' })
    .addCallback((result) => result.observe(intake.metrics.connections?.size ?? 0, { receiver }));
  meter
    .createObservableCounter('bpflow_hubble_connections_given_up', {
      description: 'TCP connections that were not waited for any longer: full (for want of room) or idle.',
    })
    .addCallback((result) => {
      result.observe(intake.metrics.connections?.evicted ?? 0, { receiver, reason: 'full' });
      result.observe(intake.metrics.connections?.expired ?? 0, { receiver, reason: 'idle' });
    });
  if (intake.metrics.join !== undefined) publishJoin(scope, intake.metrics.join);
  meter
    .createObservableCounter('bpflow_hubble_overflow', {
      description:
        'Times that something found no room and was counted as other: series, contexts, words, names of services and of what is asked; and endpoints that were forgotten.',
    })
    .addCallback((result) => {
      for (const [table, count] of Object.entries(overflows(intake))) result.observe(count, { receiver, table });
    });
  meter
    .createObservableCounter('bpflow_hubble_log_records_dropped', {
      description: 'Log records of flows that nobody took.',
    })
    .addCallback((result) => {
      if (intake.logs !== undefined) result.observe(intake.logs.dropped, { receiver });
    });

  scope.inspect('connection', () => ({
    ...session.state,
    streams: session.opened,
    ...server(),
    nodes: Object.fromEntries(intake.nodes),
    unavailable: unavailable(),
  }));
  scope.inspect('flows', () => ({
    ...outcomes(intake),
    lost: intake.counts.lost,
    series: Object.fromEntries(
      intake.metrics.metrics.map(({ definition, series }) => [definition.name, series.size - 1]),
    ),
    contexts: intake.contexts.size - 1,
    endpoints: intake.reader.endpoints.size,
    connections: intake.metrics.connections?.size ?? 0,
    overflow: overflows(intake),
  }));
}

function publishJoin({ meter, inspect, id }: Scope, join: SocketJoin): void {
  const receiver = id.toString();
  meter
    .createObservableCounter('bpflow_hubble_join', {
      description:
        'Connections of flows by what became of the look for their sockets: joined, unmatched (none on this node within the window), late (the flow came after the window), full (no room), vanished (the socket was gone before its end was seen).',
    })
    .addCallback((result) => {
      for (const [outcome, count] of Object.entries(join.counts)) result.observe(count, { receiver, outcome });
    });
  inspect('join', () => ({ ready: join.isReady, connections: join.size, ...join.counts }));
}

function outcomes({ counts }: FlowIntake): Record<string, number> {
  const { accepted, duplicate, filtered, sampledOut, rateLimited, malformed } = counts;
  return { accepted, duplicate, filtered, sampled_out: sampledOut, rate_limited: rateLimited, malformed };
}

function overflows({ metrics, contexts, reader, services }: FlowIntake): Record<string, number> {
  return {
    series: metrics.metrics.reduce((total, { series }) => total + series.overflowed, 0),
    contexts: contexts.refused,
    words: reader.words.refused + reader.names.refused,
    names: services.refused + metrics.refused,
    endpoints: reader.endpoints.evicted,
  };
}

function nodeStates({ nodes }: FlowIntake): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const state of nodes.values()) counts.set(state, (counts.get(state) ?? 0) + 1);
  return counts;
}
