import type { SummaryPoints } from '../metrics.ts';
import { FieldCursor } from './field-cursor.ts';
import type { PointSource } from './metrics-decode.ts';
import { doubleAt, PointCells, uint64At } from './point-cells.ts';
import { DELIMITED, FIXED64, VARINT } from './wire.ts';

/**
 * Points of a summary.
 * SummaryDataPoint: 2 start_time_unix_nano, 3 time_unix_nano, 4 count, 5 sum, 6 quantile_values, 7 attributes, 8 flags.
 * ValueAtQuantile: 1 quantile, 2 value.
 */
export function decodeSummaries(source: PointSource): SummaryPoints {
  const { bytes, places } = source;
  const length = places.length / 2;
  const cells = new PointCells(source, length);
  const counts = new Float64Array(length);
  const sums = new Float64Array(length);
  const start = new Uint32Array(length + 1);
  const quantiles: number[] = [];
  const values: number[] = [];
  const field = new FieldCursor(bytes);
  const inner = new FieldCursor(bytes);
  for (let row = 0; row < length; row++) {
    const begin = places[row * 2]!;
    field.enter(begin, places[row * 2 + 1]!);
    for (let from = begin; field.next(); from = field.end) {
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
          counts[row] = uint64At(bytes, field.start);
          break;
        case 5 * 8 + FIXED64:
          sums[row] = doubleAt(bytes, field.start);
          break;
        case 6 * 8 + DELIMITED: {
          let quantile = 0;
          let value = 0;
          inner.enter(field.start, field.end);
          while (inner.next()) {
            if (inner.tag === 1 * 8 + FIXED64) quantile = doubleAt(bytes, inner.start);
            else if (inner.tag === 2 * 8 + FIXED64) value = doubleAt(bytes, inner.start);
          }
          quantiles.push(quantile);
          values.push(value);
          break;
        }
        case 8 * 8 + VARINT:
          cells.flags(row, field);
          break;
        default:
          cells.unknown(row, from, field.end);
      }
    }
    cells.end(row);
    start[row + 1] = quantiles.length;
  }
  return {
    ...cells.build(),
    counts,
    sums,
    start,
    quantiles: Float64Array.from(quantiles),
    values: Float64Array.from(values),
  };
}
