import { encodedItems, isEncoded } from './encoded-batch.ts';
import type { LogBatch } from './logs.ts';
import { countPoints, type MetricBatch } from './metrics.ts';
import type { SpanBatch } from './traces.ts';

/** Every signal and the batch that carries it. */
export interface Signals {
  readonly metrics: MetricBatch;
  readonly logs: LogBatch;
  readonly traces: SpanBatch;
}

export type Signal = keyof Signals;
export type Batch = Signals[Signal];

export const SIGNALS: readonly Signal[] = ['metrics', 'logs', 'traces'];

/** Items of a batch as ledgers count them: data points, log records, spans. */
export function countItems(batch: Batch): number {
  if (isEncoded(batch)) return encodedItems(batch);
  return batch.signal === 'metrics' ? countPoints(batch) : batch.length;
}
