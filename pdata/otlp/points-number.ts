import type { NumberPoints } from '../metrics.ts';
import { pickNumbers } from '../pick-points.ts';
import { FieldCursor } from './field-cursor.ts';
import type { PointSource } from './metrics-decode.ts';
import { copy8, PointCells } from './point-cells.ts';
import { DELIMITED, FIXED64, VARINT } from './wire.ts';

const INT = 1;
const DOUBLE = 2;

/**
 * Points of a gauge or sum; ints and doubles apart. A point without a value counts as an int.
 * NumberDataPoint: 2 start_time_unix_nano, 3 time_unix_nano, 4 as_double, 5 exemplars, 6 as_int, 7 attributes, 8 flags.
 */
export function decodeNumbers(source: PointSource): readonly NumberPoints[] {
  const { bytes, places } = source;
  const length = places.length / 2;
  const cells = new PointCells(source, length);
  const doubles = new Float64Array(length);
  const raw = new Uint8Array(doubles.buffer);
  const kinds = new Uint8Array(length).fill(INT);
  const field = new FieldCursor(bytes);
  for (let row = 0; row < length; row++) {
    const start = places[row * 2]!;
    field.enter(start, places[row * 2 + 1]!);
    for (let from = start; field.next(); from = field.end) {
      switch (field.tag) {
        case 7 * 8 + DELIMITED:
          cells.attribute(field.start, field.end);
          break;
        case 2 * 8 + FIXED64:
          cells.startTime(row, field.start);
          break;
        case 3 * 8 + FIXED64:
          cells.time(row, field.start);
          break;
        case 4 * 8 + FIXED64:
          copy8(raw, row, bytes, field.start);
          kinds[row] = DOUBLE;
          break;
        case 6 * 8 + FIXED64:
          copy8(raw, row, bytes, field.start);
          kinds[row] = INT;
          break;
        case 5 * 8 + DELIMITED:
          cells.exemplar(row, field.start, field.end);
          break;
        case 8 * 8 + VARINT:
          cells.flags(row, field);
          break;
        default:
          cells.unknown(row, from, field.end);
      }
    }
    cells.end(row);
  }
  const shared = cells.build();
  const points = { ...shared, values: doubles, integer: false };
  const ints = kinds.reduce((count, kind) => count + (kind === INT ? 1 : 0), 0);
  if (ints === 0) return [points];
  if (ints === length) return [{ ...shared, values: intColumn(new BigInt64Array(raw.buffer)), integer: true }];
  const rowsOf = (kind: number): Uint32Array =>
    Uint32Array.from(Array.from(kinds.keys()).filter((row) => kinds[row] === kind));
  const picked = pickNumbers(points, rowsOf(INT));
  const values = intColumn(new BigInt64Array((picked.values as Float64Array<ArrayBuffer>).buffer));
  return [{ ...picked, values, integer: true }, pickNumbers(points, rowsOf(DOUBLE))];
}

/** As doubles where all of them are safe. */
function intColumn(ints: BigInt64Array<ArrayBuffer>): Float64Array | BigInt64Array {
  const halves = new Int32Array(ints.buffer);
  const values = new Float64Array(ints.length);
  for (let row = 0; row < values.length; row++) {
    const value = (halves[row * 2]! >>> 0) + halves[row * 2 + 1]! * 0x1_0000_0000;
    if (!Number.isSafeInteger(value)) return ints;
    values[row] = value;
  }
  return values;
}
