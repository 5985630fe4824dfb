import { createScope, type Metric, type MetricBatch, metricBatch, SeriesInterner, WireError } from 'bpflow/sdk';
import type { Config } from './config.ts';
import { type Contexts, Contexts as ContextTable, OVERFLOW_CONTEXT } from './contexts.ts';
import { definitions } from './definitions.ts';
import { DIRECTION, LOST_SOURCES, NODE_STATES } from './enums.ts';
import type { Flow } from './flow.ts';
import type { FlowLogs } from './flow-logs.ts';
import { type FlowMetrics, OwnMetrics } from './flow-metrics.ts';
import { FlowReader } from './flow-reader.ts';
import { type ContextLabel, derivedWorkload, toldWorkload, type WorkloadOf } from './labels.ts';
import { type NodeView, readLostEvents, readNodeStatus } from './messages.ts';
import { Namespaces } from './namespaces.ts';
import type { HistogramForm } from './pending-metrics.ts';
import { Resume } from './resume.ts';
import { Sampler } from './sampler.ts';
import { ServiceNames } from './service-names.ts';
import { UpstreamMetrics } from './upstream-metrics.ts';

const NS_PER_MS = 1e6;
const DEFAULT_LABELS: readonly ContextLabel[] = [
  'source_namespace',
  'source_workload',
  'destination_namespace',
  'destination_workload',
];
/** Contexts of a metric's series are few; all metrics together may have more. */
const CONTEXTS_PER_SERIES = 2;
/** Below this many contexts nothing is gained by forgetting some. */
const MIN_CONTEXTS = 1024;
/** Ended series that a table of series may hold before a new one is begun. */
const ENDED_SERIES = 4096;
/** Messages in a row that are no flows: then it is not Hubble that sends them. */
const MAX_MALFORMED = 100;
const MAX_NODES = 10_000;
/** How far a flow and its socket may be apart, in aggregation windows. */
const JOIN_WINDOWS = 2;

/** What became of the messages, since the start. */
export interface IntakeCounts {
  /** Flows of which something was counted. */
  accepted: number;
  duplicate: number;
  filtered: number;
  sampledOut: number;
  rateLimited: number;
  malformed: number;
  /** As Hubble told, and gaps between connections. */
  lost: number;
  l7: number;
}

export interface IntakeOptions {
  readonly config: Config;
  /** The agent's version. */
  readonly version: string;
  /** For pods that the agent says nothing of. */
  readonly workloadOf?: WorkloadOf | undefined;
}

/** Takes the messages of the stream, and has what they came to until somebody takes it. */
export class FlowIntake {
  readonly reader = new FlowReader();
  readonly resume = new Resume();
  readonly namespaces: Namespaces;
  readonly contexts: Contexts;
  readonly metrics: FlowMetrics;
  readonly services: ServiceNames;
  readonly counts: IntakeCounts = {
    accepted: 0,
    duplicate: 0,
    filtered: 0,
    sampledOut: 0,
    rateLimited: 0,
    malformed: 0,
    lost: 0,
    l7: 0,
  };
  /** State of the nodes behind a relay, by name. */
  readonly nodes = new Map<string, string>();
  logs: FlowLogs | undefined;
  readonly instrumentation;
  readonly #config: Config;
  readonly #interner = new SeriesInterner();
  readonly #sampler: Sampler;
  /** Direction that does not count; 0 for none. */
  readonly #unwanted: number;
  #budget: number;
  #nowMs = 0;
  #malformedInARow = 0;
  #ended = 0;

  constructor({ config, version, workloadOf }: IntakeOptions) {
    this.#config = config;
    this.instrumentation = createScope('bpflow/receivers/hubble', version);
    this.namespaces = new Namespaces({ watch: config.watch_namespaces, exclude: config.exclude_namespaces });
    const isUpstream = config.names === 'hubble_upstream';
    const labels = config.context.labels ?? (isUpstream ? [] : DEFAULT_LABELS);
    // Cilium's own metrics know no more than the agent tells.
    const workloads = isUpstream ? toldWorkload : (workloadOf ?? derivedWorkload);
    const limit = config.max_series * CONTEXTS_PER_SERIES;
    this.contexts = new ContextTable({ ...config.context, labels }, this.reader, workloads, limit);
    const shared = {
      contexts: this.contexts,
      interner: this.#interner,
      scope: this.instrumentation,
      maxSeries: config.max_series,
      idleFlushes: Math.max(1, Math.ceil(config.idle_timeout / config.aggregation_window)),
    };
    this.services = new ServiceNames(this.reader, workloadOf ?? derivedWorkload);
    const options = {
      shared,
      contexts: this.contexts,
      reader: this.reader,
      definitions: definitions({ context: this.contexts.attributes, sampleRate: config.flow_sample_rate }),
      services: this.services,
      requestForm: formOf(config, config.histogram.request_bounds),
      connectionForm: formOf(config, config.histogram.connection_bounds),
      maxConnections: config.max_connections,
      joinWindowMs: config.join === undefined ? undefined : JOIN_WINDOWS * config.aggregation_window,
      collect: {
        flows: config.collect_flows,
        l7: config.collect_l7_flows,
        drops: config.collect_drops,
        policies: config.collect_policies,
        services: config.collect_services,
      },
      dnsQuery: config.dns_query_label || config.upstream_options.dns.includes('query'),
      upstream: config.upstream_options,
      sampleRate: config.flow_sample_rate,
    };
    this.metrics = isUpstream ? new UpstreamMetrics(options) : new OwnMetrics(options);
    this.#sampler = new Sampler(this.reader, config.flow_sample_rate);
    this.#unwanted =
      config.reporter === 'server' ? DIRECTION.EGRESS : config.reporter === 'client' ? DIRECTION.INGRESS : 0;
    this.#budget = config.max_flows_per_second;
  }

