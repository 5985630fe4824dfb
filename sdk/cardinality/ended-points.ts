import { type Metric, NO_RECORDED_VALUE, type PointColumns } from '../../pdata/metrics.ts';
import type { SeriesTable } from '../../pdata/series-table.ts';

/** Points that end these series of a metric, which is described like `like`. */
export function endedPoints(like: Metric, series: SeriesTable, ids: Uint32Array<ArrayBuffer>, time: bigint): Metric {
  const { length } = ids;
  const shared: PointColumns = { length, ids, time, startTime: 0n, flags: NO_RECORDED_VALUE };
  const zeros = (): Float64Array => new Float64Array(length);
  const buckets = () => ({
    offset: new Int32Array(length),
    start: new Uint32Array(length + 1),
    counts: new Float64Array(0),
  });
  switch (like.kind) {
    case 'gauge':
    case 'sum':
      return { ...like, series, points: { ...shared, values: zeros(), integer: like.points.integer } };
    case 'histogram': {
      const { bounds } = like.points;
      const counts = new Float64Array(length * (bounds.length + 1));
      return { ...like, series, points: { ...shared, bounds, counts, sums: zeros() } };
    }
    case 'exponential_histogram':
      return {
        ...like,
        series,
        points: {
          ...shared,
          scale: new Int32Array(length),
          zeroCount: zeros(),
          zeroThreshold: zeros(),
          positive: buckets(),
          negative: buckets(),
          sums: zeros(),
        },
      };
    case 'summary':
      return {
        ...like,
        series,
        points: {
          ...shared,
          counts: zeros(),
          sums: zeros(),
          start: new Uint32Array(length + 1),
          quantiles: zeros().subarray(0, 0),
          values: zeros().subarray(0, 0),
        },
      };
    default:
      return like satisfies never;
  }
}
