import type { Scope } from 'bpflow/sdk';

/** What made a batch leave. A flush counts as a timeout, as in the Collector. */
export type Trigger = 'size' | 'timeout';

const SIZES = [
  10, 25, 50, 75, 100, 250, 500, 750, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000, 10000, 20000, 30000, 50000,
  100000,
];

/** The Collector's instruments of this processor; the result enters one batch that was sent. */
export function batchTelemetry(scope: Scope, combinations: () => number): (trigger: Trigger, items: number) => void {
  const attributes = { processor: scope.id.toString() };
  const size = scope.meter.createHistogram('otelcol_processor_batch_batch_send_size', {
    description: 'Number of units in the batch.',
    unit: '{units}',
    advice: { explicitBucketBoundaries: SIZES },
  });
  const triggers = {
    size: scope.meter.createCounter('otelcol_processor_batch_batch_size_trigger_send', {
      description: 'Number of times the batch was sent due to a size trigger.',
      unit: '{times}',
    }),
    timeout: scope.meter.createCounter('otelcol_processor_batch_timeout_trigger_send', {
      description: 'Number of times the batch was sent due to a timeout trigger.',
      unit: '{times}',
    }),
  };
  scope.meter
    .createObservableGauge('otelcol_processor_batch_metadata_cardinality', {
      description: 'Number of distinct metadata value combinations being processed.',
      unit: '{combinations}',
    })
    .addCallback((result) => result.observe(combinations(), attributes));
  return (trigger, items) => {
    triggers[trigger].add(1, attributes);
    size.record(items, attributes);
  };
}
