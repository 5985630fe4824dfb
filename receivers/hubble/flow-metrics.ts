import type { Attributes } from 'bpflow/sdk';
import type { Config } from './config.ts';
import { Connections } from './connections.ts';
import type { Contexts } from './contexts.ts';
import { type Definitions, key, type Label } from './definitions.ts';
import {
  DIRECTIONS,
  dropReason,
  EVENT,
  FLOW_TYPE,
  FLOW_TYPES,
  LOST_SOURCES,
  nameOf,
  POLICY_MATCHES,
  PROTOCOL,
  PROTOCOLS,
  REPORTERS,
  VERDICT,
  VERDICTS,
} from './enums.ts';
import type { Flow } from './flow.ts';
import type { FlowReader } from './flow-reader.ts';
import { SocketJoin } from './join/socket-join.ts';
import { L7Metrics } from './l7-metrics.ts';
import { type HistogramForm, PendingCounter, PendingHistogram, type PendingMetric } from './pending-metrics.ts';
import { NO_CONTEXT, type SeriesContext } from './series.ts';
import { ServiceGraph } from './service-graph.ts';
import type { ServiceNames } from './service-names.ts';

/** What is counted of flows. */
export interface FlowMetrics {
  readonly metrics: readonly PendingMetric[];
  /** Counts a flow that stands for `weight`. */
  flow(flow: Flow, weight: number, nowMs: number): void;
  /** Counts what Hubble has lost; the source is a number of LOST_SOURCES, or -1 for a gap between connections. */
  lost(source: number, count: number): void;
  /** Connections between SYN and FIN. */
  readonly connections: Connections | undefined;
  /** Times that a name found no room and was `other`. */
  readonly refused: number;
  /** Forgets the names that only series had which have ended. */
  forget(): void;
  /** Undefined unless it is asked for. */
  readonly join?: SocketJoin | undefined;
}

export interface MetricsOptions {
  readonly shared: SeriesContext;
  readonly contexts: Contexts;
  readonly reader: FlowReader;
  readonly definitions: Definitions;
  readonly services: ServiceNames;
  readonly requestForm: HistogramForm;
  readonly connectionForm: HistogramForm;
  readonly maxConnections: number;
  /** How far a flow and its socket may be apart; undefined: no bytes by sockets. */
  readonly joinWindowMs: number | undefined;
  readonly collect: {
    readonly flows: boolean;
    readonly l7: boolean;
    readonly drops: boolean;
    readonly policies: boolean;
    readonly services: boolean;
  };
  /** DNS names as a label. */
  readonly dnsQuery: boolean;
  /** Options of Cilium's metrics. */
  readonly upstream: Config['upstream_options'];
  readonly sampleRate: number;
}

/** What a policy verdict comes to. */
const ACTIONS: readonly string[] = ['unknown', 'ALLOWED', 'DENIED', 'AUDIT'];

/**
 * The metrics of this receiver's own profile. Each flow costs one look-up of its context and one of a series for each metric
 * that it belongs to.
 */
export class OwnMetrics implements FlowMetrics {
  readonly metrics: readonly PendingMetric[];
  readonly connections: Connections;
  readonly join: SocketJoin | undefined;
  readonly #options: MetricsOptions;
  readonly #flows: PendingCounter;
  readonly #udp: PendingCounter;
  readonly #opened: PendingCounter;
  readonly #durations: PendingHistogram;
  readonly #drops: PendingCounter;
  readonly #denied: PendingCounter;
  readonly #verdicts: PendingCounter;
  readonly #matches: PendingCounter;
  readonly #graph: ServiceGraph;
  readonly #lost: PendingCounter;
  readonly #l7: L7Metrics;
  /** Of the flow that is being counted. */
  #weight = 1;
  #context = 0;

