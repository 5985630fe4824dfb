import type { Metric } from '../../pdata/metrics.ts';

/** How much a point counts in the contest for a name: the increments or observations in it; one where that says nothing. */
export function weigher(metric: Metric): (i: number) => number {
  switch (metric.kind) {
    case 'sum': {
      const { values } = metric.points;
      return metric.temporality === 'delta' ? (i) => Math.abs(Number(values[i]!)) || 0 : () => 1;
    }
    case 'histogram': {
      const { counts, bounds } = metric.points;
      const width = bounds.length + 1;
      return (i) => total(counts, i * width, (i + 1) * width);
    }
    case 'exponential_histogram': {
      const { zeroCount, positive, negative } = metric.points;
      return (i) =>
        zeroCount[i]! +
        total(positive.counts, positive.start[i]!, positive.start[i + 1]!) +
        total(negative.counts, negative.start[i]!, negative.start[i + 1]!);
    }
    case 'gauge':
    case 'summary':
      return () => 1;
    default:
      return metric satisfies never;
  }
}

function total(counts: Float64Array, from: number, to: number): number {
  let sum = 0;
  for (let k = from; k < to; k++) sum += counts[k]!;
  return sum;
}
