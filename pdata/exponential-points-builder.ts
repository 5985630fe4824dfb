import { OptionalColumn } from './histogram-points-builder.ts';
import type { ExponentialBuckets, ExponentialHistogramPoints } from './metrics.ts';
import { PointColumnsBuilder, widened } from './point-columns.ts';
import type { SeriesId } from './series-table.ts';

/** Counts of neighbouring buckets, the first of index `offset`. */
export interface BucketRun {
  readonly offset: number;
  readonly counts: ArrayLike<number>;
}

/** One exponential histogram. What is left out is 0, without buckets, or unknown. The builder keeps none of it: it may be reused. */
export interface ExponentialValue {
  readonly scale: number;
  readonly zeroCount?: number;
  readonly zeroThreshold?: number;
  readonly positive?: BucketRun;
  readonly negative?: BucketRun;
  /** NaN when not known. */
  readonly sum: number;
  readonly min?: number;
  readonly max?: number;
}

/** Collects points of an exponential histogram. Reusable. */
export class ExponentialHistogramPointsBuilder {
  readonly #columns = new PointColumnsBuilder();
  readonly #positive = new BucketsBuilder();
  readonly #negative = new BucketsBuilder();
  readonly #min = new OptionalColumn();
  readonly #max = new OptionalColumn();
  #scale = new Int32Array(16);
  #zeroCount = new Float64Array(16);
  #zeroThreshold = new Float64Array(16);
  #sums = new Float64Array(16);

  get length(): number {
    return this.#columns.length;
  }

  /** Adds a point. Without `time` or `startTime` it has those given to {@link take}. */
  add(id: SeriesId, value: ExponentialValue, time?: bigint, startTime?: bigint, flags = 0): void {
    const row = this.#columns.add(id, time, startTime, flags);
    if (row >= this.#sums.length) this.#grow(row * 2);
    this.#scale[row] = value.scale;
    this.#zeroCount[row] = value.zeroCount ?? 0;
    this.#zeroThreshold[row] = value.zeroThreshold ?? 0;
    this.#sums[row] = value.sum;
    this.#min.set(row, value.min ?? Number.NaN);
    this.#max.set(row, value.max ?? Number.NaN);
    this.#positive.add(row, value.positive);
    this.#negative.add(row, value.negative);
  }

  /** All points so far; the builder is empty afterwards. */
  take(time: bigint, startTime: bigint): ExponentialHistogramPoints {
    const columns = this.#columns.take(time, startTime);
    const { length } = columns;
    const min = this.#min.take(length);
    const max = this.#max.take(length);
    return {
      ...columns,
      scale: this.#scale.slice(0, length),
      zeroCount: this.#zeroCount.slice(0, length),
      zeroThreshold: this.#zeroThreshold.slice(0, length),
      positive: this.#positive.take(length),
      negative: this.#negative.take(length),
      sums: this.#sums.slice(0, length),
      ...(min && { min }),
      ...(max && { max }),
    };
  }

  #grow(capacity: number): void {
    this.#scale = widened(this.#scale, new Int32Array(capacity));
    this.#zeroCount = widened(this.#zeroCount, new Float64Array(capacity));
    this.#zeroThreshold = widened(this.#zeroThreshold, new Float64Array(capacity));
    this.#sums = widened(this.#sums, new Float64Array(capacity));
  }
}

class BucketsBuilder {
  #offset = new Int32Array(16);
  #start = new Uint32Array(17);
  #counts = new Float64Array(64);
  #used = 0;

  add(row: number, run: BucketRun | undefined): void {
    if (row >= this.#offset.length) {
      this.#offset = widened(this.#offset, new Int32Array(row * 2));
      this.#start = widened(this.#start, new Uint32Array(row * 2 + 1));
    }
    const length = run?.counts.length ?? 0;
    if (this.#used + length > this.#counts.length) {
      this.#counts = widened(this.#counts, new Float64Array((this.#used + length) * 2));
    }
    for (let k = 0; k < length; k++) this.#counts[this.#used + k] = run!.counts[k]!;
    this.#used += length;
    this.#offset[row] = run?.offset ?? 0;
    this.#start[row + 1] = this.#used;
  }

  take(length: number): ExponentialBuckets {
    const buckets = {
      offset: this.#offset.slice(0, length),
      start: this.#start.slice(0, length + 1),
      counts: this.#counts.slice(0, this.#used),
    };
    this.#used = 0;
    return buckets;
  }
}
