import { concatMetrics, splitMetrics } from './concat-metrics.ts';
import { type EncodedBatch, encodedBatch, encodedItems, encodedParts, isEncoded, plainBatch } from './encoded-batch.ts';
import type { LogBatch } from './logs.ts';
import type { MetricBatch } from './metrics.ts';
import { concatLogs, splitLogs } from './pick-logs.ts';
import { concatSpans, splitSpans } from './pick-spans.ts';
import type { ColumnSignal, Signal, Signals } from './signals.ts';
import type { SpanBatch } from './traces.ts';

/** One batch of at least one batch of a signal. */
export function concatBatches<S extends ColumnSignal>(signal: S, batches: readonly Signals[S][]): Signals[S] {
  if (batches.length === 0) throw new RangeError('There is no batch of nothing.');
  if (batches.length > 1 && batches.every((batch) => isEncoded(batch))) return joined(signal, batches);
  return CONCAT[signal](batches);
}

/** A batch in pieces of at most `maxItems` data points, log records or spans; profiles come in one piece. */
export function splitBatch<S extends Signal>(signal: S, batch: Signals[S], maxItems: number): Signals[S][] {
  return SPLIT[signal](batch, maxItems);
}

/** Requests behind one another are one request. Columns are made of each, if they are ever needed. */
function joined<S extends ColumnSignal>(signal: S, batches: readonly (Signals[S] & EncodedBatch)[]): Signals[S] {
  let items = 0;
  for (const batch of batches) items += encodedItems(batch);
  return encodedBatch(signal, batches.flatMap(encodedParts), items, () => CONCAT[signal](batches.map(plainBatch<S>)));
}

const CONCAT: { readonly [S in ColumnSignal]: (batches: readonly Signals[S][]) => Signals[S] } = {
  metrics: (batches: readonly MetricBatch[]) => concatMetrics(batches),
  logs: (batches: readonly LogBatch[]) => concatLogs(batches),
  traces: (batches: readonly SpanBatch[]) => concatSpans(batches),
};

const SPLIT: { readonly [S in Signal]: (batch: Signals[S], maxItems: number) => Signals[S][] } = {
  metrics: splitMetrics,
  logs: splitLogs,
  traces: splitSpans,
  profiles: (batch) => [batch],
};
