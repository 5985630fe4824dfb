import type { Signal } from '../../../pdata/signals.ts';
import type { Meter } from '../../otel.ts';
import type { QueueTotals } from './queue.ts';

/** What the queues' metrics are read from. */
export interface QueueView {
  readonly signal: Signal;
  readonly totals: QueueTotals;
  /** In units of the queue's sizer. */
  readonly size: number;
  readonly capacity: number;
  readonly inFlight: number;
}

/** Records the items and bytes of one batch that a queue sent. */
export type RecordBatch = (signal: Signal, items: number, bytes: number) => void;

const ITEM_BOUNDS = [
  10, 25, 50, 75, 100, 250, 500, 750, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000, 10_000, 20_000, 30_000,
  50_000, 100_000,
];
const BYTE_BOUNDS = [100, 1000, 10_000, 100_000, 500_000, 1_000_000, 2_000_000, 4_000_000, 10_000_000, 50_000_000];

/** The Collector's instruments of queues. What was sent and what failed the core publishes: see `Exporter.outcomes`. */
export function queueTelemetry(
  meter: Meter,
  exporter: string,
  queues: () => Iterable<QueueView>,
  batches: boolean,
): RecordBatch {
  const gauge = (name: string, description: string, read: (queue: QueueView) => number): void =>
    meter.createObservableGauge(name, { description }).addCallback((result) => {
      for (const queue of queues()) result.observe(read(queue), { exporter, data_type: queue.signal });
    });
  gauge('otelcol_exporter_queue_size', 'Current size of the retry queue. [Alpha]', ({ size }) => size);
  gauge('otelcol_exporter_queue_capacity', 'Fixed capacity of the retry queue. [Alpha]', ({ capacity }) => capacity);
  gauge(
    'otelcol_exporter_in_flight_requests',
    'Number of requests that are being sent. [Alpha]',
    ({ inFlight }) => inFlight,
  );
  if (!batches) return () => {};
  const items = meter.createHistogram('otelcol_exporter_queue_batch_send_size', {
    description: 'Number of units in the batch [Alpha]',
    unit: '{unit}',
    advice: { explicitBucketBoundaries: ITEM_BOUNDS },
  });
  const bytes = meter.createHistogram('otelcol_exporter_queue_batch_send_size_bytes', {
    description: 'Number of bytes in batch that was sent. [Alpha]',
    unit: 'By',
    advice: { explicitBucketBoundaries: BYTE_BOUNDS },
  });
  return (signal, itemCount, byteCount) => {
    const labels = { exporter, data_type: signal };
    items.record(itemCount, labels);
    bytes.record(byteCount, labels);
  };
}
