import {
  type Exemplars,
  type ExponentialHistogramPoints,
  formatFloat,
  formatInteger,
  formatOpenMetricsFloat,
  type HistogramPoints,
} from 'bpflow/sdk';
import { type ExponentialCounts, merge } from '../../pdata/temporality/exponential-value.ts';
import { type Exemplar, exemplarAt, exemplarText, writeExemplar } from './exemplars.ts';
import type { MessageWriter } from './message-writer.ts';
import type { FamilyDescription } from './naming.ts';
import { countOf, exponentialCounts, isNative, writeNative } from './native-histogram.ts';
import { NUMBER_BYTES, type TextWriter } from './text-writer.ts';
import { begin, type LineStarts, type Values } from './values.ts';

interface HistogramState {
  bounds: Float64Array;
  /** One more than bounds. */
  counts: Float64Array;
  sum: number;
  /** Of an exponential histogram; its only classic bucket is the one up to +Inf. */
  native: ExponentialCounts | undefined;
  /** The last one of each bucket; of an exponential histogram the last ones. */
  exemplars: (Exemplar | undefined)[] | undefined;
}

/** Exemplars that an exponential histogram keeps. */
const MAX_NATIVE_EXEMPLARS = 10;

const NO_BOUNDS = new Float64Array(0);

