import type { Histogram, Metric, MetricBatch } from '../../pdata/metrics.ts';
import { countPoints } from '../../pdata/metrics.ts';
import { Keys } from './keys.ts';
import { MadeSeries } from './made-series.ts';
import { isStanding, MetricLimiter, type Now, type Outcome } from './metric-limiter.ts';
import type { CardinalityOptions } from './options.ts';
import { SharedBudgets } from './shared-budgets.ts';

/** A batch behind the budgets, and what became of points that are not in it. */
export interface LimitedBatch {
  /** Undefined when nothing is left. */
  readonly batch: MetricBatch | undefined;
  /** Points that went into others. */
  readonly merged: number;
  /** Points that end series which the budget has ended. */
  readonly created: number;
  /** By reason. */
  readonly dropped: Readonly<Record<DropReason, number>>;
}

/**
 * Why a point went nowhere: its series had ended inside another one, there is no room to remember the last value of a folded
 * gauge, summaries cannot be put together, or there are too many metrics.
 */
export type DropReason = 'ended' | 'gauge_sources' | 'summary' | 'max_metrics';

/** The series of a metric and what its attributes do to it. */
export interface MetricReport {
  readonly metric: string;
  readonly series: number;
  readonly maxSeries: number;
  readonly attributes: readonly AttributeReport[];
}

export interface AttributeReport {
  readonly attribute: string;
  /** About how many values came. */
  readonly values: number;
  /** Values that have a name, where their number is limited. */
  readonly named: number | undefined;
  /** Points whose value was replaced. */
  readonly folded: number;
}

/** How often the largest may take names, ms. */
export const REVIEW_INTERVAL_MS = 10_000;

/** Metrics are remembered as long as converters downstream may remember their series, ms: so they know which times are taken. */
const METRIC_MEMORY_MS = 3_600_000;

/**
 * Keeps the number of series bounded without losing a count: series that find no room are folded into others, whose other
 * attributes stay. Sums, histograms and exponential histograms must come as deltas, so that a fold is an addition and no
 * history moves; gauges, and sums that go up and down, are put together of their last values.
 *
 * At every moment the points that come out add up to those that came in. Memory is bounded by the budgets.
 */
export class CardinalityLimiter {
  readonly #options: CardinalityOptions;
  readonly #metrics = new Map<string, MetricLimiter>();
  readonly #keys = new Keys();
  readonly #shared: SharedBudgets;
  readonly #made = new MadeSeries();
  /** Metrics of which series have ended since the last batch. */
  readonly #ending = new Set<MetricLimiter>();
  #reviewedMs = Number.NEGATIVE_INFINITY;
  #expiredMs = Number.NEGATIVE_INFINITY;

  constructor(options: CardinalityOptions) {
    this.#options = options;
    this.#shared = new SharedBudgets(options.maxSeriesPerResource, options.maxTotalSeries);
  }

  /** Series of all metrics, overflow series left out. */
  get series(): number {
    return this.#shared.used;
  }

  limit(batch: MetricBatch, now: Now): LimitedBatch {
    const outcome: Outcome = { ended: 0, untracked: 0, summaries: 0 };
    const metrics: Metric[] = [];
    let changed = false;
    let refused = 0;
    this.#align(batch);
    for (const metric of batch.metrics) {
      const limiter = this.#limiterOf(metric);
      if (limiter === undefined) {
        refused += metric.points.length;
        changed = true;
        continue;
      }
      const result = limiter.apply(metric, now, outcome);
      if (result.length !== 1 || result[0] !== metric) changed = true;
      metrics.push(...result);
    }
    for (const limiter of this.#ending) {
      const ends = limiter.takeEndings();
      if (ends === undefined) continue;
      metrics.push(ends);
      changed = true;
    }
    this.#ending.clear();
    const dropped = {
      ended: outcome.ended,
      gauge_sources: outcome.untracked,
      summary: outcome.summaries,
      max_metrics: refused,
    };
    if (!changed) return { batch, merged: 0, created: 0, dropped };
    const result: MetricBatch | undefined = metrics.length === 0 ? undefined : { signal: 'metrics', metrics };
    const lost = outcome.ended + outcome.untracked + outcome.summaries + refused;
    const balance = countPoints(batch) - lost - (result === undefined ? 0 : countPoints(result));
    return { batch: result, merged: Math.max(0, balance), created: Math.max(0, -balance), dropped };
  }

