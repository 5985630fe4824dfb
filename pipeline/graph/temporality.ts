import type { MetricBatch } from '../../pdata/metrics.ts';
import { countItems } from '../../pdata/signals.ts';
import type { Clock } from '../../sdk/scope.ts';
import { isPromise } from './blame.ts';
import type { Edge } from './edges.ts';
import type { Ledger } from './ledger.ts';

/** What the core needs of a temporality converter. */
export interface Converter {
  convert(batch: MetricBatch, now: bigint): MetricBatch;
}

/**
 * Puts a converter before a component's input. Since converting adds each batch to the converter's state, a batch that
 * failed after that and is offered again gets its first conversion again, not a second one.
 */
export function convertBefore(converter: Converter, clock: Clock, ledger: Ledger, next: Edge): Edge {
  const converted = new WeakMap<MetricBatch, MetricBatch>();
  return {
    refusal: () => next.refusal(),
    consume(batch, abort) {
      const metrics = batch as MetricBatch;
      const result = converted.get(metrics) ?? converter.convert(metrics, clock.now());
      converted.set(metrics, result);
      const absorbed = countItems(metrics) - countItems(result);
      const accepted = (): void => {
        ledger.received('metrics', Math.max(0, absorbed));
        ledger.drop(absorbed, 'temporality');
        ledger.create(-absorbed, 'temporality');
      };
      if (result.metrics.length === 0) return accepted();
      const outcome = next.consume(result, abort);
      return isPromise(outcome) ? outcome.then(accepted) : accepted();
    },
  };
}
