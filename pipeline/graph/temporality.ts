import type { MetricBatch } from '../../pdata/metrics.ts';
import { countItems } from '../../pdata/signals.ts';
import { inheritClient } from '../../sdk/client.ts';
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
 * A converter with what it made of the batches that were refused. Since converting adds a batch to the converter's state, one
 * that is offered again after a failure gets its first conversion again, not a second one, also where another instance now
 * takes it.
 *
 * Nothing is remembered of batches that were accepted: what a WeakMap has for an object survives every collection of V8's
 * young generation with it, and a request in memory outside the heap would wait for a full one.
 */
export class History<C extends Converter = Converter> {
  readonly converter: C;
  readonly #refused = new WeakMap<MetricBatch, Conversion>();

  constructor(converter: C) {
    this.converter = converter;
  }

  conversion(batch: MetricBatch, clock: Clock): Conversion {
    return this.#refused.get(batch) ?? convert(this.converter, batch, clock.now());
  }

  refused(batch: MetricBatch, conversion: Conversion): void {
    this.#refused.set(batch, conversion);
  }
}

/** Puts a converter before a component's input. */
export function convertBefore(history: History, clock: Clock, ledger: Ledger, next: Edge): Edge {
  return {
    refusal: (items) => next.refusal(items),
    consume(batch, abort) {
      const conversion = history.conversion(batch as MetricBatch, clock);
      const accepted = (): void => {
        ledger.received('metrics', conversion.absorbed);
        ledger.enter(conversion.declared);
      };
      const refused = (thrown: unknown): never => {
        history.refused(batch as MetricBatch, conversion);
        throw thrown;
      };
      if (countItems(conversion.result) === 0) return accepted();
      let outcome: void | Promise<void>;
      try {
        outcome = next.consume(conversion.result, abort);
      } catch (thrown) {
        return refused(thrown);
      }
      return isPromise(outcome) ? outcome.then(accepted, refused) : accepted();
    },
  };
}

export interface Conversion {
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
  return {
    result: inheritClient(batch, result),
    absorbed,
    declared: { dropped, created, merged: Math.max(0, merged) },
  };
}
