import type { HistogramPoints } from './metrics.ts';
import { PointColumnsBuilder, widened } from './point-columns.ts';
import type { SeriesId } from './series-table.ts';

/** Collects points of a histogram with fixed bounds. Reusable; adds without allocating once it has grown. */
export class HistogramPointsBuilder {
  /** Upper bounds, ascending, without +Inf. */
  readonly bounds: Float64Array;
  /** Counts in a row: one more than bounds. */
  readonly width: number;
  readonly #columns = new PointColumnsBuilder();
  readonly #min = new OptionalColumn();
  readonly #max = new OptionalColumn();
  #counts: Float64Array;
  #sums = new Float64Array(16);

  /** Throws RangeError unless the bounds are finite and ascending. */
  constructor(bounds: ArrayLike<number>) {
    this.bounds = Float64Array.from(bounds);
    this.width = bounds.length + 1;
    for (let i = 0; i < this.bounds.length; i++) {
      const ascends = i === 0 || this.bounds[i]! > this.bounds[i - 1]!;
      if (!Number.isFinite(this.bounds[i]) || !ascends) {
        throw new RangeError(`Histogram bounds must be finite and ascending; number ${i} is ${this.bounds[i]}.`);
      }
    }
    this.#counts = new Float64Array(16 * this.width);
  }

  get length(): number {
    return this.#columns.length;
  }

  /**
   * Adds a point. `counts` are those of each bucket (not accumulated), {@link width} of them from `at`. A sum, min or max
   * that is not known is NaN. Without `time` or `startTime` the point has those given to {@link take}.
   */
  add(
    id: SeriesId,
    counts: ArrayLike<number>,
    sum: number,
    time?: bigint,
    startTime?: bigint,
    flags = 0,
    min = Number.NaN,
    max = Number.NaN,
    at = 0,
  ): void {
    if (counts.length - at < this.width) {
      throw new RangeError(
        `A point of ${this.bounds.length} bounds has ${this.width} counts, not ${counts.length - at}.`,
      );
    }
    const row = this.#columns.add(id, time, startTime, flags);
    if (row >= this.#sums.length) {
      this.#sums = widened(this.#sums, new Float64Array(row * 2));
      this.#counts = widened(this.#counts, new Float64Array(row * 2 * this.width));
    }
    this.#sums[row] = sum;
    const to = row * this.width;
    for (let k = 0; k < this.width; k++) this.#counts[to + k] = counts[at + k]!;
    this.#min.set(row, min);
    this.#max.set(row, max);
  }

  /** All points so far; the builder is empty afterwards. */
  take(time: bigint, startTime: bigint): HistogramPoints {
    const columns = this.#columns.take(time, startTime);
    const min = this.#min.take(columns.length);
    const max = this.#max.take(columns.length);
    return {
      ...columns,
      bounds: this.bounds,
      counts: this.#counts.slice(0, columns.length * this.width),
      sums: this.#sums.slice(0, columns.length),
      ...(min && { min }),
      ...(max && { max }),
    };
  }
}

/** A column that exists only when some row has a value; NaN in the others. */
export class OptionalColumn {
  #values: Float64Array | undefined;

  set(row: number, value: number): void {
    if (Number.isNaN(value)) {
      if (this.#values !== undefined && row < this.#values.length) this.#values[row] = Number.NaN;
      return;
    }
    if (this.#values === undefined || row >= this.#values.length) {
      const longer = new Float64Array(Math.max(16, row * 2)).fill(Number.NaN);
      if (this.#values !== undefined) longer.set(this.#values);
      this.#values = longer;
    }
    this.#values[row] = value;
  }

  take(length: number): Float64Array | undefined {
    if (this.#values === undefined) return undefined;
    const column = new Float64Array(length).fill(Number.NaN);
    column.set(this.#values.subarray(0, length));
    this.#values = undefined;
    return column;
  }
}