  /** Takes one message. False when the sender is no Hubble. */
  take(message: Uint8Array): boolean {
    try {
      const kind = this.reader.read(message);
      if (kind === 'flow') this.#flow(this.reader.flow);
      else if (kind === 'lost_events') this.#lost();
      else if (kind === 'node_status') this.#nodeStatus();
      this.#malformedInARow = 0;
      return true;
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.counts.malformed++;
      return ++this.#malformedInARow < MAX_MALFORMED;
    }
  }

  /** At least so many flows were lost between two connections. */
  gap(count: number): void {
    this.metrics.lost(GAP, count);
    this.counts.lost += count;
  }

  /** The nodes behind the relay, as it knows them now. */
  setNodes(nodes: readonly NodeView[]): void {
    this.nodes.clear();
    for (const { name, state } of nodes) this.nodes.set(name, NODE_STATES[state] ?? 'unknown');
  }

  /** Looks the names of workloads up anew: pods have come that were not known. What was counted stays where it is. */
  nameAnew(): void {
    this.contexts.nameAnew();
    this.services.nameAnew();
  }

  /** A second has passed. `nowMs`: monotonic time. */
  tick(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#budget = this.#config.max_flows_per_second;
  }

  /** What was counted since the last call; undefined when there is nothing. Times in ns since 1970. */
  takeMetrics(time: bigint, startTime: bigint): MetricBatch | undefined {
    this.metrics.connections?.expire(this.#nowMs, this.#config.connection_timeout);
    this.metrics.join?.collect(time);
    const metrics: Metric[] = [];
    let ended = 0;
    for (const pending of this.metrics.metrics) {
      const before = pending.ended;
      const metric = pending.take(time, startTime);
      if (metric !== undefined) metrics.push(metric);
      ended += pending.ended - before;
    }
    this.#ended += ended;
    this.#forget();
    return metrics.length === 0 ? undefined : metricBatch(metrics);
  }

  #flow(flow: Flow): void {
    const { counts } = this;
    // Agents before Cilium 1.14 give flows no id: the whole message stands for it.
    if (flow.uuidLow === 0 && flow.uuidHigh === 0) [flow.uuidLow, flow.uuidHigh] = this.reader.hashes();
    if (!this.resume.isNew(flow)) {
      counts.duplicate++;
      return;
    }
    if ((this.#unwanted !== 0 && flow.direction === this.#unwanted) || !this.namespaces.wants(flow)) {
      counts.filtered++;
      return;
    }
    if (!this.#sampler.takes(flow)) {
      counts.sampledOut++;
      return;
    }
    if (this.#config.max_flows_per_second > 0 && --this.#budget < 0) {
      counts.rateLimited++;
      return;
    }
    counts.accepted++;
    if (flow.record !== 0) counts.l7++;
    this.metrics.flow(flow, this.#config.flow_sample_rate, this.#nowMs);
    this.logs?.add(flow);
  }

  #lost(): void {
    const { start, end } = this.reader.content;
    const { source, count } = readLostEvents(this.reader.bytes, start, end);
    // What the agent lost lies in the ring, and comes again with it; what this stream lost does not.
    if (source !== OF_THIS_STREAM && !this.resume.isNewMessage(...this.reader.hashes())) return;
    const lost = Math.min(count, Number.MAX_SAFE_INTEGER);
    this.metrics.lost(source < LOST_SOURCES.length ? source : 0, lost);
    this.counts.lost += lost;
  }

  #nodeStatus(): void {
    const { start, end } = this.reader.content;
    const { state, nodes } = readNodeStatus(this.reader.bytes, start, end);
    const name = NODE_STATES[state] ?? 'unknown';
    for (const node of nodes) {
      if (name === 'gone') this.nodes.delete(node);
      else if (this.nodes.size < MAX_NODES || this.nodes.has(node)) this.nodes.set(node, name);
      if (name === 'gone') this.resume.forget(this.reader.words.idOf(node));
    }
  }

  /** Lets go of what ended series have left behind. */
  #forget(): void {
    if (this.#ended >= ENDED_SERIES && this.#ended * 2 >= this.#interner.table.size) {
      this.#interner.rotate();
      this.#ended = 0;
    }
    this.reader.forgetNames();
    this.services.forget();
    this.metrics.forget();
    if (this.contexts.size < MIN_CONTEXTS) return;
    const used = new Set<number>();
    for (const { series } of this.metrics.metrics) series.addContexts(used);
    this.metrics.connections?.addContexts(used);
    this.metrics.join?.addContexts(used);
    if (used.size * 2 > this.contexts.size) return;
    const next = new Map<number, number>();
    this.contexts.compact(used, (from, to) => next.set(from, to));
    const renumber = (context: number): number => next.get(context) ?? OVERFLOW_CONTEXT;
    for (const { series } of this.metrics.metrics) series.renumberContexts(renumber);
    this.metrics.connections?.renumberContexts(renumber);
    this.metrics.join?.renumberContexts(renumber);
  }
}

/** HUBBLE_RING_BUFFER, of LOST_SOURCES. */
const OF_THIS_STREAM = 3;
/** In place of a source: what was missed between two connections. */
const GAP = -1;

function formOf({ histogram }: Config, boundsMs: readonly number[]): HistogramForm {
  return histogram.form === 'exponential'
    ? { kind: 'exponential' }
    : { kind: 'explicit', boundsNs: boundsMs.map((ms) => Math.round(ms * NS_PER_MS)) };
}
