import {
  type ExponentialHistogramPoints,
  formatFloat,
  formatInteger,
  formatOpenMetricsFloat,
  type HistogramPoints,
} from 'bpflow/sdk';
import type { FamilyDescription } from './naming.ts';
import { NUMBER_BYTES, type TextWriter } from './text-writer.ts';
import { begin, type LineStarts, type Values } from './values.ts';

interface HistogramState {
  bounds: Float64Array;
  /** One more than bounds. */
  counts: Float64Array;
  sum: number;
}

const NO_BOUNDS = new Float64Array(0);

/**
 * Histograms. The text formats have no exponential buckets: such histograms show their count and sum, as in the Collector.
 */
export class HistogramValues implements Values {
  readonly #family: FamilyDescription;
  readonly #states: (HistogramState | undefined)[] = [];
  /** The bounds last seen: batches bring equal ones in new arrays, and one copy serves all. */
  #bounds = NO_BOUNDS;
  /** `,le="…"} ` of each bound and of +Inf, for the bounds and view last printed. */
  #le: { bounds: Float64Array; openMetrics: boolean; texts: readonly (string | undefined)[] } | undefined;

  constructor(family: FamilyDescription) {
    this.#family = family;
  }

  grow(): void {}

  set(row: number, points: HistogramPoints | ExponentialHistogramPoints, i: number): void {
    if ('scale' in points) {
      this.#store(row, NO_BOUNDS, Float64Array.of(exponentialCount(points, i)), points.sums[i]!);
    } else {
      const width = points.bounds.length + 1;
      if (!sameNumbers(this.#bounds, points.bounds)) this.#bounds = points.bounds.slice();
      this.#store(row, this.#bounds, points.counts.subarray(i * width, (i + 1) * width), points.sums[i]!);
    }
  }

  copy(to: number, from: number): void {
    const { bounds, counts, sum } = this.#states[from]!;
    this.#store(to, bounds, counts, sum);
  }

  add(to: number, from: number): boolean {
    const into = this.#states[to]!;
    const more = this.#states[from]!;
    if (!sameNumbers(into.bounds, more.bounds)) return false;
    for (let k = 0; k < into.counts.length; k++) into.counts[k]! += more.counts[k]!;
    into.sum += more.sum;
    return true;
  }

  clear(row: number): void {
    this.#states[row] = undefined;
  }

  write(out: TextWriter, starts: LineStarts, labels: string, row: number): void {
    const { bounds, counts, sum } = this.#states[row]!;
    const { scale, seed } = this.#family;
    const texts = this.#bucketTexts(bounds, starts.view.openMetrics);
    const fixed = starts.bucket.open.length + labels.length + NUMBER_BYTES;
    let seen = 0;
    for (let k = 0; k < counts.length; k++) {
      seen += counts[k]!;
      const le = texts[k];
      if (le === undefined) continue;
      out.reserve(fixed + le.length);
      out.text(starts.bucket.open);
      out.text(labels);
      out.text(labels === '' ? le.slice(1) : le);
      out.integerLine(seen);
    }
    out.reserve(2 * fixed);
    // A sum that the sender did not give is left out rather than shown as 0.
    if (!Number.isNaN(sum)) {
      begin(out, starts.sum, labels);
      const shown = scale(sum);
      if (seed && Number.isInteger(shown)) out.integerLine(shown);
      else out.floatLine(shown);
    }
    begin(out, starts.count, labels);
    out.integerLine(seen);
  }

  #store(row: number, bounds: Float64Array, counts: Float64Array, sum: number): void {
    const state = this.#states[row];
    if (state !== undefined && state.counts.length === counts.length) {
      state.bounds = bounds;
      state.counts.set(counts);
      state.sum = sum;
    } else {
      this.#states[row] = { bounds, counts: counts.slice(), sum };
    }
  }

  /** Undefined where a bound repeats or falls: each line is there once, whatever the sender made of its bounds. */
  #bucketTexts(bounds: Float64Array, openMetrics: boolean): readonly (string | undefined)[] {
    if (this.#le?.bounds === bounds && this.#le.openMetrics === openMetrics) return this.#le.texts;
    const { scale, seed } = this.#family;
    const texts: (string | undefined)[] = [];
    let last = Number.NEGATIVE_INFINITY;
    for (const bound of bounds) {
      const shown = scale(bound);
      if (!(bound > last) || bound === Number.POSITIVE_INFINITY) {
        texts.push(undefined);
        continue;
      }
      last = bound;
      const text = openMetrics
        ? formatOpenMetricsFloat(shown)
        : seed && Number.isSafeInteger(shown)
          ? formatInteger(shown)
          : formatFloat(shown);
      texts.push(`,le="${text}"} `);
    }
    texts.push(',le="+Inf"} ');
    this.#le = { bounds, openMetrics, texts };
    return texts;
  }
}

function exponentialCount(points: ExponentialHistogramPoints, i: number): number {
  let count = points.zeroCount[i]!;
  for (const { start, counts } of [points.positive, points.negative]) {
    for (let k = start[i]!; k < start[i + 1]!; k++) count += counts[k]!;
  }
  return count;
}

function sameNumbers(a: Float64Array, b: Float64Array): boolean {
  return a === b || (a.length === b.length && a.every((value, k) => value === b[k]));
}
