import type { MetricBatch } from '../metrics.ts';
import type { SeriesInterner } from '../series-interner.ts';

/** The points of an ExportMetricsServiceRequest that `checkRequest` has passed, as columns. */
export function decodeMetrics(_bytes: Uint8Array, _interner: SeriesInterner): MetricBatch {
  throw new Error('Metrics cannot be decoded yet.');
}
