import {
  ExponentialHistogramPointsBuilder,
  exponentialHistogram,
  HistogramPointsBuilder,
  histogram,
  type Metric,
  type MetricDefinition,
  NO_RECORDED_VALUE,
} from 'bpflow/sdk';
import { Hist } from '../../../bpf/syscall.gen.ts';
import { PendingGrowth, type Times } from './pending.ts';
import type { SeriesSet } from './series.ts';

/** How the kernel's buckets are handed on. */
export type HistogramForm = 'explicit' | 'exponential';

/**
 * Explicit bounds: powers of two from 2^8 ns (256 ns) to 2^34 ns (17.2 s). The kernel has one bucket for each power of two;
 * what is below or above is added up.
 */
const FIRST_BOUND = 8;
const LAST_BOUND = 34;
export const EXPLICIT_BOUNDS = Float64Array.from(
  { length: LAST_BOUND - FIRST_BOUND + 1 },
  (_, i) => 2 ** (FIRST_BOUND + i),
);

/** A histogram's pending growth by series: sum, zeros and the kernel's buckets, as they lie in the kernel's struct. */
export class PendingHistogram extends PendingGrowth<Float64Array> {
  readonly #form: HistogramForm;

  constructor(definition: MetricDefinition, series: SeriesSet, form: HistogramForm) {
    super(definition, series, ROW, ZERO);
    this.#form = form;
  }

  protected metric(growing: readonly number[], ended: readonly number[], times: Times): Metric {
    return this.#form === 'explicit' ? this.#explicit(growing, ended, times) : this.#exponential(growing, ended, times);
  }

  #explicit(growing: readonly number[], ended: readonly number[], { time, startTime }: Times): Metric {
    const builder = new HistogramPointsBuilder(EXPLICIT_BOUNDS);
    const counts = new Float64Array(builder.width);
    for (const number of growing) {
      const at = number * ROW;
      counts.fill(0);
      counts[0] = this.values[at + ZERO]!;
      for (let bucket = 0; bucket < KERNEL_BUCKETS; bucket++) {
        const place = Math.min(Math.max(bucket - FIRST_BOUND, 0), EXPLICIT_BOUNDS.length);
        counts[place]! += this.values[at + BUCKETS + bucket]!;
      }
      builder.add(this.series.id(number), counts, this.values[at + SUM]!);
    }
    counts.fill(0);
    for (const number of ended) {
      builder.add(this.series.id(number), counts, 0, undefined, undefined, NO_RECORDED_VALUE);
    }
    return histogram(this.definition, this.series.table, builder.take(time, startTime), { temporality: 'delta' });
  }

  #exponential(growing: readonly number[], ended: readonly number[], { time, startTime }: Times): Metric {
    const builder = new ExponentialHistogramPointsBuilder();
    for (const number of growing) {
      const at = number * ROW;
      const buckets = this.values.subarray(at + BUCKETS, at + BUCKETS + KERNEL_BUCKETS);
      const first = buckets.findIndex((count) => count > 0);
      const last = buckets.findLastIndex((count) => count > 0);
      const value = { scale: 0, zeroCount: this.values[at + ZERO]!, sum: this.values[at + SUM]! };
      // The kernel's bucket k holds (2^(k-1), 2^k], which has the index k - 1 at scale 0.
      const positive = { offset: first - 1, counts: buckets.subarray(first, last + 1) };
      builder.add(this.series.id(number), first < 0 ? value : { ...value, positive });
    }
    for (const number of ended) {
      builder.add(this.series.id(number), { scale: 0, sum: 0 }, undefined, undefined, NO_RECORDED_VALUE);
    }
    const points = builder.take(time, startTime);
    return exponentialHistogram(this.definition, this.series.table, points, { temporality: 'delta' });
  }
}

/** The kernel's buckets: k holds (2^(k-1), 2^k]; the last one takes what is above. */
const KERNEL_BUCKETS = Hist.BUCKETS_LENGTH;
const SUM = 0;
const ZERO = 1;
const BUCKETS = 2;
const ROW = BUCKETS + KERNEL_BUCKETS;
/** u64 counters in the kernel's histogram. */
export const HISTOGRAM_COUNTERS = ROW;
