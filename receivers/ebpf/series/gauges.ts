import { gauge, type Metric, NO_RECORDED_VALUE, NumberPointsBuilder } from 'bpflow/sdk';
import { PendingValues, type SeriesState } from './pending.ts';

/** What stands now, by series: handed on with every batch until the series ends. */
export class PendingGauge extends PendingValues<number> {
  readonly #builder = new NumberPointsBuilder({ integer: true, wide: 'points' });

  /** Begins a reading: everything is 0 until it is added to. */
  reset(): void {
    this.values.fill(0);
  }

  build(time: bigint, _startTime: bigint): Metric | undefined {
    const { series } = this;
    // What ended is nothing any more, also where it is not known yet whether it would have been handed on.
    this.endings = [...series.ended];
    const ended = new Set(this.endings);
    const free = series.free;
    let points = 0;
    for (let number = 0; number < series.size; number++) {
      if (ended.has(number) || free.has(number) || series.gate(number) !== 'open') continue;
      this.#builder.add(series.id(number), this.values[number] ?? 0);
      points++;
    }
    for (const number of this.endings) {
      if (series.gate(number) !== 'open') continue;
      this.#builder.add(series.id(number), 0, undefined, undefined, NO_RECORDED_VALUE);
      points++;
    }
    return points === 0 ? undefined : gauge(this.definition, series.table, this.#builder.take(time, 0n));
  }

  /** What stands now is handed on anew with every batch. */
  state(series: number): SeriesState {
    return { waiting: 0, last: this.values[series] ?? 0 };
  }
}