  /** To be called every few seconds, with monotonic ms: frees the places of what is idle, and lets the largest take names. */
  tick(nowMs: number): void {
    const { idleTimeoutMs } = this.#options;
    if (nowMs - this.#reviewedMs >= REVIEW_INTERVAL_MS) {
      const fade = 0.5 ** (Math.min(nowMs - this.#reviewedMs, idleTimeoutMs) / idleTimeoutMs);
      for (const limiter of this.#metrics.values()) limiter.review(fade);
      this.#noteEndings();
      this.#reviewedMs = nowMs;
    }
    if (nowMs - this.#expiredMs >= idleTimeoutMs / 5) {
      this.#expire(nowMs - idleTimeoutMs, nowMs - Math.max(idleTimeoutMs, METRIC_MEMORY_MS));
      this.#expiredMs = nowMs;
    }
  }

  /** What there is, the metrics with the most series first. */
  report(): readonly MetricReport[] {
    return [...this.#metrics.values()].map(reportOf).sort((a, b) => b.series - a.series);
  }

  /** Histograms of one metric whose bounds differ come as several metrics. */
  #align(batch: MetricBatch): void {
    let first: Map<string, Histogram> | undefined;
    for (const metric of batch.metrics) {
      if (metric.kind !== 'histogram') continue;
      first ??= new Map();
      const other = first.get(metric.name);
      if (other === undefined) {
        first.set(metric.name, metric);
      } else {
        this.#limiterOf(other)?.align(other.points.bounds);
        this.#limiterOf(metric)?.align(metric.points.bounds);
      }
    }
  }

  #expire(beforeMs: number, metricsBeforeMs: number): void {
    for (const [key, limiter] of this.#metrics) {
      limiter.expire(beforeMs);
      if (limiter.isEmpty && limiter.seenMs < metricsBeforeMs) this.#metrics.delete(key);
    }
    this.#made.sweep([...this.#metrics.values()]);
    this.#noteEndings();
  }

  #noteEndings(): void {
    for (const limiter of this.#metrics.values()) if (limiter.hasEndings) this.#ending.add(limiter);
  }

  #limiterOf(metric: Metric): MetricLimiter | undefined {
    const key = keyOf(metric);
    let limiter = this.#metrics.get(key);
    if (limiter === undefined && this.#metrics.size < this.#options.maxMetrics) {
      const names = metric.definition === undefined ? [metric.name] : [metric.name, metric.definition.seedName];
      limiter = new MetricLimiter(metric, {
        limit: this.#options.limitOf(names),
        options: this.#options,
        shared: this.#shared,
        made: this.#made,
        keys: this.#keys,
      });
      this.#metrics.set(key, limiter);
    }
    return limiter;
  }
}

/** Metrics of one name that differ in what makes points addable are different ones. */
function keyOf(metric: Metric): string {
  return [metric.kind, isStanding(metric), metric.definition !== undefined, metric.unit, metric.name].join('\0');
}

function reportOf({ name, limit, placement }: MetricLimiter): MetricReport {
  placement.bindings.settle();
  return {
    metric: name,
    series: placement.rows.live,
    maxSeries: limit.maxSeries,
    attributes: placement.attributes
      .all()
      .map(({ key, distinct, seats, folded }) => ({
        attribute: key,
        values: distinct.value,
        named: seats?.taken,
        folded,
      }))
      .sort((a, b) => b.values - a.values),
  };
}
