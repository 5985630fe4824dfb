import { gauge, type Metric, type MetricDefinition, NO_RECORDED_VALUE, NumberPointsBuilder } from 'bpflow/sdk';
import { grown, type PendingMetric, removeEnded, type SeriesSet, type SeriesState, type Watcher } from './series.ts';

/** What stands now, by series: handed on with every batch until the series ends. */
export class PendingGauge implements PendingMetric {
  readonly definition: MetricDefinition;
  readonly series: SeriesSet;
  watcher: Watcher | undefined;
  readonly #builder = new NumberPointsBuilder({ integer: true, wide: 'points' });
  #values = new Float64Array(64);
  #endings: number[] = [];

  constructor(definition: MetricDefinition, series: SeriesSet) {
    this.definition = definition;
    this.series = series;
  }

  /** Begins a reading: everything is 0 until it is added to. */
  reset(): void {
    this.#values.fill(0);
  }

  add(series: number, value: number): void {
    if (this.watcher !== undefined) {
      this.watcher(series, value);
      return;
    }
    if (series >= this.#values.length) this.#values = grown(this.#values, series + 1);
    this.#values[series]! += value;
  }

  build(time: bigint, _startTime: bigint): Metric | undefined {
    const { series } = this;
    // What ended is nothing any more, also where it is not known yet whether it would have been handed on.
    this.#endings = [...series.ended];
    const ended = new Set(this.#endings);
    const free = series.free;
    let points = 0;
    for (let number = 0; number < series.size; number++) {
      if (ended.has(number) || free.has(number) || series.gate(number) !== 'open') continue;
      this.#builder.add(series.id(number), this.#values[number] ?? 0);
      points++;
    }
    for (const number of this.#endings) {
      if (series.gate(number) !== 'open') continue;
      this.#builder.add(series.id(number), 0, undefined, undefined, NO_RECORDED_VALUE);
      points++;
    }
    return points === 0 ? undefined : gauge(this.definition, series.table, this.#builder.take(time, 0n));
  }

  /** What stands now is handed on anew with every batch. */
  state(series: number): SeriesState {
    return { waiting: 0, last: this.#values[series] ?? 0 };
  }

  accepted(): number {
    return removeEnded(this.series, this.#endings);
  }
}
