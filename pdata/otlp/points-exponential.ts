import type { ExponentialBuckets, ExponentialHistogramPoints } from '../metrics.ts';
import { FieldCursor } from './field-cursor.ts';
import { PointCells, type PointPlaces, type PointSource } from './point-cells.ts';
import { known } from './points-histogram.ts';
import { DELIMITED, FIXED64, VARINT, WireReader } from './wire.ts';

/**
 * Points of an exponential histogram.
 * ExponentialHistogramDataPoint: 1 attributes, 2 start_time_unix_nano, 3 time_unix_nano, 4 count, 5 sum, 6 scale, 7 zero_count,
 * 8 positive, 9 negative, 10 flags, 11 exemplars, 12 min, 13 max, 14 zero_threshold. The count is that of the buckets.
 */
export function decodeExponential(source: PointSource, places: PointPlaces): ExponentialHistogramPoints {
  const { bytes } = source;
  const { length } = places.start;
  const cells = new PointCells(source, places);
  const scale = new Int32Array(length);
  const zeroCount = new Float64Array(length);
  const zeroThreshold = new Float64Array(length);
  const sums = new Float64Array(length).fill(Number.NaN);
  const min = new Float64Array(length).fill(Number.NaN);
  const max = new Float64Array(length).fill(Number.NaN);
  const positive = new BucketCells(bytes, length);
  const negative = new BucketCells(bytes, length);
  const field = new FieldCursor(bytes);
  for (let row = 0; row < length; row++) {
    cells.begin();
    field.enter(places.start[row]!, places.end[row]!);
    while (field.next()) {
      switch (field.tag) {
        case 1 * 8 + DELIMITED:
          cells.attribute(field.start, field.end);
          break;
        case 2 * 8 + FIXED64:
          cells.startTime(row, field.start);
          break;
        case 3 * 8 + FIXED64:
          cells.time(row, field.start);
          break;
        case 5 * 8 + FIXED64:
          sums[row] = source.double(field.start);
          break;
        case 6 * 8 + VARINT:
          scale[row] = zigzag(field.uint32());
          break;
        case 7 * 8 + FIXED64:
          zeroCount[row] = source.uint64(field.start);
          break;
        case 8 * 8 + DELIMITED:
          positive.read(row, field.start, field.end);
          break;
        case 9 * 8 + DELIMITED:
          negative.read(row, field.start, field.end);
          break;
        case 10 * 8 + VARINT:
          cells.flags(row, field);
          break;
        case 11 * 8 + DELIMITED:
          cells.exemplar(row, field.start, field.end);
          break;
        case 12 * 8 + FIXED64:
          min[row] = source.double(field.start);
          break;
        case 13 * 8 + FIXED64:
          max[row] = source.double(field.start);
          break;
        case 14 * 8 + FIXED64:
          zeroThreshold[row] = source.double(field.start);
          break;
      }
    }
    cells.end(row);
    positive.end(row);
    negative.end(row);
  }
  return cells.sent({
    ...cells.build(),
    scale,
    zeroCount,
    zeroThreshold,
    positive: positive.build(),
    negative: negative.build(),
    sums,
    ...known('min', min),
    ...known('max', max),
  });
}

/** Collects one side's buckets of all rows. */
class BucketCells {
  readonly #reader: WireReader;
  readonly #field: FieldCursor;
  readonly #offset: Int32Array;
  readonly #start: Uint32Array;
  readonly #counts: number[] = [];

  constructor(bytes: Uint8Array, rows: number) {
    this.#reader = new WireReader(bytes);
    this.#field = new FieldCursor(bytes);
    this.#offset = new Int32Array(rows);
    this.#start = new Uint32Array(rows + 1);
  }

  /** Buckets: 1 offset, 2 bucket_counts, packed or one by one. Of several messages the later adds to the former. */
  read(row: number, start: number, end: number): void {
    const field = this.#field;
    field.enter(start, end);
    while (field.next()) {
      if (field.tag === 1 * 8 + VARINT) {
        this.#offset[row] = zigzag(field.uint32());
      } else if (field.tag === 2 * 8 + DELIMITED || field.tag === 2 * 8 + VARINT) {
        this.#reader.position = field.start;
        this.#reader.end = field.end;
        while (!this.#reader.done) this.#counts.push(this.#reader.varint());
      }
    }
  }

  end(row: number): void {
    this.#start[row + 1] = this.#counts.length;
  }

  build(): ExponentialBuckets {
    return { offset: this.#offset, start: this.#start, counts: Float64Array.from(this.#counts) };
  }
}

function zigzag(value: number): number {
  return (value >>> 1) ^ -(value & 1);
}
