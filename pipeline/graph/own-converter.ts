import { isEncoded } from '../../pdata/encoded-batch.ts';
import type { Metric, MetricBatch, Temporality } from '../../pdata/metrics.ts';
import { TemporalityConverter } from '../../pdata/temporality/converter.ts';
import type { WantedTemporality } from '../../sdk/component.ts';
import type { ExpiringConverter } from './build.ts';

/** The converter for what a component wants. */
export function createConverter(wanted: Exclude<WantedTemporality, 'any'>, idleTimeoutMs: number): ExpiringConverter {
  switch (wanted) {
    case 'cumulative':
    case 'delta':
      return new TemporalityConverter({ to: wanted, idleTimeoutMs });
    case 'own_cumulative':
      return new OwnConverter('cumulative', idleTimeoutMs);
    case 'own_delta':
      return new OwnConverter('delta', idleTimeoutMs);
    default:
      return wanted satisfies never;
  }
}

/** Converts the agent's own metrics and lets foreign ones pass. */
class OwnConverter implements ExpiringConverter {
  readonly #converter: TemporalityConverter;

  constructor(to: Temporality, idleTimeoutMs: number) {
    this.#converter = new TemporalityConverter({ to, idleTimeoutMs });
  }

  get dropped(): ReadonlyMap<string, number> {
    return this.#converter.dropped;
  }

  convert(batch: MetricBatch, now: bigint): MetricBatch {
    if (isEncoded(batch)) return batch;
    const own: Metric[] = [];
    const foreign: Metric[] = [];
    for (const metric of batch.metrics) (metric.definition === undefined ? foreign : own).push(metric);
    if (own.length === 0) return batch;
    if (foreign.length === 0) return this.#converter.convert(batch, now);
    const converted = this.#converter.convert({ signal: 'metrics', metrics: own }, now);
    return { signal: 'metrics', metrics: [...converted.metrics, ...foreign] };
  }

  expire(now: bigint): void {
    this.#converter.expire(now);
  }
}
