import {
  type ExponentialHistogram,
  flagsAt,
  type Histogram,
  type MetricBatch,
  NO_RECORDED_VALUE,
  type Point,
  perSeries,
  points,
  type SeriesTable,
  type ServiceMapEdge,
  type ServiceMapLatency,
  type ServiceMapView,
  type Sum,
} from 'bpflow/sdk';
import { key } from './definitions.ts';
import { EdgeLatency } from './edge-latency.ts';

/** Totals are noted this often, and so many of them are kept: rates are over the last minute. */
const MARK_MS = 10_000;
const MARKS = 7;
const REQUESTS = 'hubble.service_graph.requests';
const FAILED = 'hubble.service_graph.requests.failed';
const LATENCIES: Readonly<Record<string, ServiceMapLatency['seenBy']>> = {
  'hubble.service_graph.server.duration': 'server',
  'hubble.service_graph.client.duration': 'client',
};

export interface ServiceMapOptions {
  /** Monotonic time of the start. */
  readonly startMs: number;
  /** What is above finds no room. */
  readonly maxEdges: number;
  /** An edge that has not changed for so long is forgotten. */
  readonly idleMs: number;
}

interface Edge {
  readonly ends: Pick<ServiceMapEdge, 'client' | 'server' | 'type'>;
  requests: number;
  failed: number;
  changedMs: number;
  /** Requests and failed ones at each mark. */
  readonly marks: Float64Array;
  /** By who saw it. */
  readonly latencies: Partial<Record<ServiceMapLatency['seenBy'], EdgeLatency>>;
}

/** Who talks to whom, added up from the metrics that go out: nothing is done for it while flows come. */
export class ServiceMap {
  readonly #options: ServiceMapOptions;
  readonly #edges = new Map<string, Edge>();
  /** Times of the marks, a ring. */
  readonly #times = new Float64Array(MARKS);
  #marks = 0;
  #nowMs: number;
  #overflow = 0;

  constructor(options: ServiceMapOptions) {
    this.#options = options;
    this.#nowMs = options.startMs;
    this.#mark();
  }

  /** What was handed on at a monotonic time; undefined for nothing. */
  add(batch: MetricBatch | undefined, nowMs: number): void {
    if (this.#nowMs - this.#times[(this.#marks - 1) % MARKS]! >= MARK_MS) this.#mark();
    this.#nowMs = nowMs;
    for (const metric of batch?.metrics ?? []) {
      const seenBy = LATENCIES[metric.name];
      if (metric.kind === 'sum') {
        if (metric.name === REQUESTS || metric.name === FAILED) this.#count(metric, metric.name === FAILED);
      } else if (seenBy !== undefined && (metric.kind === 'histogram' || metric.kind === 'exponential_histogram')) {
        this.#time(metric, seenBy);
      }
    }
  }

  get view(): ServiceMapView {
    // The oldest mark that is still there.
    const mark = Math.max(0, this.#marks - MARKS) % MARKS;
    const seconds = (this.#nowMs - this.#times[mark]!) / 1000;
    const rate = (count: number): number => (seconds > 0 ? count / seconds : 0);
    const edges = [...this.#edges.values()].map(({ ends, requests, failed, marks, latencies }): ServiceMapEdge => {
      const latency = latencies.server?.view ?? latencies.client?.view;
      return {
        ...ends,
        requests,
        failed,
        requestsPerSecond: rate(requests - marks[mark * 2]!),
        failedPerSecond: rate(failed - marks[mark * 2 + 1]!),
        ...(latency === undefined ? {} : { latency }),
      };
    });
    return { seconds, edges, overflow: this.#overflow };
  }

  #count({ series, points: { ids, values, length, flags } }: Sum, isFailed: boolean): void {
    for (let row = 0; row < length; row++) {
      if ((flagsAt(flags, row) & NO_RECORDED_VALUE) !== 0) continue;
      const edge = this.#edge(endsOf(series, ids[row]!));
      const count = Number(values[row]);
      if (edge === undefined) this.#overflow += isFailed ? 0 : count;
      else if (isFailed) edge.failed += count;
      else edge.requests += count;
    }
  }

  /** Fixed bounds are in ns here, exponential ones in s. */
  #time(metric: Histogram | ExponentialHistogram, seenBy: ServiceMapLatency['seenBy']): void {
    const { series } = metric;
    if (metric.kind === 'histogram') {
      for (const point of points(metric)) this.#latency(series, point, seenBy)?.addExplicit(point);
    } else {
      for (const point of points(metric)) this.#latency(series, point, seenBy)?.addExponential(point);
    }
  }

  /** Undefined for the end of a series, and for an edge that found no room. */
  #latency(series: SeriesTable, { id, flags }: Point, seenBy: ServiceMapLatency['seenBy']): EdgeLatency | undefined {
    if ((flags & NO_RECORDED_VALUE) !== 0) return undefined;
    const latencies = this.#edge(endsOf(series, id))?.latencies;
    if (latencies !== undefined) latencies[seenBy] ??= new EdgeLatency(seenBy);
    return latencies?.[seenBy];
  }

  #edge(ends: Edge['ends']): Edge | undefined {
    const name = `${ends.client}\n${ends.server}\n${ends.type}`;
    let edge = this.#edges.get(name);
    if (edge === undefined) {
      if (this.#edges.size >= this.#options.maxEdges) return undefined;
      edge = { ends, requests: 0, failed: 0, changedMs: 0, marks: new Float64Array(MARKS * 2), latencies: {} };
      this.#edges.set(name, edge);
    }
    edge.changedMs = this.#nowMs;
    return edge;
  }

  /** Notes the totals as they are. */
  #mark(): void {
    const isTurn = this.#marks % (MARKS - 1) === 0;
    const mark = this.#marks++ % MARKS;
    this.#times[mark] = this.#nowMs;
    for (const [name, edge] of this.#edges) {
      if (this.#nowMs - edge.changedMs >= this.#options.idleMs) this.#edges.delete(name);
      edge.marks[mark * 2] = edge.requests;
      edge.marks[mark * 2 + 1] = edge.failed;
      if (isTurn) for (const latency of Object.values(edge.latencies)) latency.turn();
    }
  }
}

const endsOf = perSeries((table, id): Edge['ends'] => {
  const attributes = table.attributes(id);
  const text = (name: 'client' | 'server' | 'connection_type'): string => String(attributes.get(key(name)) ?? 'other');
  return { client: text('client'), server: text('server'), type: text('connection_type') };
});
