import type { SentPoints } from './sent-points.ts';
import type { InstrumentationScope, Resource, SeriesId, SeriesTable } from './series-table.ts';

export type Temporality = 'cumulative' | 'delta';
/** What a metric says of its temporality; foreign ones can leave it open. */
export type StatedTemporality = Temporality | 'unspecified';

/** How a metric is counted: `exact`, or in one sentence how its value is estimated. */
export type Exactness = 'exact' | { readonly estimated: string };

/**
 * A metric of our own, declared once. In the pipeline it carries the OTel name and integers in the unit measured;
 * exporters print it under the names and units of their profile.
 */
export interface MetricDefinition {
  /** OTel name: `ebpf.syscall.duration`. */
  readonly name: string;
  /** Unit measured and carried in the pipeline (UCUM): `ns`, `By`, `{syscall}`. */
  readonly unit: string;
  /** Unit under the OTel name, where it differs from the one measured: `s` for `ns`. */
  readonly otelUnit?: string;
  /** Name in the product's own Prometheus profile: `ebpf_syscall_latency_ns`. */
  readonly seedName: string;
  readonly kind: 'counter' | 'updown_counter' | 'gauge' | 'histogram';
  /** One sentence, with what is in it and what is not. */
  readonly description: string;
  readonly exactness: Exactness;
  /** Attribute → label of the seed profile: `{ 'ebpf.syscall.name': 'syscall' }`. */
  readonly attributes: Readonly<Record<string, string>>;
}

export interface MetricDescriptor {
  readonly name: string;
  readonly unit: string;
  readonly description: string;
  /** Set for metrics of our own; foreign ones follow the Collector's translation. */
  readonly definition?: MetricDefinition;
  /** Fields of its OTLP `Metric` that have no place here, as they came: metadata, and what OTLP does not know. */
  readonly envelope?: Uint8Array;
  /** The same of its `Gauge`, `Sum` and so on. */
  readonly dataEnvelope?: Uint8Array;
}

/** Nanoseconds since 1970: one per point, or one for all. 0 means unknown. */
export type TimeColumn = bigint | BigUint64Array;
/** OTLP data point flags: one per point, or one for all. */
export type FlagColumn = number | Uint32Array;

/** The series ends with this point; its value means nothing. */
export const NO_RECORDED_VALUE = 1;

/** Columns that every kind of point has; row i of each belongs to point i. */
export interface PointColumns {
  readonly length: number;
  readonly ids: Uint32Array;
  readonly time: TimeColumn;
  /** Start of the interval (delta) or of the series (cumulative). Belongs to the point, never to the series. */
  readonly startTime: TimeColumn;
  readonly flags: FlagColumn;
  readonly exemplars?: Exemplars;
  /** The messages that the points came in, if they did. */
  readonly sent?: SentPoints;
}

export interface NumberPoints extends PointColumns {
  /** `BigInt64Array` only for ints that may pass 2^53. */
  readonly values: Float64Array | BigInt64Array;
  /** Whether the values are ints (`as_int`); always true for `BigInt64Array`. */
  readonly integer: boolean;
}

export interface HistogramPoints extends PointColumns {
  /** Upper bounds, ascending, of buckets (lower, upper]; shared by all points of the metric. Without +Inf. */
  readonly bounds: Float64Array;
  /** Row-major: `length` rows of `bounds.length + 1` counts. */
  readonly counts: Float64Array;
  /** NaN where the sender gave none. */
  readonly sums: Float64Array;
  /** NaN where unknown; absent when no point has one. */
  readonly min?: Float64Array;
  readonly max?: Float64Array;
}

/**
 * Buckets of base 2^(2^-scale): bucket i holds (base^i, base^(i+1)].
 * The counts of point p are `counts[start[p] … start[p + 1])`, for bucket indexes from `offset[p]`.
 */
export interface ExponentialBuckets {
  readonly offset: Int32Array;
  /** `length + 1` positions in `counts`. */
  readonly start: Uint32Array;
  readonly counts: Float64Array;
}

export interface ExponentialHistogramPoints extends PointColumns {
  readonly scale: Int32Array;
  readonly zeroCount: Float64Array;
  readonly zeroThreshold: Float64Array;
  readonly positive: ExponentialBuckets;
  readonly negative: ExponentialBuckets;
  readonly sums: Float64Array;
  readonly min?: Float64Array;
  readonly max?: Float64Array;
}

export interface SummaryPoints extends PointColumns {
  readonly counts: Float64Array;
  readonly sums: Float64Array;
  /** The quantiles of point p are rows `start[p] … start[p + 1])`. */
  readonly start: Uint32Array;
  readonly quantiles: Float64Array;
  readonly values: Float64Array;
}

/** Samples beside their points, sorted by point. */
export interface Exemplars {
  /** Row of the point in its metric. */
  readonly point: Uint32Array;
  readonly time: BigUint64Array;
  readonly values: Float64Array;
  readonly integer: boolean;
  /** 16 bytes each, zeros for none. */
  readonly traceIds: Uint8Array;
  /** 8 bytes each, zeros for none. */
  readonly spanIds: Uint8Array;
  /** OTLP bytes of the filtered attributes of each. */
  readonly attributes: readonly Uint8Array[];
}

interface MetricOf<K extends string, P extends PointColumns> extends MetricDescriptor {
  readonly kind: K;
  readonly series: SeriesTable;
  readonly points: P;
}

export type Gauge = MetricOf<'gauge', NumberPoints>;
export interface Sum extends MetricOf<'sum', NumberPoints> {
  readonly monotonic: boolean;
  readonly temporality: StatedTemporality;
}
export interface Histogram extends MetricOf<'histogram', HistogramPoints> {
  readonly temporality: StatedTemporality;
}
export interface ExponentialHistogram extends MetricOf<'exponential_histogram', ExponentialHistogramPoints> {
  readonly temporality: StatedTemporality;
}
export type Summary = MetricOf<'summary', SummaryPoints>;

/** One metric's points. Immutable: whoever changes something makes a new one that shares the columns it leaves alone. */
export type Metric = Gauge | Sum | Histogram | ExponentialHistogram | Summary;

/** What flows through a metrics pipeline. Resource and scope are the series' own: see {@link SeriesTable}. */
export interface MetricBatch {
  readonly signal: 'metrics';
  readonly metrics: readonly Metric[];
}

/** Data points in the batch: the items that limits and ledgers count. */
export function countPoints(batch: MetricBatch): number {
  let count = 0;
  for (const metric of batch.metrics) count += metric.points.length;
  return count;
}

/** Row i of a time column. */
export function timeAt(column: TimeColumn, i: number): bigint {
  return typeof column === 'bigint' ? column : column[i]!;
}

/** Row i of a flag column. */
export function flagsAt(column: FlagColumn, i: number): number {
  return typeof column === 'number' ? column : column[i]!;
}

export type { InstrumentationScope, Resource, SeriesId, SeriesTable };
