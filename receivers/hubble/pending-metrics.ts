import {
  defineMetric,
  type Exemplars,
  ExponentialHistogramPointsBuilder,
  exponentialHistogram,
  HistogramPointsBuilder,
  histogram,
  type Metric,
  type MetricDefinition,
  NO_RECORDED_VALUE,
  NumberPointsBuilder,
  sum,
} from 'bpflow/sdk';
import { type Describe, Series, type SeriesContext } from './series.ts';

/** A metric that grows with the flows, and what it has grown by since it was last taken. */
export interface PendingMetric {
  readonly definition: MetricDefinition;
  readonly series: Series;
  /** What it has grown by, and the ends of series that have not changed for long; undefined when there is nothing. It begins anew then. */
  take(time: bigint, startTime: bigint): Metric | undefined;
  /** Series that have ended so far. */
  readonly ended: number;
}

/** A monotonic sum. */
export class PendingCounter implements PendingMetric {
  readonly definition: MetricDefinition;
  readonly series: Series;
  ended = 0;
  readonly #builder = new NumberPointsBuilder({ integer: true, wide: 'points' });
  #values = new Float64Array(64);

  constructor(definition: MetricDefinition, shared: SeriesContext, describe: Describe) {
    this.definition = definition;
    this.series = new Series(shared, describe);
  }

  add(context: number, packed: number, count: number): void {
    const number = this.series.number(context, packed);
    if (number >= this.#values.length) this.#values = longer(this.#values, number + 1);
    this.#values[number]! += count;
  }

  take(time: bigint, startTime: bigint): Metric | undefined {
    const { series } = this;
    const builder = this.#builder;
    const ended = new Set<number>();
    series.begin();
    for (let number = 0, { size } = series; number < size; number++) {
      const value = this.#values[number] ?? 0;
      if (value !== 0) {
        series.touch(number);
        if (value > Number.MAX_SAFE_INTEGER) builder.add(series.id(number), BigInt(value));
        else builder.add(series.id(number), value);
      } else if (series.isIdle(number)) {
        ended.add(number);
        builder.add(series.id(number), 0, undefined, undefined, NO_RECORDED_VALUE);
      }
    }
    this.#values.fill(0);
    const metric =
      builder.length === 0
        ? undefined
        : sum(this.definition, series.table, builder.take(time, startTime), { monotonic: true, temporality: 'delta' });
    if (ended.size > 0) series.compact(ended, () => {});
    this.ended += ended.size;
    return metric;
  }
}

/** How durations are laid out: fixed bounds in ns, or exponential buckets. */
export type HistogramForm =
  | { readonly kind: 'explicit'; readonly boundsNs: readonly number[] }
  | { readonly kind: 'exponential' };

/** A sample that leads to its trace. */
interface Exemplar {
  readonly time: bigint;
  readonly value: number;
  readonly traceId: Uint8Array;
}

/** Exponential buckets have this scale: eight for each power of two, at most 9 % wide. */
const SCALE = 3;
const PER_OCTAVE = 2 ** SCALE;
/** Durations from 2^-30 s (0.9 ns) to 2^24 s (194 days) have buckets; what is beyond is in the last one. */
const FIRST_PLACE = -30 * PER_OCTAVE;
const EXPONENTIAL_BUCKETS = 54 * PER_OCTAVE;

/** A histogram of durations: in ns, exponential ones in s, for their bounds cannot be scaled afterwards. */
export class PendingHistogram implements PendingMetric {
  readonly definition: MetricDefinition;
  readonly series: Series;
  ended = 0;
  readonly #bounds: Float64Array | undefined;
  readonly #explicit: HistogramPointsBuilder | undefined;
  readonly #exponential = new ExponentialHistogramPointsBuilder();
  /** Buckets of a series. */
  readonly #width: number;
  /** By series: rows of buckets. Exponential ones are made when they are needed. */
  #counts: (Float64Array | undefined)[] = [];
  #sums = new Float64Array(64);
  #samples = new Float64Array(64);
  #zeros = new Float64Array(64);
  readonly #exemplars = new Map<number, Exemplar>();
  readonly #inSeconds: boolean;

  constructor(definition: MetricDefinition, shared: SeriesContext, describe: Describe, form: HistogramForm) {
    this.definition = form.kind === 'explicit' ? definition : inSeconds(definition);
    this.series = new Series(shared, describe);
    this.#inSeconds = form.kind === 'exponential';
    if (form.kind === 'explicit') {
      this.#explicit = new HistogramPointsBuilder(form.boundsNs);
      this.#bounds = this.#explicit.bounds;
      this.#width = this.#explicit.width;
    } else {
      this.#width = EXPONENTIAL_BUCKETS;
    }
  }

