import type { MetricBatch } from '../../pdata/metrics.ts';
import { countItems } from '../../pdata/signals.ts';
import type { Clock } from '../../sdk/scope.ts';
import { isPromise } from './blame.ts';
import type { Edge } from './edges.ts';
import type { Declarations, Ledger } from './ledger.ts';

/** What the core needs of a temporality converter. */
export interface Converter {
  convert(batch: MetricBatch, now: bigint): MetricBatch;
  /** Points that led to none, by reason, since the beginning. */
  readonly dropped: ReadonlyMap<string, number>;
}

/**
 * Puts a converter before a component's input. Since converting adds each batch to the converter's state, a batch that
 * failed after that and is offered again gets its first conversion again, not a second one.
 */
export function convertBefore(converter: Converter, clock: Clock, ledger: Ledger, next: Edge): Edge {
  const conversions = new WeakMap<MetricBatch, Conversion>();
  return {
    refusal: () => next.refusal(),
    consume(batch, abort) {
      const metrics = batch as MetricBatch;
      const conversion = conversions.get(metrics) ?? convert(converter, metrics, clock.now());
      conversions.set(metrics, conversion);
      const accepted = (): void => {
        ledger.received('metrics', conversion.absorbed);
        ledger.enter(conversion.declared);
      };
      if (conversion.result.metrics.length === 0) return accepted();
      const outcome = next.consume(conversion.result, abort);
      return isPromise(outcome) ? outcome.then(accepted) : accepted();
    },
  };
}

interface Conversion {
  readonly result: MetricBatch;
  /** Points that do not reach the component. */
  readonly absorbed: number;
  readonly declared: Declarations;
}

/** What a conversion takes away and does not call dropped went into other points of its series. */
function convert(converter: Converter, batch: MetricBatch, now: bigint): Conversion {
  const before = new Map(converter.dropped);
  const result = converter.convert(batch, now);
  const dropped = new Map<string, number>();
  let merged = countItems(batch) - countItems(result);
  const absorbed = Math.max(0, merged);
  for (const [reason, total] of converter.dropped) {
    const count = total - (before.get(reason) ?? 0);
    dropped.set(reason, count);
    merged -= count;
  }
  const created = new Map(merged < 0 ? [['temporality', -merged]] : []);
  return { result, absorbed, declared: { dropped, created, merged: Math.max(0, merged) } };
}
