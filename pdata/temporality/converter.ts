import type {
  ExponentialHistogram,
  Histogram,
  Metric,
  MetricBatch,
  PointColumns,
  Sum,
  Temporality,
} from '../metrics.ts';
import { type DropReason, SeriesStream } from './series-stream.ts';
import { pointStatesOf } from './states-of-kind.ts';

export interface TemporalityConverterOptions {
  readonly to: Temporality;
  /** Foreign series that were not seen for so long are forgotten by {@link TemporalityConverter.expire}. */
  readonly idleTimeoutMs: number;
}

type Convertible = Sum | Histogram | ExponentialHistogram;

/**
 * Makes deltas cumulative, or cumulative values deltas. Sums, histograms and exponential histograms; what has the wanted
 * temporality already, gauges and summaries pass as they are.
 *
 * A series is known by the metric's name, unit and kind, by resource and scope, and by its attributes as they are here, whatever
 * its table and id. Integers stay exact. Points of one series and time that come in one batch become one.
 *
 * To cumulative: the first delta's start time is the start of the series, until a point without recorded value ends it. Our
 * own deltas are all added. Foreign ones are treated as by the Collector's `deltatocumulative`: gaps are bridged; a point not
 * newer than those of earlier batches, or older than the start of the series, is dropped; histogram bounds that change begin
 * the series anew; exponential histograms are merged at the coarser scale.
 *
 * To delta: as by the Collector's `cumulativetodelta`. The first value of a series counts as a delta when it began after
 * the converter's first batch, else it is only what later ones are compared with. A start time that changes, a monotonic
 * value or a bucket that falls, and bounds that change mean that the series began anew. Non-monotonic sums stay cumulative.
 */
export class TemporalityConverter {
  readonly to: Temporality;
  readonly #idleTimeoutMs: number;
  readonly #streams = new Map<string, SeriesStream<PointColumns>>();
  readonly #dropped = new Map<DropReason, number>();
  /** Time of the first batch. */
  #since: bigint | undefined;

  constructor(options: TemporalityConverterOptions) {
    this.to = options.to;
    this.#idleTimeoutMs = options.idleTimeoutMs;
  }

  /** Series that are held. */
  get size(): number {
    let size = 0;
    for (const stream of this.#streams.values()) size += stream.size;
    return size;
  }

  /** Points that led to none, by reason, since the beginning. */
  get dropped(): ReadonlyMap<DropReason, number> {
    return this.#dropped;
  }

  /** `now` in ns since 1970. Returns the same batch when there is nothing to convert. */
  convert(batch: MetricBatch, now: bigint): MetricBatch {
    this.#since ??= now;
    let changed = false;
    const metrics: Metric[] = [];
    for (const metric of batch.metrics) {
      if (!this.#isConvertible(metric)) {
        metrics.push(metric);
        continue;
      }
      changed = true;
      const converted = this.#convert(metric, now);
      if (converted.points.length > 0) metrics.push(converted);
    }
    return changed ? { signal: 'metrics', metrics } : batch;
  }

  /** Forgets foreign series that were idle for too long; our own end by themselves. `now` in ns since 1970. */
  expire(now: bigint): void {
    for (const [key, stream] of this.#streams) {
      stream.expire(Number(now / 1_000_000n) - this.#idleTimeoutMs);
      if (stream.size === 0 && !stream.own) this.#streams.delete(key);
    }
  }

  #isConvertible(metric: Metric): metric is Convertible {
    if (metric.kind === 'gauge' || metric.kind === 'summary' || metric.temporality === this.to) return false;
    return !(metric.kind === 'sum' && !metric.monotonic && this.to === 'delta');
  }

  #convert(metric: Convertible, now: bigint): Metric {
    const stream = this.#streamOf(metric);
    const points =
      this.to === 'cumulative'
        ? stream.accumulate(metric.series, metric.points, now)
        : stream.differentiate(metric.series, metric.points, now, this.#since!);
    return { ...metric, temporality: this.to, points } as Metric;
  }

  #streamOf(metric: Convertible): SeriesStream<PointColumns> {
    const own = metric.definition !== undefined;
    const monotonic = metric.kind !== 'sum' || metric.monotonic;
    const key = [own, metric.kind, monotonic, metric.unit, metric.name].join('\0');
    let stream = this.#streams.get(key);
    if (stream === undefined) {
      stream = new SeriesStream(pointStatesOf(metric.kind, monotonic), {
        own,
        drop: (reason) => this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + 1),
      });
      this.#streams.set(key, stream);
    }
    return stream;
  }
}
