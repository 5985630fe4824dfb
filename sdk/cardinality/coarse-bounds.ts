import { sameBounds } from '../../pdata/concat-metrics.ts';
import type { HistogramPoints } from '../../pdata/metrics.ts';

/** The bounds that both lists have. */
export function commonBounds(a: Float64Array, b: Float64Array): Float64Array {
  return sameBounds(a, b) ? a : a.filter((bound) => b.includes(bound));
}

/** The same histograms in the buckets of some of their bounds: each new bucket holds the old ones that it covers, so counts stay exact. */
export function coarsened(points: HistogramPoints, bounds: Float64Array): HistogramPoints {
  if (sameBounds(points.bounds, bounds)) return points;
  const width = points.bounds.length + 1;
  const newWidth = bounds.length + 1;
  const bucketOf = new Uint32Array(width);
  for (let k = 0, to = 0; k < width; k++) {
    while (to < bounds.length && (k === width - 1 || bounds[to]! < points.bounds[k]!)) to++;
    bucketOf[k] = to;
  }
  const rows = points.sums.length;
  const counts = new Float64Array(rows * newWidth);
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < width; k++) counts[row * newWidth + bucketOf[k]!]! += points.counts[row * width + k]!;
  }
  return { ...points, bounds, counts };
}
