import type { HistogramPoints } from '../metrics.ts';
import { pickHistograms } from '../pick-points.ts';
import { FieldCursor } from './field-cursor.ts';
import { PointCells, type PointPlaces, type PointSource } from './point-cells.ts';
import { DELIMITED, FIXED64, VARINT } from './wire.ts';

/** Points that share their bounds. */
interface Group {
  readonly bounds: Float64Array;
  readonly rows: number[];
  readonly counts: number[];
}

/**
 * Points of a histogram, by their bounds. A point without buckets has the one bucket that its count is.
 * HistogramDataPoint: 2 start_time_unix_nano, 3 time_unix_nano, 4 count, 5 sum, 6 bucket_counts, 7 explicit_bounds,
 * 8 exemplars, 9 attributes, 10 flags, 11 min, 12 max. Counts and bounds packed or one by one.
 */
export function decodeHistograms(source: PointSource, places: PointPlaces): readonly HistogramPoints[] {
  const { length } = places.start;
  const cells = new PointCells(source, places);
  const sums = new Float64Array(length).fill(Number.NaN);
  const min = new Float64Array(length).fill(Number.NaN);
  const max = new Float64Array(length).fill(Number.NaN);
  const groups: Group[] = [];
  const field = new FieldCursor(source.bytes);
  for (let row = 0; row < length; row++) {
    const counts: number[] = [];
    const bounds: number[] = [];
    let count = 0;
    cells.begin();
    field.enter(places.start[row]!, places.end[row]!);
    while (field.next()) {
      switch (field.tag) {
        case 9 * 8 + DELIMITED:
          cells.attribute(field.start, field.end);
          break;
        case 2 * 8 + FIXED64:
          cells.startTime(row, field.start);
          break;
        case 3 * 8 + FIXED64:
          cells.time(row, field.start);
          break;
        case 4 * 8 + FIXED64:
          count = source.uint64(field.start);
          break;
        case 5 * 8 + FIXED64:
          sums[row] = source.double(field.start);
          break;
        case 6 * 8 + DELIMITED:
        case 6 * 8 + FIXED64:
          for (let at = field.start; at + 8 <= field.end; at += 8) counts.push(source.uint64(at));
          break;
        case 7 * 8 + DELIMITED:
        case 7 * 8 + FIXED64:
          for (let at = field.start; at + 8 <= field.end; at += 8) bounds.push(source.double(at));
          break;
        case 8 * 8 + DELIMITED:
          cells.exemplar(row, field.start, field.end);
          break;
        case 10 * 8 + VARINT:
          cells.flags(row, field);
          break;
        case 11 * 8 + FIXED64:
          min[row] = source.double(field.start);
          break;
        case 12 * 8 + FIXED64:
          max[row] = source.double(field.start);
          break;
      }
    }
    cells.end(row);
    if (counts.length !== bounds.length + 1) {
      // No buckets, or ones that do not go with the bounds: what is left is the count.
      bounds.length = 0;
      counts.length = 0;
      counts.push(count);
    }
    addTo(groups, row, bounds, counts);
  }
  const shared = { ...cells.build(), sums, ...known('min', min), ...known('max', max) };
  return groups.map((group) => {
    const points = { ...shared, bounds: NONE, counts: new Float64Array(length) };
    const rows = groups.length === 1 ? undefined : Uint32Array.from(group.rows);
    const picked = rows === undefined ? points : pickHistograms(points, rows);
    return cells.sent({ ...picked, bounds: group.bounds, counts: Float64Array.from(group.counts) }, rows);
  });
}

const NONE = new Float64Array(0);

function addTo(groups: Group[], row: number, bounds: readonly number[], counts: readonly number[]): void {
  let group = groups.findLast((known) => sameNumbers(known.bounds, bounds));
  if (group === undefined) {
    group = { bounds: Float64Array.from(bounds), rows: [], counts: [] };
    groups.push(group);
  }
  group.rows.push(row);
  for (const count of counts) group.counts.push(count);
}

function sameNumbers(a: Float64Array, b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false;
  return true;
}

/** The column under its name, unless no row has a value. */
export function known<K extends string>(name: K, column: Float64Array): { readonly [N in K]?: Float64Array } {
  return column.every((value) => Number.isNaN(value)) ? {} : ({ [name]: column } as { [N in K]: Float64Array });
}
