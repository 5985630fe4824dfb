import { sameBounds } from '../concat-metrics.ts';
import { OptionalColumn } from '../histogram-points-builder.ts';
import type { HistogramPoints, PointColumns } from '../metrics.ts';
import { CompensatedSum } from './compensated-sum.ts';
import type { PointStates } from './point-states.ts';

interface State {
  bounds: Float64Array;
  counts: Float64Array;
  readonly sum: CompensatedSum;
  min: number;
  max: number;
}

/** Histograms with explicit bounds. Other bounds than before begin the series anew. */
export class HistogramStates implements PointStates<HistogramPoints> {
  readonly #states: (State | undefined)[] = [];
  #points!: HistogramPoints;
  /** Those of the points at hand; the array of earlier ones where they are equal, so that rows compare by identity. */
  #bounds = new Float64Array(0);
  #width = 1;
  #counts = new Float64Array(0);
  #sums = new Float64Array(0);
  #min = new OptionalColumn();
  #max = new OptionalColumn();

  grow(): void {}

  move(from: number, to: number): void {
    this.#states[to] = this.#states[from];
  }

  truncate(length: number): void {
    this.#states.length = Math.min(length, this.#states.length);
  }

  begin(points: HistogramPoints): void {
    this.#points = points;
    if (!sameBounds(this.#bounds, points.bounds)) this.#bounds = points.bounds.slice();
    this.#width = points.bounds.length + 1;
    this.#counts = new Float64Array(points.length * this.#width);
    this.#sums = new Float64Array(points.length);
    this.#min = new OptionalColumn();
    this.#max = new OptionalColumn();
  }

  valid(): boolean {
    return true;
  }

  clear(row: number): void {
    while (this.#states.length <= row) this.#states.push(undefined);
    const state = this.#states[row];
    if (state === undefined) {
      const counts = new Float64Array(this.#width);
      this.#states[row] = { bounds: this.#bounds, counts, sum: new CompensatedSum(), min: Number.NaN, max: Number.NaN };
      return;
    }
    if (state.counts.length === this.#width) state.counts.fill(0);
    else state.counts = new Float64Array(this.#width);
    state.bounds = this.#bounds;
    state.sum.set(0);
    state.min = Number.NaN;
    state.max = Number.NaN;
  }

  adds(row: number): boolean {
    const { bounds } = this.#states[row]!;
    return bounds === this.#bounds || sameBounds(bounds, this.#bounds);
  }

  add(row: number, i: number): void {
    const state = this.#states[row]!;
    const { counts, min, max, sums } = this.#points;
    const from = i * this.#width;
    const first = isEmpty(state.counts);
    for (let k = 0; k < this.#width; k++) state.counts[k]! += counts[from + k]!;
    state.sum.add(sums[i]!);
    if (isEmptyRow(counts, from, this.#width)) return;
    state.min = first ? (min?.[i] ?? Number.NaN) : Math.min(state.min, min?.[i] ?? Number.NaN);
    state.max = first ? (max?.[i] ?? Number.NaN) : Math.max(state.max, max?.[i] ?? Number.NaN);
  }

  writeTotal(out: number, row: number): void {
    const state = this.#states[row]!;
    this.#counts.set(state.counts, out * this.#width);
    this.#sums[out] = state.sum.value;
    this.#min.set(out, state.min);
    this.#max.set(out, state.max);
  }

  follows(row: number, i: number): boolean {
    if (!this.adds(row)) return false;
    const { counts } = this.#states[row]!;
    const from = i * this.#width;
    for (let k = 0; k < this.#width; k++) if (this.#points.counts[from + k]! < counts[k]!) return false;
    return true;
  }

  /** Smallest and largest value of an interval cannot be told from those of the whole. */
  writeDifference(out: number, row: number, i: number): void {
    const { counts, sum } = this.#states[row]!;
    const from = i * this.#width;
    for (let k = 0; k < this.#width; k++) {
      this.#counts[out * this.#width + k] = this.#points.counts[from + k]! - counts[k]!;
    }
    this.#sums[out] = this.#points.sums[i]! - sum.value;
  }

  writeWhole(out: number, i: number): void {
    const { counts, min, max, sums } = this.#points;
    this.#counts.set(counts.subarray(i * this.#width, (i + 1) * this.#width), out * this.#width);
    this.#sums[out] = sums[i]!;
    this.#min.set(out, min?.[i] ?? Number.NaN);
    this.#max.set(out, max?.[i] ?? Number.NaN);
  }

  store(row: number, i: number): void {
    this.clear(row);
    const state = this.#states[row]!;
    state.counts.set(this.#points.counts.subarray(i * this.#width, (i + 1) * this.#width));
    state.sum.set(this.#points.sums[i]!);
  }

  writeNothing(out: number): void {
    this.#sums[out] = Number.NaN;
  }

  finish(count: number): Omit<HistogramPoints, keyof PointColumns> {
    const min = this.#min.take(count);
    const max = this.#max.take(count);
    return {
      bounds: this.#points.bounds,
      counts: this.#counts.subarray(0, count * this.#width),
      sums: this.#sums.subarray(0, count),
      ...(min && { min }),
      ...(max && { max }),
    };
  }
}

function isEmpty(counts: Float64Array): boolean {
  return isEmptyRow(counts, 0, counts.length);
}

function isEmptyRow(counts: Float64Array, from: number, width: number): boolean {
  for (let k = 0; k < width; k++) if (counts[from + k] !== 0) return false;
  return true;
}
