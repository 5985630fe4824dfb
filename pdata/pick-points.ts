import { pick, pickFlags, pickOwned, pickTime, type Rows, rowCount } from './columns.ts';
import type {
  Exemplars,
  ExponentialBuckets,
  ExponentialHistogramPoints,
  HistogramPoints,
  Metric,
  NumberPoints,
  PointColumns,
  SummaryPoints,
} from './metrics.ts';
import { pickSentPoints } from './sent-points.ts';

/** The metric with these points only. Columns of a range are views on the old ones. */
export function pickPoints<M extends Metric>(metric: M, rows: Rows): M {
  return { ...metric, points: pickSentPoints(metric.points, pickColumns(metric, rows), rows) };
}

function pickColumns(metric: Metric, rows: Rows): Metric['points'] {
  switch (metric.kind) {
    case 'gauge':
    case 'sum':
      return pickNumbers(metric.points, rows);
    case 'histogram':
      return pickHistograms(metric.points, rows);
    case 'exponential_histogram':
      return pickExponential(metric.points, rows);
    case 'summary':
      return pickSummaries(metric.points, rows);
    default:
      return metric satisfies never;
  }
}

export function pickNumbers(points: NumberPoints, rows: Rows): NumberPoints {
  return { ...pickShared(points, rows), values: pick(points.values, rows), integer: points.integer };
}

export function pickHistograms(points: HistogramPoints, rows: Rows): HistogramPoints {
  return {
    ...pickShared(points, rows),
    bounds: points.bounds,
    counts: pick(points.counts, rows, points.bounds.length + 1),
    sums: pick(points.sums, rows),
    ...(points.min && { min: pick(points.min, rows) }),
    ...(points.max && { max: pick(points.max, rows) }),
  };
}

function pickExponential(points: ExponentialHistogramPoints, rows: Rows): ExponentialHistogramPoints {
  return {
    ...pickShared(points, rows),
    scale: pick(points.scale, rows),
    zeroCount: pick(points.zeroCount, rows),
    zeroThreshold: pick(points.zeroThreshold, rows),
    positive: pickBuckets(points.positive, rows),
    negative: pickBuckets(points.negative, rows),
    sums: pick(points.sums, rows),
    ...(points.min && { min: pick(points.min, rows) }),
    ...(points.max && { max: pick(points.max, rows) }),
  };
}

function pickSummaries(points: SummaryPoints, rows: Rows): SummaryPoints {
  const { start, values: positions } = ragged(points.start, rows);
  return {
    ...pickShared(points, rows),
    counts: pick(points.counts, rows),
    sums: pick(points.sums, rows),
    start,
    quantiles: positions === undefined ? points.quantiles : pick(points.quantiles, positions),
    values: positions === undefined ? points.values : pick(points.values, positions),
  };
}

function pickBuckets(buckets: ExponentialBuckets, rows: Rows): ExponentialBuckets {
  const { start, values } = ragged(buckets.start, rows);
  const counts = values === undefined ? buckets.counts : pick(buckets.counts, values);
  return { offset: pick(buckets.offset, rows), start, counts };
}

/** Positions of rows of varying length. `values` are those to copy; undefined where the values stay as they are. */
function ragged(
  start: Uint32Array,
  rows: Rows,
): { readonly start: Uint32Array; readonly values: Uint32Array | undefined } {
  if (!(rows instanceof Uint32Array)) return { start: start.subarray(rows.from, rows.to + 1), values: undefined };
  const newStart = new Uint32Array(rows.length + 1);
  for (let i = 0; i < rows.length; i++) newStart[i + 1] = newStart[i]! + start[rows[i]! + 1]! - start[rows[i]!]!;
  const values = new Uint32Array(newStart[rows.length]!);
  for (let i = 0; i < rows.length; i++) {
    for (let k = newStart[i]!, from = start[rows[i]!]!; k < newStart[i + 1]!; k++) values[k] = from++;
  }
  return { start: newStart, values };
}

function pickShared(points: PointColumns, rows: Rows): PointColumns {
  return {
    length: rowCount(rows),
    ids: pick(points.ids, rows),
    time: pickTime(points.time, rows),
    startTime: pickTime(points.startTime, rows),
    flags: pickFlags(points.flags, rows),
    ...(points.exemplars && { exemplars: pickExemplars(points.exemplars, rows) }),
  };
}

/** Exemplars of the points in these rows, their points renumbered. */
export function pickExemplars(exemplars: Exemplars, rows: Rows): Exemplars {
  const { entries, owner } = pickOwned(exemplars.point, rows);
  return { point: owner, ...pickEntries(exemplars, entries) };
}

/** Exemplars whose point goes to another one, sorted by that; those of points that go nowhere (a negative target) are left out. */
export function moveExemplars(exemplars: Exemplars, target: (point: number) => number): Exemplars {
  const owner = (entry: number): number => target(exemplars.point[entry]!);
  const kept = Array.from(exemplars.point.keys()).filter((entry) => owner(entry) >= 0);
  const entries = Uint32Array.from(kept.sort((a, b) => owner(a) - owner(b)));
  return { point: entries.map(owner), ...pickEntries(exemplars, entries) };
}

function pickEntries(exemplars: Exemplars, entries: Uint32Array): Omit<Exemplars, 'point'> {
  return {
    time: pick(exemplars.time, entries),
    values: pick(exemplars.values, entries),
    integer: exemplars.integer,
    traceIds: pick(exemplars.traceIds, entries, 16),
    spanIds: pick(exemplars.spanIds, entries, 8),
    attributes: Array.from(entries, (entry) => exemplars.attributes[entry]!),
  };
}

/** Every row of a selection that counts in `keep`, as a list. */
export function rowsWhere(length: number, keep: (row: number) => boolean): Uint32Array {
  const rows = new Uint32Array(length);
  let kept = 0;
  for (let row = 0; row < length; row++) if (keep(row)) rows[kept++] = row;
  return rows.slice(0, kept);
}
