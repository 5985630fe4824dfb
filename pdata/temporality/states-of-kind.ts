import type { ExponentialHistogram, Histogram, PointColumns, Sum } from '../metrics.ts';
import { ExponentialStates } from './exponential-states.ts';
import { HistogramStates } from './histogram-states.ts';
import { NumberStates } from './number-states.ts';
import type { PointStates } from './point-states.ts';

/** States for the points of a metric of this kind. `monotonic`: a sum that falls is refused. */
export function pointStatesOf(
  kind: (Sum | Histogram | ExponentialHistogram)['kind'],
  monotonic: boolean,
): PointStates<PointColumns> {
  switch (kind) {
    case 'sum':
      return new NumberStates(monotonic) as unknown as PointStates<PointColumns>;
    case 'histogram':
      return new HistogramStates() as unknown as PointStates<PointColumns>;
    case 'exponential_histogram':
      return new ExponentialStates() as unknown as PointStates<PointColumns>;
    default:
      return kind satisfies never;
  }
}
