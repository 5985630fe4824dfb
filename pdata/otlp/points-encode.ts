import type {
  Exemplars,
  ExponentialBuckets,
  ExponentialHistogram,
  Gauge,
  Histogram,
  Metric,
  NumberPoints,
  PointColumns,
  Sum,
  Summary,
} from '../metrics.ts';
import { flagsAt, NO_RECORDED_VALUE, timeAt } from '../metrics.ts';
import { encodedSeries, type Retagged } from './series-encode.ts';
import { DELIMITED, FIXED64, VARINT, type WireWriter } from './wire.ts';

/** Writes points as `data_points` fields (1) of a gauge, sum, histogram, exponential histogram or summary. `rows` undefined: all. */
export function encodePoints(writer: WireWriter, metric: Metric, rows: Uint32Array | undefined): void {
  const count = rows?.length ?? metric.points.length;
  const shared = new SharedFields(metric);
  for (let i = 0; i < count; i++) {
    const row = rows === undefined ? i : rows[i]!;
    const mark = writer.begin(1);
    switch (metric.kind) {
      case 'gauge':
      case 'sum':
        writeNumber(writer, metric, row, shared);
        break;
      case 'histogram':
        writeHistogram(writer, metric, row, shared);
        break;
      case 'exponential_histogram':
        writeExponential(writer, metric, row, shared);
        break;
      case 'summary':
        writeSummary(writer, metric, row, shared);
        break;
      default:
        metric satisfies never;
    }
    writer.end(mark);
  }
}

/** Numbers of the fields that differ between the kinds: attributes, flags, exemplars (0 for none). */
const FIELDS: { readonly [K in Metric['kind']]: readonly [attributes: number, flags: number, exemplars: number] } = {
  gauge: [7, 8, 5],
  sum: [7, 8, 5],
  histogram: [9, 10, 8],
  exponential_histogram: [1, 10, 11],
  summary: [7, 8, 0],
};

/** What every kind of point has. */
class SharedFields {
  readonly #points: PointColumns;
  readonly #attributes: Retagged;
  readonly #flags: number;
  readonly #exemplars: number;
  /** First exemplar that was not written; they are sorted by point. */
  #nextExemplar = 0;

  constructor(metric: Metric) {
    const [attributes, flags, exemplars] = FIELDS[metric.kind];
    this.#points = metric.points;
    this.#attributes = encodedSeries(metric.series).attributes(attributes);
    this.#flags = flags;
    this.#exemplars = exemplars;
  }

