import type { NumberPoints } from '../metrics.ts';
import { pickNumbers } from '../pick-points.ts';
import { FieldCursor } from './field-cursor.ts';
import { PointCells, type PointPlaces, type PointSource } from './point-cells.ts';
import { DELIMITED, FIXED64, VARINT } from './wire.ts';

const START_TIME = 2 * 8 + FIXED64;
const TIME = 3 * 8 + FIXED64;
const AS_DOUBLE = 4 * 8 + FIXED64;
const EXEMPLAR = 5 * 8 + DELIMITED;
const AS_INT = 6 * 8 + FIXED64;
const ATTRIBUTE = 7 * 8 + DELIMITED;
const FLAGS = 8 * 8 + VARINT;

const INT = 1;
const DOUBLE = 2;

/**
 * Points of a gauge or sum; ints and doubles apart. A point without a value counts as an int.
 * NumberDataPoint: 2 start_time_unix_nano, 3 time_unix_nano, 4 as_double, 5 exemplars, 6 as_int, 7 attributes, 8 flags.
 */
export function decodeNumbers(source: PointSource, places: PointPlaces): readonly NumberPoints[] {
  const { bytes, view } = source;
  const { start, end } = places;
  const { length } = start;
  const cells = new PointCells(source, places);
  const doubles = new Float64Array(length);
  const halves = new Uint32Array(doubles.buffer);
  const kinds = new Uint8Array(length).fill(INT);
  const field = new FieldCursor(bytes);
  for (let row = 0; row < length; row++) {
    const to = end[row]!;
    cells.begin();
    for (let at = start[row]!; at < to; ) {
      // Fields as everybody writes them: tag and length of one byte.
      const tag = bytes[at]!;
      if (tag === ATTRIBUTE && bytes[at + 1]! < 0x80) {
        const from = at + 2;
        at = from + bytes[at + 1]!;
        cells.attribute(from, at);
        continue;
      }
      if (tag === TIME) {
        cells.time(row, at + 1);
        at += 9;
        continue;
      }
      field.enter(at, to);
      field.next();
      switch (field.tag) {
        case ATTRIBUTE:
          cells.attribute(field.start, field.end);
          break;
        case START_TIME:
          cells.startTime(row, field.start);
          break;
        case TIME:
          cells.time(row, field.start);
          break;
        case AS_DOUBLE:
        case AS_INT:
          halves[row * 2] = view.getUint32(field.start, true);
          halves[row * 2 + 1] = view.getUint32(field.start + 4, true);
          kinds[row] = field.tag === AS_DOUBLE ? DOUBLE : INT;
          break;
        case EXEMPLAR:
          cells.exemplar(row, field.start, field.end);
          break;
        case FLAGS:
          cells.flags(row, field);
          break;
      }
      at = field.end;
    }
    cells.end(row);
  }
  const shared = cells.build();
  const points = { ...shared, values: doubles, integer: false };
  let ints = 0;
  for (const kind of kinds) if (kind === INT) ints++;
  if (ints === 0) return [cells.sent(points)];
  if (ints === length) return [cells.sent({ ...shared, values: intColumn(doubles), integer: true })];
  const rowsOf = (wanted: number): Uint32Array =>
    Uint32Array.from(Array.from(kinds.keys()).filter((row) => kinds[row] === wanted));
  const intRows = rowsOf(INT);
  const doubleRows = rowsOf(DOUBLE);
  const picked = pickNumbers(points, intRows);
  const values = intColumn(pickPairs(halves, intRows));
  return [
    cells.sent({ ...picked, values, integer: true }, intRows),
    cells.sent(pickNumbers(points, doubleRows), doubleRows),
  ];
}

/** Values that are kept as 64 bits each: no double is made of them on the way. */
function pickPairs(halves: Uint32Array, rows: Uint32Array): Float64Array<ArrayBuffer> {
  const picked = new Uint32Array(rows.length * 2);
  for (let i = 0; i < rows.length; i++) {
    picked[i * 2] = halves[rows[i]! * 2]!;
    picked[i * 2 + 1] = halves[rows[i]! * 2 + 1]!;
  }
  return new Float64Array(picked.buffer);
}

/** The bits as ints: in doubles where all of them are safe. */
function intColumn(bits: Float64Array<ArrayBuffer>): Float64Array | BigInt64Array {
  const halves = new Int32Array(bits.buffer);
  const values = new Float64Array(bits.length);
  for (let row = 0; row < values.length; row++) {
    const value = (halves[row * 2]! >>> 0) + halves[row * 2 + 1]! * 0x1_0000_0000;
    if (!Number.isSafeInteger(value)) return new BigInt64Array(bits.buffer);
    values[row] = value;
  }
  return values;
}
