import { encodedItems, isEncoded } from './encoded-batch.ts';
import type { LogBatch } from './logs.ts';
import { countPoints, type MetricBatch } from './metrics.ts';
import type { ProfileBatch } from './profiles.ts';
import type { SpanBatch } from './traces.ts';

/** Every signal and the batch that carries it. */
export interface Signals {
  readonly metrics: MetricBatch;
  readonly logs: LogBatch;
  readonly traces: SpanBatch;
  readonly profiles: ProfileBatch;
}

export type Signal = keyof Signals;
export type Batch = Signals[Signal];

/** The signals whose batches are columns: they can be joined, split and changed. Profiles go through as they came. */
export type ColumnSignal = Exclude<Signal, 'profiles'>;
export type ColumnBatch = Signals[ColumnSignal];

export const SIGNALS: readonly Signal[] = ['metrics', 'logs', 'traces', 'profiles'];

/** What the items of a signal are called, in metrics and in texts. */
export const ITEM_NAMES: Readonly<Record<Signal, { readonly key: string; readonly text: string }>> = {
  metrics: { key: 'metric_points', text: 'metric points' },
  logs: { key: 'log_records', text: 'log records' },
  traces: { key: 'spans', text: 'spans' },
  profiles: { key: 'profile_samples', text: 'profile samples' },
};

/** Whether batches of the signal are columns. */
export function hasColumns(signal: Signal): signal is ColumnSignal {
  return signal !== 'profiles';
}

/** Items of a batch as ledgers count them: data points, log records, spans, samples. */
export function countItems(batch: Batch): number {
  if (isEncoded(batch)) return encodedItems(batch);
  return batch.signal === 'metrics' ? countPoints(batch) : batch.length;
}
