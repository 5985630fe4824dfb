import type { MetricBatch } from '../metrics.ts';

/** An ExportMetricsServiceRequest of all points. */
export function encodeMetrics(_batch: MetricBatch): Uint8Array {
  throw new Error('Metrics cannot be encoded yet.');
}