/**
 * Histograms. The text formats have no exponential buckets: such histograms show their count and sum there, as in the
 * Collector; in protobuf they are native histograms.
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
      const native = exponentialCounts(points, i);
      this.#store(row, NO_BOUNDS, Float64Array.of(countOf(native)), points.sums[i]!, native);
    } else {
      const width = points.bounds.length + 1;
      if (!sameNumbers(this.#bounds, points.bounds)) this.#bounds = points.bounds.slice();
      this.#store(row, this.#bounds, points.counts.subarray(i * width, (i + 1) * width), points.sums[i]!);
    }
  }

  copy(to: number, from: number): void {
    const { bounds, counts, sum, native, exemplars } = this.#states[from]!;
    this.#store(to, bounds, counts, sum, native);
    this.#states[to]!.exemplars = exemplars;
  }

  add(to: number, from: number): boolean {
    const into = this.#states[to]!;
    const more = this.#states[from]!;
    if (!sameNumbers(into.bounds, more.bounds)) return false;
    for (let k = 0; k < into.counts.length; k++) into.counts[k]! += more.counts[k]!;
    into.sum += more.sum;
    into.native = into.native && more.native && merge(into.native, more.native);
    return true;
  }

  keep(row: number, exemplars: Exemplars, from: number, to: number): void {
    const state = this.#states[row]!;
    for (let i = from; i < to; i++) {
      const exemplar = exemplarAt(exemplars, i, this.#family.scale);
      state.exemplars ??= [];
      if (state.native !== undefined) state.exemplars = [...state.exemplars, exemplar].slice(-MAX_NATIVE_EXEMPLARS);
      else state.exemplars[bucketOf(state.bounds, exemplars.values[i]!)] = exemplar;
    }
  }

  clear(row: number): void {
    this.#states[row] = undefined;
  }

  write(out: TextWriter, starts: LineStarts, labels: string, row: number, time: string): void {
    const state = this.#states[row]!;
    const { bounds, counts, sum } = state;
    const exemplars = starts.view.openMetrics ? shownExemplars(state) : undefined;
    const { scale, seed } = this.#family;
    const texts = this.#bucketTexts(bounds, starts.view.openMetrics);
    const fixed = starts.bucket.open.length + labels.length + NUMBER_BYTES + time.length;
    let seen = 0;
    for (let k = 0; k < counts.length; k++) {
      seen += counts[k]!;
      const le = texts[k];
      if (le === undefined) continue;
      const exemplar = exemplars?.[k];
      const ending = exemplar === undefined ? time : time + exemplarText(exemplar);
      out.reserve(fixed + le.length + ending.length);
      out.text(starts.bucket.open);
      out.text(labels);
      out.text(labels === '' ? le.slice(1) : le);
      out.integerLine(seen, ending);
    }
    out.reserve(2 * fixed);
    // A sum that the sender did not give is left out rather than shown as 0.
    if (!Number.isNaN(sum)) {
      begin(out, starts.sum, labels);
      const shown = scale(sum);
      if (seed && Number.isInteger(shown)) out.integerLine(shown, time);
      else out.floatLine(shown, time);
    }
    begin(out, starts.count, labels);
    out.integerLine(seen, time);
  }

  /**
   * Metric: 1 label, 6 timestamp_ms, 7 histogram. Histogram: 1 sample_count, 2 sample_sum, 3 bucket (1 cumulative_count,
   * 2 upper_bound, 3 exemplar), 16 exemplars, and the native part. The bucket up to +Inf is there only for its exemplar.
   */
  writeMessage(out: MessageWriter, labels: string, row: number, timeMs: number): void {
    const { bounds, counts, sum, native, exemplars } = this.#states[row]!;
    const { scale, factor } = this.#family;
    // A factor moves the bounds of exponential buckets to where no schema has any.
    const isShownNative = native !== undefined && isNative(native) && factor === 1;
    out.message(4, (metric) => {
      metric.out.reserve(labels.length);
      metric.out.text(labels);
      metric.message(7, (histogram) => {
        histogram.uint(
          1,
          counts.reduce((total, count) => total + count, 0),
        );
        histogram.double(2, scale(sum));
        if (isShownNative) writeNative(histogram, native);
        if (native !== undefined) {
          for (const exemplar of inOrder(exemplars ?? [])) writeExemplar(histogram, 16, exemplar);
          return;
        }
        let seen = 0;
        let last = Number.NEGATIVE_INFINITY;
        for (let k = 0; k < counts.length; k++) {
          seen += counts[k]!;
          const exemplar = exemplars?.[k];
          const bound = bounds[k] ?? Number.POSITIVE_INFINITY;
          if (!(bound > last) || (bound === Number.POSITIVE_INFINITY && (exemplar === undefined || k < bounds.length)))
            continue;
          last = bound;
          histogram.message(3, (bucket) => {
            bucket.uint(1, seen);
            bucket.double(2, scale(bound));
            if (exemplar !== undefined) writeExemplar(bucket, 3, exemplar);
          });
        }
      });
      if (timeMs !== 0) metric.uint(6, timeMs);
    });
  }

  #store(
    row: number,
    bounds: Float64Array,
    counts: Float64Array,
    sum: number,
    native?: ExponentialCounts | undefined,
  ): void {
    const state = this.#states[row];
    if (state !== undefined && state.counts.length === counts.length) {
      if (state.bounds !== bounds || (state.native === undefined) !== (native === undefined))
        state.exemplars = undefined;
      state.bounds = bounds;
      state.counts.set(counts);
      state.sum = sum;
      state.native = native;
    } else {
      this.#states[row] = { bounds, counts: counts.slice(), sum, native, exemplars: undefined };
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

/** By bucket, for the text. */
function shownExemplars({ native, exemplars }: HistogramState): readonly (Exemplar | undefined)[] | undefined {
  return native === undefined || exemplars === undefined ? exemplars : [exemplars.at(-1)];
}

function inOrder(exemplars: readonly (Exemplar | undefined)[]): Exemplar[] {
  return exemplars
    .filter((exemplar) => exemplar !== undefined)
    .sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
}

/** Index of the bucket (lower, upper] that holds a value. */
function bucketOf(bounds: Float64Array, value: number): number {
  const index = bounds.findIndex((bound) => value <= bound);
  return index < 0 ? bounds.length : index;
}

function sameNumbers(a: Float64Array, b: Float64Array): boolean {
  return a === b || (a.length === b.length && a.every((value, k) => value === b[k]));
}
