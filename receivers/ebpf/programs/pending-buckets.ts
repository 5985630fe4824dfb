import { HistogramPointsBuilder, histogram, type Metric, type MetricDefinition, NO_RECORDED_VALUE } from 'bpflow/sdk';
import { PendingGrowth, type Times } from '../series/pending.ts';
import type { SeriesSet } from '../series/series.ts';

/** A histogram's pending growth by series, for any bounds: the sum, then the buckets. */
export class PendingBuckets extends PendingGrowth<Float64Array> {
  readonly #builder: HistogramPointsBuilder;
  readonly #hasSum: boolean;

  /** `bounds`: upper ones, ascending, without the last bucket's. Without a sum its number is left out of account. */
  constructor(definition: MetricDefinition, series: SeriesSet, bounds: readonly number[], hasSum: boolean) {
    const builder = new HistogramPointsBuilder(bounds);
    super(definition, series, FIRST_BUCKET + builder.width, FIRST_BUCKET);
    this.#builder = builder;
    this.#hasSum = hasSum;
  }

  protected metric(growing: readonly number[], ended: readonly number[], { time, startTime }: Times): Metric {
    const { series, width } = this;
    for (const number of growing) {
      const row = this.values.subarray(number * width, (number + 1) * width);
      this.#builder.add(series.id(number), row.subarray(FIRST_BUCKET), this.#hasSum ? row[SUM]! : Number.NaN);
    }
    const none = new Float64Array(this.#builder.width);
    for (const number of ended) {
      this.#builder.add(series.id(number), none, 0, undefined, undefined, NO_RECORDED_VALUE);
    }
    return histogram(this.definition, series.table, this.#builder.take(time, startTime), { temporality: 'delta' });
  }
}

export const SUM = 0;
export const FIRST_BUCKET = 1;
