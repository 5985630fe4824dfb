import { flagsAt, type Metric, type MetricBatch, NO_RECORDED_VALUE } from '../../pdata/metrics.ts';
import { pickPoints, rowsWhere } from '../../pdata/pick-points.ts';
import type { SeriesId } from '../../pdata/series-table.ts';
import { TemporalityConverter } from '../../pdata/temporality/converter.ts';
import { CardinalityLimiter, type MetricReport } from './cardinality-limiter.ts';
import { Keys } from './keys.ts';
import type { Now } from './metric-limiter.ts';

export interface CumulativeFolderOptions {
  /** Series that may come out; one overflow series of each metric comes on top. */
  readonly maxSeries: number;
  /** Series that may go in at a time. */
  readonly maxSources: number;
  /** What is foreign and was silent for so long is forgotten, ms. */
  readonly idleTimeoutMs: number;
  /** Series that began before, ns since 1970, count from the first point that comes here on. */
  readonly since: bigint;
}

/** What became of series that went into others. */
export interface Folded {
  /** Cumulative; undefined when there is nothing to show. */
  readonly batch: MetricBatch | undefined;
  /** Points for which there is no room at all, and summaries, which cannot be put together. */
  readonly refused: number;
}

/** Totals of series that are made are remembered for so long after the last point, ms. */
const TOTALS_MEMORY_MS = 3_600_000;

const MAX_METRICS = 10_000;

/**
 * Where cumulative series go for which there is no room: into a bounded number of others, by the same engine as behind `cardinality_limit`.
 *
 *     cumulative ──▶ differences by source ──▶ limiter ──▶ totals of what it makes
 *
 * A series that went in stays in until it ends or was silent for long, so that nothing is counted here and elsewhere. No total that
 * comes out falls. Memory is bounded by the sources; what comes beyond is refused.
 */
export class CumulativeFolder {
  readonly #options: CumulativeFolderOptions;
  readonly #keys = new Keys();
  /** Metric → series that went in → when they last came, ms. */
  readonly #sources = new Map<string, Map<number, number>>();
  #size = 0;
  readonly #differences: TemporalityConverter;
  readonly #limiter: CardinalityLimiter;
  readonly #totals = new TemporalityConverter({ to: 'cumulative', idleTimeoutMs: TOTALS_MEMORY_MS });
  #expiredMs = Number.NEGATIVE_INFINITY;

  constructor(options: CumulativeFolderOptions) {
    const { maxSeries, maxSources, idleTimeoutMs, since } = options;
    this.#options = options;
    this.#differences = new TemporalityConverter({ to: 'delta', idleTimeoutMs });
    this.#differences.convert({ signal: 'metrics', metrics: [] }, since);
    this.#limiter = new CardinalityLimiter({
      limitOf: () => ({
        maxSeries: maxSeries + 1,
        strategy: 'first_come',
        gauges: 'sum',
        attributes: new Map(),
      }),
      maxSeriesPerResource: Number.POSITIVE_INFINITY,
      maxTotalSeries: maxSeries,
      maxMetrics: MAX_METRICS,
      maxGaugeSources: maxSources,
      idleTimeoutMs,
      overflowValue: 'other',
    });
  }

  /** Series that went in and are remembered. */
  get sources(): number {
    return this.#size;
  }

  /** Whether a series went in, so that its further points belong here too. */
  holds(metric: Metric, id: SeriesId): boolean {
    return this.#sources.get(keyOf(metric))?.has(this.#seriesKey(metric, id)) === true;
  }

  fold(batch: MetricBatch, now: Now): Folded {
    const metrics: Metric[] = [];
    let refused = 0;
    for (const metric of batch.metrics) {
      const { length } = metric.points;
      if (metric.kind === 'summary') {
        refused += length;
        continue;
      }
      const { rows, beyond } = this.#admitted(metric, now.ms);
      refused += beyond;
      if (rows.length > 0) metrics.push(rows.length === length ? metric : pickPoints(metric, rows));
    }
    if (metrics.length === 0) return { batch: undefined, refused };
    const deltas = this.#differences.convert({ signal: 'metrics', metrics }, now.ns);
    const { batch: made, dropped } = this.#limiter.limit(deltas, now);
    const result = made && this.#totals.convert(made, now.ns);
    return { batch: result, refused: refused + dropped.gauge_sources + dropped.max_metrics };
  }

  /**
   * Lets go of what was silent for long; our own series only if `own` says that nobody sends them any more. Returns points that end
   * series which came out of here.
   */
  expire(now: Now, own: boolean): MetricBatch | undefined {
    const { idleTimeoutMs } = this.#options;
    if (now.ms - this.#expiredMs < idleTimeoutMs / 5) return undefined;
    this.#expiredMs = now.ms;
    for (const [key, sources] of this.#sources) {
      if (key.startsWith(OWN) && !own) continue;
      for (const [series, seenMs] of sources) {
        if (seenMs < now.ms - idleTimeoutMs) this.#forget(sources, series);
      }
      if (sources.size === 0) this.#sources.delete(key);
    }
    this.#differences.expire(now.ns);
    this.#totals.expire(now.ns);
    this.#limiter.tick(now.ms);
    const ends = this.#limiter.limit({ signal: 'metrics', metrics: [] }, now).batch;
    return ends === undefined || ends.metrics.length === 0 ? undefined : this.#totals.convert(ends, now.ns);
  }

  /** What came out, and which attributes were given up for it. */
  report(): readonly MetricReport[] {
    return this.#limiter.report();
  }

  /** Points of series that are in here or find room, and ends of those that are. */
  #admitted(metric: Metric, nowMs: number): { readonly rows: Uint32Array; readonly beyond: number } {
    let beyond = 0;
    const key = keyOf(metric);
    const sources = this.#sources.get(key) ?? new Map<number, number>();
    const rows = rowsWhere(metric.points.length, (i) => {
      const series = this.#seriesKey(metric, metric.points.ids[i]!);
      const ends = (flagsAt(metric.points.flags, i) & NO_RECORDED_VALUE) !== 0;
      if (ends) return this.#forget(sources, series);
      if (!sources.has(series)) {
        if (this.#size >= this.#options.maxSources) {
          beyond++;
          return false;
        }
        this.#size++;
      }
      sources.set(series, nowMs);
      return true;
    });
    if (sources.size > 0) this.#sources.set(key, sources);
    else this.#sources.delete(key);
    return { rows, beyond };
  }

  #forget(sources: Map<number, number>, series: number): boolean {
    if (!sources.delete(series)) return false;
    this.#size--;
    return true;
  }

  #seriesKey({ series }: Metric, id: SeriesId): number {
    return this.#keys.ofSeries(series.resource(id), series.scope(id), series.attributes(id).bytes);
  }
}

const OWN = 'own\0';

function keyOf(metric: Metric): string {
  const monotonic = metric.kind !== 'sum' || metric.monotonic;
  return `${metric.definition === undefined ? '' : OWN}${metric.kind}\0${monotonic}\0${metric.unit}\0${metric.name}`;
}
