import type { Metric, MetricDefinition } from 'bpflow/sdk';
import type { SeriesSet } from './series.ts';

/** What waits of a metric to be handed on with the next batch. */
export interface PendingMetric {
  readonly definition: MetricDefinition;
  readonly series: SeriesSet;
  /** What is added is told to the watcher instead, until there is none again. */
  watcher: Watcher | undefined;
  /** A series' value, a histogram's count: what waits to be handed on, and what was handed on last. */
  state(series: number): SeriesState;
  /** The metric with everything pending; undefined when there is nothing. Changes nothing. */
  build(time: bigint, startTime: bigint): Metric | undefined;
  /** What was built is accepted: it is pending no longer. Returns the number of series that have ended with it. */
  accepted(): number;
}

export type Watcher = (series: number, value: number | Float64Array) => void;

export interface SeriesState {
  readonly waiting: number;
  readonly last: number;
}

/** The numbers of a metric by series: one for each (`number`), or a row of them (`Float64Array`). */
export abstract class PendingValues<Value extends number | Float64Array> implements PendingMetric {
  readonly definition: MetricDefinition;
  readonly series: SeriesSet;
  watcher: Watcher | undefined;
  /** Rows of {@link width}, by the series' numbers; there may be fewer rows than series. */
  protected values: Float64Array<ArrayBuffer>;
  protected readonly width: number;
  /** Series whose end was built. */
  protected endings: readonly number[] = [];

  constructor(definition: MetricDefinition, series: SeriesSet, width = 1) {
    this.definition = definition;
    this.series = series;
    this.width = width;
    this.values = new Float64Array(16 * width);
  }

  add(series: number, value: Value): void {
    if (this.watcher !== undefined) {
      this.watcher(series, value);
      return;
    }
    const at = series * this.width;
    if (at >= this.values.length) this.values = grown(this.values, at + this.width);
    if (typeof value === 'number') this.values[at]! += value;
    else for (let i = 0; i < this.width; i++) this.values[at + i]! += value[i]!;
  }

  abstract state(series: number): SeriesState;
  abstract build(time: bigint, startTime: bigint): Metric | undefined;

  accepted(): number {
    const ended = this.endings.filter((number) => this.series.ended.has(number));
    for (const number of ended) this.series.remove(number);
    return ended.length;
  }
}

/** What the series of a metric have grown by since a batch was last accepted. A series without growth has no point. */
export abstract class PendingGrowth<Growth extends number | Float64Array> extends PendingValues<Growth> {
  /** The first counter of a row that counts; before it are sums. */
  readonly #firstCount: number;
  /** What was handed on last. */
  #last = new Float64Array(0);

  constructor(definition: MetricDefinition, series: SeriesSet, width = 1, firstCount = 0) {
    super(definition, series, width);
    this.#firstCount = firstCount;
  }

  /** A metric with what these series have grown by, and that those have ended. */
  protected abstract metric(growing: readonly number[], ended: readonly number[], time: Times): Metric;

  build(time: bigint, startTime: bigint): Metric | undefined {
    const { series } = this;
    const growing: number[] = [];
    for (let number = 0; number < series.size; number++) {
      if (this.#count(this.values, number) !== 0 && series.gate(number) === 'open') growing.push(number);
    }
    // Ended series of which nothing is left to hand on. What waits is not among them, what never is handed on is.
    this.endings = [...series.ended].filter((number) => {
      const gate = series.gate(number);
      return gate === 'closed' || (gate === 'open' && this.#count(this.values, number) === 0);
    });
    const ended = this.endings.filter((number) => series.gate(number) === 'open');
    if (growing.length === 0 && ended.length === 0) return undefined;
    return this.metric(growing, ended, { time, startTime });
  }

  state(series: number): SeriesState {
    return { waiting: this.#count(this.values, series), last: this.#count(this.#last, series) };
  }

  override accepted(): number {
    const waiting = this.series.waiting();
    if (this.#last.length !== this.values.length) this.#last = new Float64Array(this.values.length);
    this.#last.set(this.values);
    this.values.fill(0);
    for (const number of waiting) {
      const [from, to] = [number * this.width, (number + 1) * this.width];
      if (to > this.values.length) continue;
      this.values.set(this.#last.subarray(from, to), from);
      this.#last.fill(0, from, to);
    }
    return super.accepted();
  }

  #count(values: Float64Array, number: number): number {
    const at = number * this.width;
    let count = 0;
    for (let i = at + this.#firstCount, end = at + this.width; i < end; i++) count += values[i] ?? 0;
    return count;
  }
}

export interface Times {
  readonly time: bigint;
  readonly startTime: bigint;
}

/** The same values with room for at least so many. */
function grown(values: Float64Array<ArrayBuffer>, least: number): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(Math.max(least, values.length * 2));
  larger.set(values);
  return larger;
}