  /** Adds `count` durations of `ns`, not negative. Returns the series, for {@link sample}. */
  add(context: number, packed: number, ns: number, count: number): number {
    const number = this.series.number(context, packed);
    if (number >= this.#sums.length) {
      this.#sums = longer(this.#sums, number + 1);
      this.#samples = longer(this.#samples, number + 1);
      this.#zeros = longer(this.#zeros, number + 1);
    }
    while (number >= this.#counts.length) this.#counts.push(undefined);
    let counts = this.#counts[number];
    if (counts === undefined) {
      counts = new Float64Array(this.#width);
      this.#counts[number] = counts;
    }
    this.#sums[number]! += ns * count;
    this.#samples[number]! += count;
    const bounds = this.#bounds;
    if (bounds !== undefined) {
      let bucket = 0;
      while (bucket < bounds.length && ns > bounds[bucket]!) bucket++;
      counts[bucket]! += count;
    } else if (ns < 1) {
      this.#zeros[number]! += count;
    } else {
      counts[bucketOf(ns)]! += count;
    }
    return number;
  }

  /** Keeps a sample of a series, if it has none since the last take. */
  sample(number: number, make: () => Exemplar): void {
    if (!this.#exemplars.has(number)) this.#exemplars.set(number, make());
  }

  take(time: bigint, startTime: bigint): Metric | undefined {
    const { series } = this;
    const ended = new Set<number>();
    series.begin();
    const samples: { readonly point: number; readonly exemplar: Exemplar }[] = [];
    for (let number = 0, { size } = series; number < size; number++) {
      if ((this.#samples[number] ?? 0) > 0) {
        series.touch(number);
        const exemplar = this.#exemplars.get(number);
        if (exemplar !== undefined) samples.push({ point: this.#length, exemplar });
        this.#add(number);
      } else if (series.isIdle(number)) {
        ended.add(number);
        this.#end(number);
      }
    }
    const length = this.#length;
    const metric = length === 0 ? undefined : this.#build(time, startTime, exemplarsOf(samples, this.#inSeconds));
    this.#exemplars.clear();
    this.#sums.fill(0);
    this.#samples.fill(0);
    this.#zeros.fill(0);
    if (ended.size > 0) {
      const counts: (Float64Array | undefined)[] = [];
      for (const [number, row] of this.#counts.entries()) if (!ended.has(number)) counts.push(row);
      this.#counts = counts;
      series.compact(ended, () => {});
    }
    for (const row of this.#counts) row?.fill(0);
    this.ended += ended.size;
    return metric;
  }

  get #length(): number {
    return this.#explicit?.length ?? this.#exponential.length;
  }

  #add(number: number): void {
    const id = this.series.id(number);
    const counts = this.#counts[number]!;
    const total = this.#sums[number]!;
    if (this.#explicit !== undefined) {
      this.#explicit.add(id, counts, total);
      return;
    }
    const first = counts.findIndex((count) => count > 0);
    const last = counts.findLastIndex((count) => count > 0);
    const value = { scale: SCALE, zeroCount: this.#zeros[number]!, sum: total / 1e9 };
    const positive = { offset: first + FIRST_PLACE - 1, counts: counts.subarray(first, last + 1) };
    this.#exponential.add(id, first < 0 ? value : { ...value, positive });
  }

  #end(number: number): void {
    const id = this.series.id(number);
    if (this.#explicit !== undefined) {
      this.#explicit.add(id, new Float64Array(this.#width), 0, undefined, undefined, NO_RECORDED_VALUE);
    } else {
      this.#exponential.add(id, { scale: SCALE, sum: 0 }, undefined, undefined, NO_RECORDED_VALUE);
    }
  }

  #build(time: bigint, startTime: bigint, exemplars: Exemplars | undefined): Metric {
    const extra = exemplars === undefined ? {} : { exemplars };
    const { table } = this.series;
    if (this.#explicit !== undefined) {
      const points = { ...this.#explicit.take(time, startTime), ...extra };
      return histogram(this.definition, table, points, { temporality: 'delta' });
    }
    const points = { ...this.#exponential.take(time, startTime), ...extra };
    return exponentialHistogram(this.definition, table, points, { temporality: 'delta' });
  }
}

/** Place of the bucket (2^((k-1)/8), 2^(k/8)] s that holds a duration of at least 1 ns: k - FIRST_PLACE; its OTLP index is k - 1. */
function bucketOf(ns: number): number {
  const place = Math.ceil(Math.log2(ns / 1e9) * PER_OCTAVE) - FIRST_PLACE;
  return place < EXPONENTIAL_BUCKETS ? place : EXPONENTIAL_BUCKETS - 1;
}

function inSeconds({ otelUnit: _, ...definition }: MetricDefinition): MetricDefinition {
  return defineMetric({ ...definition, unit: 's' });
}

function exemplarsOf(
  samples: readonly { readonly point: number; readonly exemplar: Exemplar }[],
  inSeconds: boolean,
): Exemplars | undefined {
  if (samples.length === 0) return undefined;
  const traceIds = new Uint8Array(samples.length * 16);
  for (const [i, { exemplar }] of samples.entries()) traceIds.set(exemplar.traceId, i * 16);
  return {
    point: Uint32Array.from(samples, ({ point }) => point),
    time: BigUint64Array.from(samples, ({ exemplar }) => exemplar.time),
    values: Float64Array.from(samples, ({ exemplar }) => (inSeconds ? exemplar.value / 1e9 : exemplar.value)),
    integer: !inSeconds,
    traceIds,
    spanIds: new Uint8Array(samples.length * 8),
    attributes: samples.map(() => new Uint8Array(0)),
  };
}

function longer(values: Float64Array<ArrayBuffer>, least: number): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(Math.max(least, values.length * 2));
  larger.set(values);
  return larger;
}
