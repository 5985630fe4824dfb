import { type Metric, NO_RECORDED_VALUE, NumberPointsBuilder, sum } from 'bpflow/sdk';
import { PendingGrowth, type Times } from './pending.ts';

/** A counter's pending growth by series. */
export class PendingSum extends PendingGrowth<number> {
  readonly #builder = new NumberPointsBuilder({ integer: true, wide: 'points' });

  protected metric(growing: readonly number[], ended: readonly number[], { time, startTime }: Times): Metric {
    const { series } = this;
    for (const number of growing) this.#builder.add(series.id(number), this.values[number]!);
    for (const number of ended) this.#builder.add(series.id(number), 0, undefined, undefined, NO_RECORDED_VALUE);
    const points = this.#builder.take(time, startTime);
    return sum(this.definition, series.table, points, { monotonic: true, temporality: 'delta' });
  }
}
