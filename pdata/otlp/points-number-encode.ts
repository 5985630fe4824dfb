import { type Gauge, NO_RECORDED_VALUE, type Sum, type TimeColumn } from '../metrics.ts';
import { attributesLength, writeAttributesBefore } from '../series-interner.ts';
import type { Segment } from './points-segment.ts';
import { DATA_POINT, varintLength, writeVarint } from './varint.ts';
import { DELIMITED, FIXED64, VARINT } from './wire.ts';

const START_TIME = 2 * 8 + FIXED64;
const TIME = 3 * 8 + FIXED64;
const AS_DOUBLE = 4 * 8 + FIXED64;
const AS_INT = 6 * 8 + FIXED64;
const ATTRIBUTES = 7 * 8 + DELIMITED;
const FLAGS = 8 * 8 + VARINT;

/**
 * Points of a gauge or sum, written straight to their place and without exemplars: their sizes are known from their columns.
 * NumberDataPoint: 2 start_time_unix_nano, 3 time_unix_nano, 4 as_double, 6 as_int, 7 attributes, 8 flags.
 */
export class NumberSegment implements Segment {
  readonly length: number;
  readonly #metric: Gauge | Sum;
  readonly #rows: Uint32Array | undefined;
  /** Halves of each row's times; one pair for all, or none. */
  readonly #startTime: Times;
  readonly #time: Times;

  constructor(metric: Gauge | Sum, rows: Uint32Array | undefined) {
    this.#metric = metric;
    this.#rows = rows;
    this.#startTime = timesOf(metric.points.startTime);
    this.#time = timesOf(metric.points.time);
    this.length = this.#measure();
  }

  #measure(): number {
    const { ids, length } = this.#metric.points;
    const { series } = this.#metric;
    const rows = this.#rows;
    const count = rows?.length ?? length;
    let bytes = 0;
    for (let i = 0; i < count; i++) {
      const row = rows === undefined ? i : rows[i]!;
      const size = this.#fixed(row) + attributesLength(series, ids[row]!);
      bytes += 1 + varintLength(size) + size;
    }
    return bytes;
  }

  /** Bytes of a point without its attributes. */
  #fixed(row: number): number {
    const { flags } = this.#metric.points;
    let size = 0;
    if (isSet(this.#startTime, row)) size += 9;
    if (isSet(this.#time, row)) size += 9;
    const bits = typeof flags === 'number' ? flags : flags[row]!;
    if (bits === 0) return size + 9;
    if (!this.#isMissing(bits, row)) size += 9;
    return size + 1 + varintLength(bits);
  }

  /** A series that ends with this point has no value. */
  #isMissing(flags: number, row: number): boolean {
    return (flags & NO_RECORDED_VALUE) !== 0 && Number(this.#metric.points.values[row]) === 0;
  }

  write(target: Uint8Array, view: DataView, from: number): void {
    const { points, series } = this.#metric;
    const { ids, flags, values, integer, length } = points;
    const startTime = this.#startTime;
    const time = this.#time;
    const rows = this.#rows;
    const count = rows?.length ?? length;
    const wide = values instanceof BigInt64Array;
    let at = from;
    for (let i = 0; i < count; i++) {
      const row = rows === undefined ? i : rows[i]!;
      const id = ids[row]!;
      const attributes = attributesLength(series, id);
      target[at++] = DATA_POINT;
      at = writeVarint(target, at, this.#fixed(row) + attributes);
      if (isSet(startTime, row)) at = writeTime(target, view, at, START_TIME, startTime, row);
      if (isSet(time, row)) at = writeTime(target, view, at, TIME, time, row);
      const bits = typeof flags === 'number' ? flags : flags[row]!;
      if (bits === 0 || !this.#isMissing(bits, row)) {
        target[at++] = integer ? AS_INT : AS_DOUBLE;
        if (wide) {
          view.setBigInt64(at, values[row]!, true);
        } else if (integer) {
          const value = values[row]!;
          view.setUint32(at, value, true);
          view.setInt32(at + 4, Math.floor(value / 0x1_0000_0000), true);
        } else {
          view.setFloat64(at, values[row]!, true);
        }
        at += 8;
      }
      at += attributes;
      writeAttributesBefore(series, id, target, view, at, ATTRIBUTES);
      if (bits !== 0) {
        target[at++] = FLAGS;
        at = writeVarint(target, at, bits);
      }
    }
  }
}

interface Times {
  /** Low and high half by row; of one row when all are the same. */
  readonly halves: Uint32Array;
  /** 2, or 0 when all rows are the same. */
  readonly step: number;
}

function timesOf(column: TimeColumn): Times {
  if (typeof column !== 'bigint')
    return { halves: new Uint32Array(column.buffer, column.byteOffset, column.length * 2), step: 2 };
  return { halves: new Uint32Array(BigUint64Array.of(column).buffer), step: 0 };
}

function isSet({ halves, step }: Times, row: number): boolean {
  return halves[row * step] !== 0 || halves[row * step + 1] !== 0;
}

function writeTime(
  target: Uint8Array,
  view: DataView,
  at: number,
  tag: number,
  { halves, step }: Times,
  row: number,
): number {
  target[at] = tag;
  view.setUint32(at + 1, halves[row * step]!, true);
  view.setUint32(at + 5, halves[row * step + 1]!, true);
  return at + 9;
}
