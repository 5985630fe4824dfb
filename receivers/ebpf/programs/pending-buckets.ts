import { HistogramPointsBuilder, histogram, type Metric, type MetricDefinition, NO_RECORDED_VALUE } from 'bpflow/sdk';
import {
  clearHandedOn,
  endingsOf,
  grown,
  handedOn,
  type PendingMetric,
  removeEnded,
  type SeriesSet,
  type SeriesState,
  type Watcher,
} from '../series/series.ts';

/** A histogram's pending growth by series, for any bounds. */
export class PendingBuckets implements PendingMetric {
  readonly definition: MetricDefinition;
  readonly series: SeriesSet;
  watcher: Watcher | undefined;
  readonly #builder: HistogramPointsBuilder;
  readonly #hasSum: boolean;
  /** Rows of the buckets, then the sum. */
  readonly #row: number;
  #values = new Float64Array(0);
  #last = new Float64Array(0);
  #endings: number[] = [];

  /** `bounds`: upper ones, ascending, without the last bucket's. */
  constructor(definition: MetricDefinition, series: SeriesSet, bounds: readonly number[], hasSum: boolean) {
    this.definition = definition;
    this.series = series;
    this.#builder = new HistogramPointsBuilder(bounds);
    this.#hasSum = hasSum;
    this.#row = this.#builder.width + 1;
  }

  /** Adds what the buckets, and after them the sum, have grown by. */
  add(series: number, growth: Float64Array): void {
    if (this.watcher !== undefined) {
      this.watcher(series, growth);
      return;
    }
    const at = series * this.#row;
    if (at >= this.#values.length) this.#values = grown(this.#values, at + this.#row);
    for (let i = 0; i < this.#row; i++) this.#values[at + i]! += growth[i]!;
  }

  build(time: bigint, startTime: bigint): Metric | undefined {
    const { series } = this;
    const width = this.#builder.width;
    for (let number = 0; number < series.size; number++) {
      if (countOf(this.#values, number, this.#row) === 0) continue;
      const at = number * this.#row;
      const sum = this.#hasSum ? this.#values[at + width]! : Number.NaN;
      this.#builder.add(series.id(number), this.#values.subarray(at, at + width), sum);
    }
    this.#endings = endingsOf(series, (number) => countOf(this.#values, number, this.#row) === 0);
    const none = new Float64Array(width);
    for (const number of this.#endings) {
      this.#builder.add(series.id(number), none, 0, undefined, undefined, NO_RECORDED_VALUE);
    }
    if (this.#builder.length === 0) return undefined;
    return histogram(this.definition, series.table, this.#builder.take(time, startTime), { temporality: 'delta' });
  }

  state(series: number): SeriesState {
    return { waiting: countOf(this.#values, series, this.#row), last: countOf(this.#last, series, this.#row) };
  }

  accepted(): number {
    this.#last = handedOn(this.#last, this.series, this.#values, this.#row);
    clearHandedOn(this.series, this.#values, this.#row);
    return removeEnded(this.series, this.#endings);
  }
}

/** What is in the buckets of a row, of which the last value is the sum. */
function countOf(values: Float64Array, number: number, row: number): number {
  let count = 0;
  for (let i = number * row, end = (number + 1) * row - 1; i < end; i++) count += values[i] ?? 0;
  return count;
}
