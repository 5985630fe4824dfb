import type { SummaryPoints } from '../metrics.ts';
import { FieldCursor } from './field-cursor.ts';
import { PointCells, type PointPlaces, type PointSource } from './point-cells.ts';
import { DELIMITED, FIXED64, VARINT } from './wire.ts';

/**
 * Points of a summary.
 * SummaryDataPoint: 2 start_time_unix_nano, 3 time_unix_nano, 4 count, 5 sum, 6 quantile_values, 7 attributes, 8 flags.
 * ValueAtQuantile: 1 quantile, 2 value.
 */
export function decodeSummaries(source: PointSource, places: PointPlaces): SummaryPoints {
  const { bytes } = source;
  const { length } = places.start;
  const cells = new PointCells(source, places);
  const counts = new Float64Array(length);
  const sums = new Float64Array(length);
  const start = new Uint32Array(length + 1);
  const quantiles: number[] = [];
  const values: number[] = [];
  const field = new FieldCursor(bytes);
  const inner = new FieldCursor(bytes);
  for (let row = 0; row < length; row++) {
    cells.begin();
    field.enter(places.start[row]!, places.end[row]!);
    while (field.next()) {
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
          counts[row] = source.uint64(field.start);
          break;
        case 5 * 8 + FIXED64:
          sums[row] = source.double(field.start);
          break;
        case 6 * 8 + DELIMITED: {
          let quantile = 0;
          let value = 0;
          inner.enter(field.start, field.end);
          while (inner.next()) {
            if (inner.tag === 1 * 8 + FIXED64) quantile = source.double(inner.start);
            else if (inner.tag === 2 * 8 + FIXED64) value = source.double(inner.start);
          }
          quantiles.push(quantile);
          values.push(value);
          break;
        }
        case 8 * 8 + VARINT:
          cells.flags(row, field);
          break;
      }
    }
    cells.end(row);
    start[row + 1] = quantiles.length;
  }
  return cells.sent({
    ...cells.build(),
    counts,
    sums,
    start,
    quantiles: Float64Array.from(quantiles),
    values: Float64Array.from(values),
  });
}