  /** Attributes, 2 start_time_unix_nano, 3 time_unix_nano. */
  before(writer: WireWriter, row: number): void {
    const { ids, startTime, time } = this.#points;
    const id = ids[row]!;
    const start = this.#attributes.find(id);
    writer.range(this.#attributes.bytes, start, this.#attributes.end(id));
    writeTime(writer, 2, startTime, row);
    writeTime(writer, 3, time, row);
  }

  /** Flags and exemplars. */
  after(writer: WireWriter, row: number): void {
    const { flags, exemplars } = this.#points;
    const bits = flagsAt(flags, row);
    if (bits !== 0) {
      writer.tag(this.#flags, VARINT);
      writer.varint(bits);
    }
    if (exemplars !== undefined && this.#exemplars > 0) this.#writeExemplars(writer, exemplars, row);
  }

  #writeExemplars(writer: WireWriter, exemplars: Exemplars, row: number): void {
    const { point } = exemplars;
    let next = this.#nextExemplar;
    if (next >= point.length || point[next]! > row) next = 0;
    while (next < point.length && point[next]! < row) next++;
    for (; next < point.length && point[next] === row; next++) writeExemplar(writer, this.#exemplars, exemplars, next);
    this.#nextExemplar = next;
  }
}

function writeTime(writer: WireWriter, field: number, column: PointColumns['time'], row: number): void {
  if (typeof column === 'bigint') {
    if (column === 0n) return;
    writer.tag(field, FIXED64);
    writer.fixed64(column);
    return;
  }
  const time = timeAt(column, row);
  if (time === 0n) return;
  writer.tag(field, FIXED64);
  writer.fixed64(time);
}

/** NumberDataPoint: 4 as_double, 6 as_int. A point without recorded value has none. */
function writeNumber(writer: WireWriter, { points }: Gauge | Sum, row: number, shared: SharedFields): void {
  shared.before(writer, row);
  writeValue(writer, points, row);
  shared.after(writer, row);
}

function writeValue(writer: WireWriter, { values, integer, flags }: NumberPoints, row: number): void {
  if ((flagsAt(flags, row) & NO_RECORDED_VALUE) !== 0 && Number(values[row]) === 0) return;
  if (values instanceof BigInt64Array) {
    writer.tag(6, FIXED64);
    writer.fixed64(BigInt.asUintN(64, values[row]!));
  } else if (integer) {
    writer.tag(6, FIXED64);
    writer.sfixed64(values[row]!);
  } else {
    writer.tag(4, FIXED64);
    writer.double(values[row]!);
  }
}

/** HistogramDataPoint: 4 count, 5 sum, 6 bucket_counts, 7 explicit_bounds, 11 min, 12 max. One bucket alone is the count. */
function writeHistogram(writer: WireWriter, { points }: Histogram, row: number, shared: SharedFields): void {
  const { bounds, counts, sums, min, max } = points;
  const width = bounds.length + 1;
  let count = 0;
  for (let i = 0; i < width; i++) count += counts[row * width + i]!;
  shared.before(writer, row);
  writeCount(writer, 4, count);
  writeKnown(writer, 5, sums[row]!);
  if (width > 1) {
    writer.tag(6, DELIMITED);
    writer.varint(width * 8);
    for (let i = 0; i < width; i++) writer.sfixed64(counts[row * width + i]!);
    writer.tag(7, DELIMITED);
    writer.varint(bounds.length * 8);
    for (const bound of bounds) writer.double(bound);
  }
  if (min) writeKnown(writer, 11, min[row]!);
  if (max) writeKnown(writer, 12, max[row]!);
  shared.after(writer, row);
}

/**
 * ExponentialHistogramDataPoint: 4 count, 5 sum, 6 scale, 7 zero_count, 8 positive, 9 negative, 12 min, 13 max,
 * 14 zero_threshold.
 */
function writeExponential(
  writer: WireWriter,
  { points }: ExponentialHistogram,
  row: number,
  shared: SharedFields,
): void {
  const { scale, zeroCount, zeroThreshold, positive, negative, sums, min, max } = points;
  shared.before(writer, row);
  writeCount(writer, 4, zeroCount[row]! + totalOf(positive, row) + totalOf(negative, row));
  writeKnown(writer, 5, sums[row]!);
  if (scale[row] !== 0) {
    writer.tag(6, VARINT);
    writer.varint(zigzag(scale[row]!));
  }
  if (zeroCount[row] !== 0) writeCount(writer, 7, zeroCount[row]!);
  writeBuckets(writer, 8, positive, row);
  writeBuckets(writer, 9, negative, row);
  if (min) writeKnown(writer, 12, min[row]!);
  if (max) writeKnown(writer, 13, max[row]!);
  if (zeroThreshold[row] !== 0) {
    writer.tag(14, FIXED64);
    writer.double(zeroThreshold[row]!);
  }
  shared.after(writer, row);
}

/** Largest double below 2^64: sums of what hostile senders count may be larger, and a longer varint would spoil the request. */
const LARGEST_COUNT = 2 ** 64 - 2048;

/** Buckets: 1 offset, 2 bucket_counts. */
function writeBuckets(writer: WireWriter, field: number, buckets: ExponentialBuckets, row: number): void {
  const { offset, start, counts } = buckets;
  const from = start[row]!;
  const to = start[row + 1]!;
  if (from === to && offset[row] === 0) return;
  const mark = writer.begin(field);
  if (offset[row] !== 0) {
    writer.tag(1, VARINT);
    writer.varint(zigzag(offset[row]!));
  }
  if (to > from) {
    const packed = writer.begin(2);
    for (let i = from; i < to; i++) writer.varint(Math.min(counts[i]!, LARGEST_COUNT));
    writer.end(packed);
  }
  writer.end(mark);
}

/** SummaryDataPoint: 4 count, 5 sum, 6 quantile_values. ValueAtQuantile: 1 quantile, 2 value. */
function writeSummary(writer: WireWriter, { points }: Summary, row: number, shared: SharedFields): void {
  const { counts, sums, start, quantiles, values } = points;
  shared.before(writer, row);
  writeCount(writer, 4, counts[row]!);
  if (sums[row] !== 0) {
    writer.tag(5, FIXED64);
    writer.double(sums[row]!);
  }
  for (let i = start[row]!; i < start[row + 1]!; i++) {
    const mark = writer.begin(6);
    if (quantiles[i] !== 0) {
      writer.tag(1, FIXED64);
      writer.double(quantiles[i]!);
    }
    if (values[i] !== 0) {
      writer.tag(2, FIXED64);
      writer.double(values[i]!);
    }
    writer.end(mark);
  }
  shared.after(writer, row);
}

/** Exemplar: 2 time_unix_nano, 3 as_double, 4 span_id, 5 trace_id, 6 as_int, 7 filtered_attributes. */
function writeExemplar(writer: WireWriter, field: number, exemplars: Exemplars, i: number): void {
  const { time, values, integer, spanIds, traceIds, attributes } = exemplars;
  const mark = writer.begin(field);
  writeTime(writer, 2, time, i);
  writer.tag(integer ? 6 : 3, FIXED64);
  if (integer) writer.sfixed64(values[i]!);
  else writer.double(values[i]!);
  writeId(writer, 4, spanIds, i, 8);
  writeId(writer, 5, traceIds, i, 16);
  const list = attributes[i]!;
  for (let at = 0; at < list.length; ) {
    let length = 0;
    let shift = 1;
    let next = at + 1;
    for (;;) {
      const byte = list[next++]!;
      length += (byte & 0x7f) * shift;
      if (byte < 0x80) break;
      shift *= 128;
    }
    writer.bytes(7, list.subarray(next, next + length));
    at = next + length;
  }
  writer.end(mark);
}

function writeId(writer: WireWriter, field: number, ids: Uint8Array, i: number, width: number): void {
  const id = ids.subarray(i * width, (i + 1) * width);
  if (id.some((byte) => byte !== 0)) writer.bytes(field, id);
}

function writeCount(writer: WireWriter, field: number, count: number): void {
  if (count === 0) return;
  writer.tag(field, FIXED64);
  writer.sfixed64(count);
}

function writeKnown(writer: WireWriter, field: number, value: number): void {
  if (Number.isNaN(value)) return;
  writer.tag(field, FIXED64);
  writer.double(value);
}

function totalOf({ start, counts }: ExponentialBuckets, row: number): number {
  let total = 0;
  for (let i = start[row]!; i < start[row + 1]!; i++) total += counts[i]!;
  return total;
}

function zigzag(value: number): number {
  return ((value << 1) ^ (value >> 31)) >>> 0;
}
