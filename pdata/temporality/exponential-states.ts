import { ExponentialHistogramPointsBuilder, type ExponentialValue } from '../exponential-points-builder.ts';
import type { ExponentialBuckets, ExponentialHistogramPoints, PointColumns } from '../metrics.ts';
import { CompensatedSum } from './compensated-sum.ts';
import { type Buckets, difference, type ExponentialCounts, merge } from './exponential-value.ts';
import type { PointStates } from './point-states.ts';

interface State {
  /** Undefined before the first point. */
  counts: ExponentialCounts | undefined;
  readonly sum: CompensatedSum;
  min: number;
  max: number;
}

/** Exponential histograms: merged at the coarser scale; a finer scale than before begins the series anew when differences are wanted. */
export class ExponentialStates implements PointStates<ExponentialHistogramPoints> {
  readonly #states: (State | undefined)[] = [];
  #points!: ExponentialHistogramPoints;
  #out: ExponentialValue[] = [];

  grow(): void {}

  move(from: number, to: number): void {
    this.#states[to] = this.#states[from];
  }

  truncate(length: number): void {
    this.#states.length = Math.min(length, this.#states.length);
  }

  begin(points: ExponentialHistogramPoints): void {
    this.#points = points;
    this.#out = [];
  }

  valid(): boolean {
    return true;
  }

  clear(row: number): void {
    while (this.#states.length <= row) this.#states.push(undefined);
    this.#states[row] = { counts: undefined, sum: new CompensatedSum(), min: Number.NaN, max: Number.NaN };
  }

  adds(): boolean {
    return true;
  }

  add(row: number, i: number): void {
    const state = this.#states[row]!;
    const { min, max, sums } = this.#points;
    const added = countsAt(this.#points, i);
    const first = state.counts === undefined || isEmpty(state.counts);
    state.counts = merge(state.counts, added);
    state.sum.add(sums[i]!);
    if (isEmpty(added)) return;
    state.min = first ? (min?.[i] ?? Number.NaN) : Math.min(state.min, min?.[i] ?? Number.NaN);
    state.max = first ? (max?.[i] ?? Number.NaN) : Math.max(state.max, max?.[i] ?? Number.NaN);
  }

  writeTotal(out: number, row: number): void {
    const { counts, sum, min, max } = this.#states[row]!;
    this.#out[out] = { ...counts!, sum: sum.value, min, max };
  }

  follows(row: number, i: number): boolean {
    return difference(countsAt(this.#points, i), this.#states[row]!.counts!) !== undefined;
  }

  writeDifference(out: number, row: number, i: number): void {
    const { counts, sum } = this.#states[row]!;
    this.#out[out] = { ...difference(countsAt(this.#points, i), counts!)!, sum: this.#points.sums[i]! - sum.value };
  }

  writeWhole(out: number, i: number): void {
    const { min, max, sums } = this.#points;
    this.#out[out] = {
      ...countsAt(this.#points, i),
      sum: sums[i]!,
      min: min?.[i] ?? Number.NaN,
      max: max?.[i] ?? Number.NaN,
    };
  }

  store(row: number, i: number): void {
    this.clear(row);
    const state = this.#states[row]!;
    state.counts = copyOf(countsAt(this.#points, i));
    state.sum.set(this.#points.sums[i]!);
  }

  writeNothing(out: number): void {
    this.#out[out] = { scale: 0, sum: Number.NaN };
  }

  finish(count: number): Omit<ExponentialHistogramPoints, keyof PointColumns> {
    const builder = new ExponentialHistogramPointsBuilder();
    for (let out = 0; out < count; out++) builder.add(0, this.#out[out]!);
    this.#out = [];
    const { length, ids, time, startTime, flags, ...columns } = builder.take(0n, 0n);
    return columns;
  }
}

function countsAt(points: ExponentialHistogramPoints, i: number): ExponentialCounts {
  return {
    scale: points.scale[i]!,
    zeroCount: points.zeroCount[i]!,
    // NaN counts as none.
    zeroThreshold: Math.max(points.zeroThreshold[i]! || 0, 0),
    positive: bucketsAt(points.positive, i),
    negative: bucketsAt(points.negative, i),
  };
}

function bucketsAt({ offset, start, counts }: ExponentialBuckets, i: number): Buckets {
  return { offset: offset[i]!, counts: counts.subarray(start[i]!, start[i + 1]!) };
}

/** State must not keep a whole batch alive. */
function copyOf(counts: ExponentialCounts): ExponentialCounts {
  const copy = ({ offset, counts: values }: Buckets): Buckets => ({ offset, counts: values.slice() });
  return { ...counts, positive: copy(counts.positive), negative: copy(counts.negative) };
}

function isEmpty({ zeroCount, positive, negative }: ExponentialCounts): boolean {
  const none = (count: number): boolean => count === 0;
  return zeroCount === 0 && positive.counts.every(none) && negative.counts.every(none);
}
