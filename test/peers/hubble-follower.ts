import { type LogBatch, type MetricBatch, presentBatch, type Receiver } from 'bpflow/sdk';
import { collectingConsumer, fakeScope, metricsOf, type PointRow } from 'bpflow/testing';
import spec from '../../receivers/hubble/index.ts';
import { until } from './program.ts';

/** Time as it is. */
const realClock = {
  now: () => BigInt(Date.now()) * 1_000_000n,
  monotonic: () => performance.now(),
  after(ms: number, callback: () => void) {
    const timer = setTimeout(callback, ms);
    return { cancel: () => clearTimeout(timer) };
  },
  every(ms: number, callback: () => void) {
    const timer = setInterval(callback, ms);
    return { cancel: () => clearInterval(timer) };
  },
};

interface FlowsView {
  readonly accepted: number;
  readonly duplicate: number;
  readonly malformed: number;
  readonly lost: number;
}

/** A `hubble` receiver that follows a server of a test. */
export class Follower implements AsyncDisposable {
  readonly scope = fakeScope('receiver', 'hubble');
  readonly metrics = collectingConsumer<MetricBatch>();
  readonly logs = collectingConsumer<LogBatch>();
  readonly #receiver: Receiver;

  /** Starts at once. Every flow counts: no limit, no namespace is left out. */
  constructor(config: Readonly<Record<string, unknown>>) {
    const parsed = spec.config.parse({ exclude_namespaces: [], max_flows_per_second: 0, ...config });
    const scope = { ...this.scope, clock: realClock };
    this.#receiver = spec.create(parsed, scope, { metrics: this.metrics, logs: this.logs });
    void this.#receiver.start?.();
  }

  get counts(): FlowsView {
    return this.scope.view('flows') as FlowsView;
  }

  get connection(): {
    readonly kind: string;
    readonly isRelay: boolean;
    readonly reason: string;
    readonly streams: number;
  } {
    return this.scope.view('connection') as never;
  }

  /** Waits until it follows. */
  async follows(): Promise<void> {
    await until(
      () => this.connection.kind === 'following',
      () => `It does not follow: ${JSON.stringify(this.scope.lastHealth)}`,
    );
  }

  /** Waits until so many flows have come. */
  async has(flows: number): Promise<void> {
    await until(
      () => this.counts.accepted >= flows,
      () => `${JSON.stringify(this.counts)}, not ${flows}; ${JSON.stringify(this.scope.lastHealth)}`,
    );
  }

  /** Everything that was counted so far, under the names of the page. */
  async rows(): Promise<readonly PointRow[]> {
    await this.#receiver.collect?.(new AbortController().signal);
    return metricsOf(...this.metrics.batches.map((batch) => presentBatch(batch, 'seed')));
  }

  /** Sums of a metric by these labels, joined by `|`. */
  async sums(metric: string, ...labels: readonly string[]): Promise<Readonly<Record<string, number>>> {
    return sumsOf(await this.rows(), metric, labels);
  }

  /** Hands on everything and ends. */
  async stop(): Promise<void> {
    await this.#receiver.stop?.();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/** Values, or counts of histograms, by labels. */
export function sumsOf(
  rows: readonly PointRow[],
  metric: string,
  labels: readonly string[],
): Readonly<Record<string, number>> {
  const sums: Record<string, number> = {};
  for (const row of rows) {
    if (row.name !== metric) continue;
    const key = labels.map((label) => String(row.attributes[label] ?? '')).join('|');
    sums[key] = (sums[key] ?? 0) + Number(row.value ?? row.count ?? 0);
  }
  return Object.fromEntries(Object.entries(sums).sort());
}

/** Sum of all values or durations of a metric, in s for durations. */
export function totalOf(rows: readonly PointRow[], metric: string): number {
  return rows.reduce((total, row) => (row.name === metric ? total + Number(row.value ?? row.sum ?? 0) : total), 0);
}
