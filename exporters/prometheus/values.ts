import {
  type ExponentialHistogramPoints,
  formatFloat,
  formatInteger,
  formatOpenMetricsFloat,
  type HistogramPoints,
  type NumberPoints,
  type PointColumns,
  type SummaryPoints,
} from 'bpflow/sdk';
import type { FamilyDescription } from './naming.ts';
import { byteString, NUMBER_BYTES, type TextWriter } from './text-writer.ts';

/** How a page is written. */
export interface View {
  readonly openMetrics: boolean;
  /** Whether names and labels keep all their characters, in quotes. */
  readonly utf8: boolean;
}

/** The values of one family's rows, and how they look on a page. Row 0 is for sums on the way. */
export interface Values {
  /** Makes room for rows up to this many. */
  grow(rows: number): void;
  set(row: number, points: PointColumns, i: number): void;
  copy(to: number, from: number): void;
  /** Adds a row's value to another's; false, and nothing done, where they cannot be added. */
  add(to: number, from: number): boolean;
  clear(row: number): void;
  /** Writes the lines of one series. `labels` is a byte string without braces. */
  write(out: TextWriter, starts: LineStarts, labels: string, row: number): void;
}

/** The texts with which a family's lines begin in one view. */
export interface LineStarts {
  readonly view: View;
  readonly sample: LineStart;
  readonly bucket: LineStart;
  readonly sum: LineStart;
  readonly count: LineStart;
}

interface LineStart {
  /** With labels to follow: `name{`. */
  readonly open: string;
  /** Without any: `name `. */
  readonly bare: string;
}

export function lineStarts(name: string, view: View, counter: boolean): LineStarts {
  const start = (suffix: string): LineStart => {
    const full = `${name}${suffix}`;
    return /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(full)
      ? { open: `${full}{`, bare: `${full} ` }
      : { open: `{${quoted(full)},`, bare: `{${quoted(full)}} ` };
  };
  const total = counter && view.openMetrics && !name.endsWith('_total');
  return {
    view,
    sample: start(total ? '_total' : ''),
    bucket: start('_bucket'),
    sum: start('_sum'),
    count: start('_count'),
  };
}

/** A UTF-8 metric name in quotes, as a byte string. */
export function quoted(name: string): string {
  return `"${byteString(name.replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`)))}"`;
}

/** Writes everything of a line that comes before its value. */
function begin(out: TextWriter, start: LineStart, labels: string): void {
  if (labels === '') {
    out.text(start.bare);
    return;
  }
  out.text(start.open);
  out.text(labels);
  out.byte(125);
  out.byte(32);
}

/** Counters and gauges. Integers stay exact: those beyond 2^53 are kept apart. */
export class NumberValues implements Values {
  readonly #family: FamilyDescription;
  #values = new Float64Array(0);
  #integer = new Uint8Array(0);
  readonly #big = new Map<number, bigint>();

  constructor(family: FamilyDescription) {
    this.#family = family;
  }

  grow(rows: number): void {
    this.#values = grown(this.#values, rows);
    const integer = new Uint8Array(rows);
    integer.set(this.#integer);
    this.#integer = integer;
  }

  set(row: number, points: NumberPoints, i: number): void {
    const value = points.values[i]!;
    this.#integer[row] = points.integer ? 1 : 0;
    if (typeof value === 'number') {
      this.#values[row] = value;
      if (this.#big.size > 0) this.#big.delete(row);
    } else {
      this.#setBig(row, value);
    }
  }

  copy(to: number, from: number): void {
    this.#values[to] = this.#values[from]!;
    this.#integer[to] = this.#integer[from]!;
    const big = this.#big.get(from);
    if (big === undefined) this.#big.delete(to);
    else this.#big.set(to, big);
  }

  add(to: number, from: number): boolean {
    const sum = this.#values[to]! + this.#values[from]!;
    if (this.#integer[to] === 1 && this.#integer[from] === 1 && !Number.isSafeInteger(sum)) {
      this.#setBig(to, this.#exact(to) + this.#exact(from));
    } else {
      this.#values[to] = sum;
      this.#integer[to] = this.#integer[to]! & this.#integer[from]!;
      this.#big.delete(to);
    }
    return true;
  }

  clear(row: number): void {
    this.#big.delete(row);
  }

  write(out: TextWriter, starts: LineStarts, labels: string, row: number): void {
    const { factor, scale } = this.#family;
    out.reserve(starts.sample.open.length + labels.length + NUMBER_BYTES);
    begin(out, starts.sample, labels);
    const value = this.#values[row]!;
    if (factor !== 1) out.floatLine(scale(value));
    else if (this.#integer[row] === 0) out.floatLine(value);
    else if (this.#big.size === 0 || !this.#big.has(row)) out.integerLine(value);
    else out.line(formatInteger(this.#big.get(row)!));
  }

  #setBig(row: number, value: bigint): void {
    const rounded = Number(value);
    this.#values[row] = rounded;
    if (Number.isSafeInteger(rounded)) this.#big.delete(row);
    else this.#big.set(row, value);
  }

  #exact(row: number): bigint {
    return this.#big.get(row) ?? BigInt(this.#values[row]!);
  }
}

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

interface SummaryState {
  readonly quantiles: readonly (readonly [quantile: number, value: number])[];
  readonly count: number;
  readonly sum: number;
}

/** Summaries. Quantiles cannot be added. */
export class SummaryValues implements Values {
  readonly #states: (SummaryState | undefined)[] = [];

  grow(): void {}

  set(row: number, points: SummaryPoints, i: number): void {
    const quantiles = new Map<number, number>();
    for (let q = points.start[i]!; q < points.start[i + 1]!; q++)
      quantiles.set(points.quantiles[q]!, points.values[q]!);
    this.#states[row] = {
      quantiles: [...quantiles].sort(([a], [b]) => a - b),
      count: points.counts[i]!,
      sum: points.sums[i]!,
    };
  }

  copy(to: number, from: number): void {
    this.#states[to] = this.#states[from];
  }

  add(): boolean {
    return false;
  }

  clear(row: number): void {
    this.#states[row] = undefined;
  }

  write(out: TextWriter, starts: LineStarts, labels: string, row: number): void {
    const { quantiles, count, sum } = this.#states[row]!;
    const fixed = starts.count.open.length + labels.length + 2 * NUMBER_BYTES;
    for (const [quantile, value] of quantiles) {
      const text = starts.view.openMetrics ? formatOpenMetricsFloat(quantile) : formatFloat(quantile);
      out.reserve(fixed + text.length);
      out.text(starts.sample.open);
      out.text(labels);
      out.text(`${labels === '' ? '' : ','}quantile="${text}"} `);
      out.floatLine(value);
    }
    out.reserve(2 * fixed);
    begin(out, starts.sum, labels);
    out.floatLine(sum);
    begin(out, starts.count, labels);
    out.integerLine(count);
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

function grown(column: Float64Array, length: number): Float64Array<ArrayBuffer> {
  const longer = new Float64Array(length);
  longer.set(column);
  return longer;
}
