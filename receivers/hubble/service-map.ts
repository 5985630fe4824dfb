import {
  flagsAt,
  type MetricBatch,
  NO_RECORDED_VALUE,
  perSeries,
  type ServiceMapEdge,
  type ServiceMapView,
} from 'bpflow/sdk';
import { key } from './definitions.ts';

/** Totals are noted this often, and so many of them are kept: rates are over the last minute. */
const MARK_MS = 10_000;
const MARKS = 7;
const REQUESTS = 'hubble.service_graph.requests';
const FAILED = 'hubble.service_graph.requests.failed';

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
      const isFailed = metric.name === FAILED;
      if ((!isFailed && metric.name !== REQUESTS) || metric.kind !== 'sum') continue;
      const { ids, values, length, flags } = metric.points;
      for (let row = 0; row < length; row++) {
        if ((flagsAt(flags, row) & NO_RECORDED_VALUE) !== 0) continue;
        const edge = this.#edge(endsOf(metric.series, ids[row]!));
        const count = Number(values[row]);
        if (edge === undefined) this.#overflow += isFailed ? 0 : count;
        else if (isFailed) edge.failed += count;
        else edge.requests += count;
      }
    }
  }

  get view(): ServiceMapView {
    // The oldest mark that is still there.
    const mark = Math.max(0, this.#marks - MARKS) % MARKS;
    const seconds = (this.#nowMs - this.#times[mark]!) / 1000;
    const rate = (count: number): number => (seconds > 0 ? count / seconds : 0);
    const edges = [...this.#edges.values()].map(
      ({ ends, requests, failed, marks }): ServiceMapEdge => ({
        ...ends,
        requests,
        failed,
        requestsPerSecond: rate(requests - marks[mark * 2]!),
        failedPerSecond: rate(failed - marks[mark * 2 + 1]!),
      }),
    );
    return { seconds, edges, overflow: this.#overflow };
  }

  #edge(ends: Edge['ends']): Edge | undefined {
    const name = `${ends.client}\n${ends.server}\n${ends.type}`;
    let edge = this.#edges.get(name);
    if (edge === undefined) {
      if (this.#edges.size >= this.#options.maxEdges) return undefined;
      edge = { ends, requests: 0, failed: 0, changedMs: 0, marks: new Float64Array(MARKS * 2) };
      this.#edges.set(name, edge);
    }
    edge.changedMs = this.#nowMs;
    return edge;
  }

  /** Notes the totals as they are. */
  #mark(): void {
    const mark = this.#marks++ % MARKS;
    this.#times[mark] = this.#nowMs;
    for (const [name, edge] of this.#edges) {
      if (this.#nowMs - edge.changedMs >= this.#options.idleMs) this.#edges.delete(name);
      edge.marks[mark * 2] = edge.requests;
      edge.marks[mark * 2 + 1] = edge.failed;
    }
  }
}

const endsOf = perSeries((table, id): Edge['ends'] => {
  const attributes = table.attributes(id);
  const text = (name: 'client' | 'server' | 'connection_type'): string => String(attributes.get(key(name)) ?? 'other');
  return { client: text('client'), server: text('server'), type: text('connection_type') };
});
