import {
  type AttributeSet,
  type InstrumentationScope,
  type Metric,
  type MetricDefinition,
  NO_RECORDED_VALUE,
  NumberPointsBuilder,
  type Resource,
  type SeriesId,
  type SeriesInterner,
  type SeriesTable,
  sum,
} from 'bpflow/sdk';
import type { Gate } from '../filters/gate.ts';

/** Who a series is about, as it is told apart in the pipeline. */
export interface SeriesIdentity {
  readonly resource: Resource;
  readonly attributes: AttributeSet;
  /** Whether it is handed on; undefined: always. */
  readonly gate?: Gate;
}

/**
 * The series of one metric under dense numbers. Several keys of the kernel may feed one series (they differ in what is not
 * a label); it ends when the last of them has ended and is free for another one after its end was handed on.
 */
export class SeriesSet {
  readonly #interner: SeriesInterner;
  readonly #scope: InstrumentationScope;
  readonly #byKey = new Map<string, number>();
  readonly #entries: { key: string; identity: SeriesIdentity; feeders: number; id: SeriesId }[] = [];
  readonly #free: number[] = [];
  readonly #ended = new Set<number>();
  /** Whether any series may have to wait. */
  #gated = false;
  /** The table that the ids belong to. */
  #table: SeriesTable | undefined;

  constructor(interner: SeriesInterner, scope: InstrumentationScope) {
    this.#interner = interner;
    this.#scope = scope;
  }

  /** Numbers in use, ended ones included, are below this. */
  get size(): number {
    return this.#entries.length;
  }

  /** Numbers below {@link size} that no series has. */
  get free(): ReadonlySet<number> {
    return new Set(this.#free);
  }

  /** Series without a feeder, whose end was not handed on yet. */
  get ended(): ReadonlySet<number> {
    return this.#ended;
  }

  /** The number of the series with this key, which gets one more feeder; `identify` is called only for a new one. */
  open(key: string, identify: () => SeriesIdentity): number {
    const known = this.#byKey.get(key);
    if (known !== undefined) {
      this.#entries[known]!.feeders++;
      this.#ended.delete(known);
      return known;
    }
    const number = this.#free.pop() ?? this.#entries.length;
    const identity = identify();
    if (identity.gate !== undefined) this.#gated = true;
    this.#entries[number] = { key, identity, feeders: 1, id: NOT_INTERNED };
    this.#byKey.set(key, number);
    return number;
  }

  /** Whether the series is handed on, or kept until that is known. */
  gate(number: number): Gate['state'] {
    return this.#entries[number]?.identity.gate?.state ?? 'open';
  }

  /** One feeder has ended. */
  close(number: number): void {
    const entry = this.#entries[number]!;
    if (--entry.feeders === 0) this.#ended.add(number);
  }

  /** Frees an ended series. */
  remove(number: number): void {
    this.#ended.delete(number);
    this.#byKey.delete(this.#entries[number]!.key);
    this.#free.push(number);
  }

  /** The series' handle in the interner's present table. */
  id(number: number): SeriesId {
    if (this.#table !== this.#interner.table) {
      this.#table = this.#interner.table;
      for (const entry of this.#entries) entry.id = NOT_INTERNED;
    }
    const entry = this.#entries[number]!;
    if (entry.id === NOT_INTERNED) {
      entry.id = this.#interner.intern(entry.identity.resource, this.#scope, entry.identity.attributes);
    }
    return entry.id;
  }

  /** Every series that lives, with its number. */
  identities(): readonly (readonly [number: number, identity: SeriesIdentity])[] {
    return [...this.#byKey.values()].map((number) => [number, this.#entries[number]!.identity] as const);
  }

  /** Series that wait to be handed on. */
  waiting(): number[] {
    return this.#gated ? [...this.#byKey.values()].filter((number) => this.gate(number) === 'waiting') : [];
  }

  get table(): SeriesTable {
    return this.#interner.table;
  }
}

const NOT_INTERNED = -1;

/** What a metric has grown by since a batch with it was last accepted. */
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

/** A counter's pending growth by series. */
export class PendingSum implements PendingMetric {
  readonly definition: MetricDefinition;
  readonly series: SeriesSet;
  watcher: Watcher | undefined;
  readonly #builder = new NumberPointsBuilder({ integer: true, wide: 'points' });
  #values = new Float64Array(64);
  #last = new Float64Array(0);
  #endings: number[] = [];

  constructor(definition: MetricDefinition, series: SeriesSet) {
    this.definition = definition;
    this.series = series;
  }

  add(series: number, value: number): void {
    if (this.watcher !== undefined) {
      this.watcher(series, value);
      return;
    }
    if (series >= this.#values.length) this.#values = grown(this.#values, series + 1);
    this.#values[series]! += value;
  }

  build(time: bigint, startTime: bigint): Metric | undefined {
    const { series } = this;
    let points = 0;
    for (let number = 0, size = Math.min(series.size, this.#values.length); number < size; number++) {
      const value = this.#values[number]!;
      if (value === 0 || series.gate(number) !== 'open') continue;
      this.#builder.add(series.id(number), value);
      points++;
    }
    this.#endings = endingsOf(series, (number) => (this.#values[number] ?? 0) === 0);
    for (const number of this.#endings) {
      if (series.gate(number) === 'closed') continue;
      this.#builder.add(series.id(number), 0, undefined, undefined, NO_RECORDED_VALUE);
      points++;
    }
    if (points === 0) return undefined;
    const taken = this.#builder.take(time, startTime);
    return sum(this.definition, series.table, taken, { monotonic: true, temporality: 'delta' });
  }

  state(series: number): SeriesState {
    return { waiting: this.#values[series] ?? 0, last: this.#last[series] ?? 0 };
  }

  accepted(): number {
    this.#last = handedOn(this.#last, this.series, this.#values, 1);
    clearHandedOn(this.series, this.#values, 1);
    return removeEnded(this.series, this.#endings);
  }
}

/** Ended series of which nothing is left to hand on. What waits is not among them, what never is handed on is. */
export function endingsOf(series: SeriesSet, isEmpty: (number: number) => boolean): number[] {
  return [...series.ended].filter((number) => {
    const gate = series.gate(number);
    return gate === 'closed' || (gate === 'open' && isEmpty(number));
  });
}

/** The rows that are handed on now, in the place of those before. */
export function handedOn(
  before: Float64Array<ArrayBuffer>,
  series: SeriesSet,
  values: Float64Array<ArrayBuffer>,
  width: number,
): Float64Array<ArrayBuffer> {
  const last = before.length === values.length ? before : new Float64Array(values.length);
  last.set(values);
  for (const number of series.waiting()) last.fill(0, number * width, (number + 1) * width);
  return last;
}

/** Zeroes rows of values, but those that wait. */
export function clearHandedOn(series: SeriesSet, values: Float64Array, width: number): void {
  const waiting = series.waiting();
  const kept = waiting.map((number) => values.slice(number * width, (number + 1) * width));
  values.fill(0);
  for (const [i, number] of waiting.entries()) if (kept[i]!.length === width) values.set(kept[i]!, number * width);
}

/** Frees those of the series that are still ended; returns how many. */
export function removeEnded(series: SeriesSet, numbers: readonly number[]): number {
  let removed = 0;
  for (const number of numbers) {
    if (!series.ended.has(number)) continue;
    series.remove(number);
    removed++;
  }
  return removed;
}

/** The same values with room for at least so many. */
export function grown(values: Float64Array<ArrayBuffer>, least: number): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(Math.max(least, values.length * 2));
  larger.set(values);
  return larger;
}
