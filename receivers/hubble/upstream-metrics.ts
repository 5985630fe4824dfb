import { Connections } from './connections.ts';
import { OVERFLOW_CONTEXT } from './contexts.ts';
import { lostEvents } from './definitions.ts';
import { DIRECTIONS, dropReason, EVENT, FLOW_TYPE, LOST_SOURCES, nameOf, RECORD, VERDICT, VERDICTS } from './enums.ts';
import type { Flow } from './flow.ts';
import { type FlowMetrics, type MetricsOptions, policyMatch } from './flow-metrics.ts';
import { grpcCall } from './grpc-calls.ts';
import { PendingCounter, type PendingMetric } from './pending-metrics.ts';
import { NO_CONTEXT } from './series.ts';
import { ServiceGraph } from './service-graph.ts';
import { protocolName, protocolOf, upstreamCounter } from './upstream-definitions.ts';
import { UpstreamFlows } from './upstream-flows.ts';
import { UpstreamL7 } from './upstream-l7.ts';

/** Identity of the host. */
const HOST = 1;

/**
 * The metrics of Cilium's own agent (`hubble-metrics` of 1.20: flow, drop, tcp, port-distribution, icmp, sctp, dns, httpV2,
 * policy, flows-to-world), with its names, labels and rules, counted from the stream; and the service map, which Cilium has not.
 */
export class UpstreamMetrics implements FlowMetrics {
  readonly metrics: readonly PendingMetric[];
  /** For the service map. */
  readonly connections: Connections | undefined;
  readonly #options: MetricsOptions;
  readonly #flows: UpstreamFlows;
  readonly #l7: UpstreamL7;
  readonly #drops: PendingCounter;
  readonly #policy: PendingCounter;
  readonly #lost: PendingCounter;
  readonly #graph: ServiceGraph;
  /** Of the flow that is being counted. */
  #weight = 1;

  constructor(options: MetricsOptions) {
    this.#options = options;
    const { shared, collect } = options;
    this.#flows = new UpstreamFlows(options);
    this.#l7 = new UpstreamL7(options);
    this.#drops = new PendingCounter(
      upstreamCounter(options, 'drop', '{packet}', 'Number of drops.', ['reason', 'protocol']),
      shared,
      (p) => ({ 'hubble.reason': dropReason(p >>> 4), 'hubble.protocol': protocolName(p & 0xf) }),
    );
    this.#policy = new PendingCounter(
      upstreamCounter(options, 'policy_verdicts', '{verdict}', 'Total number of Cilium network policy verdicts.', [
        'direction',
        'match',
        'action',
      ]),
      shared,
      (p) => ({
        'hubble.direction': p & 3 ? nameOf(DIRECTIONS, p & 3) : 'traffic_direction_unknown',
        'hubble.match': p >>> 15 ? `l7/${['', 'dns', 'http', ''][(p >>> 13) & 3]}` : policyMatch((p >>> 6) & 0x7f),
        'hubble.action': nameOf(VERDICTS, (p >>> 2) & 0xf).toLowerCase(),
      }),
    );
    this.#lost = new PendingCounter(lostEvents(), { ...shared, idleFlushes: Number.POSITIVE_INFINITY }, (packed) => ({
      'hubble.lost.source': packed < 0 ? 'reconnect' : nameOf(LOST_SOURCES, packed),
    }));
    this.#graph = new ServiceGraph(options);
    this.connections = collect.services && collect.flows ? this.#followConnections() : undefined;
    this.metrics = [
      ...(collect.flows ? this.#flows.metrics : []),
      ...(collect.drops ? [this.#drops] : []),
      ...(collect.l7 ? this.#l7.metrics : []),
      ...(collect.policies ? [this.#policy] : []),
      ...(collect.services ? this.#graph.metrics : []),
      this.#lost,
    ];
  }

  flow(flow: Flow, weight: number, nowMs: number): void {
    const { collect, contexts } = this.#options;
    this.#weight = weight;
    const context = contexts.of(flow, false);
    const protocol = protocolOf(flow);
    if (collect.flows) this.#flows.flow(flow, context, protocol, weight);
    if (collect.drops && flow.verdict === VERDICT.DROPPED) {
      this.#drops.add(context, ((flow.dropReason & 0xffff) << 4) | protocol, weight);
    }
    if (collect.policies) this.#countPolicy(flow, context, weight);
    if (collect.l7) this.#l7.flow(flow, context, weight);
    if (collect.services) this.#countService(flow, weight, nowMs);
  }

  get refused(): number {
    return this.#l7.refused;
  }

  forget(): void {
    this.#l7.forget();
  }

  lost(source: number, count: number): void {
    if (count > 0) this.#lost.add(NO_CONTEXT, source, count);
  }

  #countService(flow: Flow, weight: number, nowMs: number): void {
    if (flow.type === FLOW_TYPE.L3_L4 && flow.hasTcpFlags) this.connections?.flow(flow, nowMs);
    else if (flow.record === RECORD.HTTP && flow.eventType === EVENT.ACCESS_LOG) {
      this.#graph.http(flow, grpcCall(flow, this.#options.reader) !== undefined, weight);
    }
  }

  #followConnections(): Connections {
    const { reader, maxConnections } = this.#options;
    return new Connections(reader, maxConnections, {
      opened: (flow) => {
        this.#graph.connection(flow, this.#weight);
        return { context: OVERFLOW_CONTEXT, reporter: flow.direction & 3 };
      },
      closed: () => {},
    });
  }

  #countPolicy(flow: Flow, context: number, weight: number): void {
    const rest = ((flow.verdict & 0xf) << 2) | (flow.direction & 3);
    if (flow.eventType === EVENT.POLICY_VERDICT) {
      // The host may reach every pod of its node.
      if (flow.source.identity !== HOST) this.#policy.add(context, ((flow.policyMatch & 0x7f) << 6) | rest, weight);
    } else if (flow.eventType === EVENT.ACCESS_LOG) {
      this.#policy.add(context, (1 << 15) | ((flow.record & 3) << 13) | rest, weight);
    }
  }
}