  constructor(options: MetricsOptions) {
    const { definitions: own, shared, reader } = options;
    this.#options = options;
    this.#flows = new PendingCounter(own.flows, shared, describeFlow);
    this.#udp = new PendingCounter(own.udpFlows, shared, (packed) => ({
      [key('verdict')]: nameOf(VERDICTS, packed >>> 2),
      [key('direction')]: nameOf(DIRECTIONS, packed & 3),
    }));
    const reporter = (packed: number): Attributes => ({ [key('reporter')]: nameOf(REPORTERS, packed) });
    this.#opened = new PendingCounter(own.tcpConnections, shared, reporter);
    this.#durations = new PendingHistogram(own.tcpDuration, shared, reporter, options.connectionForm);
    this.#drops = new PendingCounter(own.drops, shared, (packed) => ({
      [key('reason')]: dropReason(packed >>> 5),
      [key('protocol')]: nameOf(PROTOCOLS, (packed >>> 2) & 7),
      [key('direction')]: nameOf(DIRECTIONS, packed & 3),
    }));
    this.#denied = new PendingCounter(own.l7Denied, shared, (packed) => ({
      [key('protocol')]: nameOf(RECORDS, packed >>> 2),
      [key('direction')]: nameOf(DIRECTIONS, packed & 3),
    }));
    this.#verdicts = new PendingCounter(own.policyVerdicts, shared, (packed) => ({
      [key('action')]: nameOf(ACTIONS, packed >>> 2),
      [key('direction')]: nameOf(DIRECTIONS, packed & 3),
    }));
    this.#matches = new PendingCounter(own.policyMatches, shared, (packed) => ({
      [key('match')]: packed >>> 12 > 0 ? `l7/${nameOf(RECORDS, packed >>> 12)}` : policyMatch((packed >>> 4) & 0xff),
      [key('action')]: nameOf(ACTIONS, (packed >>> 2) & 3),
      [key('direction')]: nameOf(DIRECTIONS, packed & 3),
    }));
    this.#graph = new ServiceGraph(options);
    this.#lost = new PendingCounter(own.lost, { ...shared, idleFlushes: Number.POSITIVE_INFINITY }, (packed) => ({
      [key('source')]: packed < 0 ? 'reconnect' : nameOf(LOST_SOURCES, packed),
    }));
    this.#l7 = new L7Metrics(options, this.#graph);
    this.connections = new Connections(reader, options.maxConnections, {
      opened: (flow) => this.#connectionOpened(flow),
      closed: (context, side, ns) => void this.#durations.add(context, side, ns, this.#weight),
    });
    const { collect, joinWindowMs } = options;
    const bytes = new PendingCounter(own.flowBytes, shared, reporter);
    if (joinWindowMs !== undefined) {
      const { contexts, maxConnections: limit, sampleRate: weight } = options;
      this.join = new SocketJoin({ reader, contexts, bytes, windowMs: joinWindowMs, limit, weight });
    }
    this.metrics = [
      ...(collect.flows ? [this.#flows, this.#udp, this.#opened, this.#durations] : []),
      ...(this.join === undefined ? [] : [bytes]),
      ...(collect.drops ? [this.#drops, this.#denied] : []),
      ...(collect.policies ? [this.#verdicts, this.#matches] : []),
      ...this.#l7.metrics,
      ...(collect.services ? this.#graph.metrics : []),
      this.#lost,
    ];
  }

  flow(flow: Flow, weight: number, nowMs: number): void {
    const { contexts, collect } = this.#options;
    const context = contexts.of(flow, false);
    this.#weight = weight;
    this.#context = context;
    if (collect.flows) this.#countFlow(flow, context, weight, nowMs);
    switch (flow.eventType) {
      case EVENT.DROP:
        if (collect.drops) {
          const packed = ((flow.dropReason & 0xffff) << 5) | (flow.protocol << 2) | (flow.direction & 3);
          this.#drops.add(context, packed, weight);
        }
        break;
      case EVENT.POLICY_VERDICT:
        if (collect.policies) {
          const action = actionOf(flow.verdict);
          this.#verdicts.add(context, (action << 2) | (flow.direction & 3), weight);
          const match = ((flow.policyMatch & 0xff) << 4) | (action << 2) | (flow.direction & 3);
          this.#matches.add(context, match, weight);
        }
        break;
      case EVENT.ACCESS_LOG:
        this.#l7Flow(flow, context, weight);
        break;
      default:
    }
  }

  lost(source: number, count: number): void {
    if (count > 0) this.#lost.add(NO_CONTEXT, source, count);
  }

  get refused(): number {
    return this.#l7.refused;
  }

  forget(): void {
    this.#l7.forget();
  }

  #countFlow(flow: Flow, context: number, weight: number, nowMs: number): void {
    const packed = (flow.protocol << 12) | ((flow.verdict & 0xff) << 4) | ((flow.type & 3) << 2) | (flow.direction & 3);
    this.#flows.add(context, packed, weight);
    if (flow.type !== FLOW_TYPE.L3_L4) return;
    if (flow.protocol === PROTOCOL.UDP) {
      this.#udp.add(context, ((flow.verdict & 0xff) << 2) | (flow.direction & 3), weight);
    } else if (flow.hasTcpFlags) {
      this.connections.flow(flow, nowMs);
      this.join?.flow(flow);
    }
  }

  #l7Flow(flow: Flow, context: number, weight: number): void {
    const { collect } = this.#options;
    if (flow.l7Type === 1 && flow.record !== 0) {
      if (collect.drops && flow.verdict === VERDICT.DROPPED) {
        this.#denied.add(context, (flow.record << 2) | (flow.direction & 3), weight);
      }
      if (collect.policies) {
        const packed = (flow.record << 12) | (actionOf(flow.verdict) << 2) | (flow.direction & 3);
        this.#matches.add(context, packed, weight);
      }
    }
    this.#l7.flow(flow, context, weight);
  }

  #connectionOpened(flow: Flow): { readonly context: number; readonly reporter: number } {
    const reporter = flow.direction & 3;
    this.#opened.add(this.#context, reporter, this.#weight);
    if (this.#options.collect.services) this.#graph.connection(flow, this.#weight);
    return { context: this.#context, reporter };
  }
}

/** By the number of the record. */
const RECORDS: readonly string[] = ['unknown', 'dns', 'http', 'kafka'];

function actionOf(verdict: number): number {
  if (verdict === VERDICT.FORWARDED || verdict === VERDICT.REDIRECTED) return 1;
  return verdict === VERDICT.DROPPED ? 2 : verdict === VERDICT.AUDIT ? 3 : 0;
}

export function policyMatch(match: number): string {
  return POLICY_MATCHES[match] ?? 'unknown';
}

function describeFlow(packed: number): Attributes {
  const label = (name: Label, value: string): Attributes => ({ [key(name)]: value });
  return {
    ...label('protocol', nameOf(PROTOCOLS, packed >>> 12)),
    ...label('verdict', nameOf(VERDICTS, (packed >>> 4) & 0xff)),
    ...label('type', nameOf(FLOW_TYPES, (packed >>> 2) & 3)),
    ...label('direction', nameOf(DIRECTIONS, packed & 3)),
  };
}
