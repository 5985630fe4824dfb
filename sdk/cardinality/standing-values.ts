import { CompensatedSum } from '../../pdata/temporality/compensated-sum.ts';
import type { GaugeAggregation } from './options.ts';

/** What a row shows of the values that went into it. */
interface Aggregate {
  count: number;
  readonly sum: CompensatedSum;
  min: number;
  max: number;
  last: number;
  /** The smallest or largest value has left or changed. */
  stale: boolean;
}

/**
 * The last values of series that were folded although they cannot be added up over time: gauges, and sums that go up and down.
 * A row shows one aggregate of them, so each is remembered until its series ends, is idle, or goes elsewhere.
 *
 *     source ──▶ slot: value, row, seen          row ──▶ aggregate of its slots
 */
export class StandingValues {
  readonly #aggregation: GaugeAggregation;
  readonly #capacity: number;
  readonly #slots = new Map<number, number>();
  readonly #values: number[] = [];
  readonly #rows: number[] = [];
  readonly #seen: number[] = [];
  readonly #free: number[] = [];
  readonly #aggregates = new Map<number, Aggregate>();
  readonly #touched = new Set<number>();

  constructor(aggregation: GaugeAggregation, capacity: number) {
    this.#aggregation = aggregation;
    this.#capacity = capacity;
  }

  /** Sources that are remembered. */
  get size(): number {
    return this.#slots.size;
  }

  /** Whether any row may show something else than before. */
  get isTouched(): boolean {
    return this.#touched.size > 0;
  }

  /** A source's value; it belongs to the row from now on. False when there is no room for another source. */
  set(source: number, row: number, value: number, nowMs: number): boolean {
    if (this.#aggregation === 'last') {
      this.#aggregate(row).last = value;
      this.#touched.add(row);
      return true;
    }
    if (this.#rowOf(source) !== row) this.remove(source);
    let slot = this.#slots.get(source);
    if (slot === undefined) {
      if (this.#slots.size >= this.#capacity) return false;
      slot = this.#free.pop() ?? this.#values.length;
      this.#slots.set(source, slot);
      this.#values[slot] = value;
      this.#rows[slot] = row;
      this.#enter(this.#aggregate(row), value);
    } else if (this.#values[slot] !== value) {
      const aggregate = this.#aggregate(row);
      this.#leave(aggregate, this.#values[slot]!);
      this.#values[slot] = value;
      this.#enter(aggregate, value);
    }
    this.#seen[slot] = nowMs;
    this.#touched.add(row);
    return true;
  }

  /** The source has no part in any row any more. */
  remove(source: number): void {
    const slot = this.#slots.get(source);
    if (slot === undefined) return;
    this.#take(slot);
    this.#slots.delete(source);
    this.#free.push(slot);
  }

  /** Forgets a row that ended. */
  end(row: number): void {
    this.#aggregates.delete(row);
    this.#touched.delete(row);
    for (const [source, slot] of this.#slots) {
      if (this.#rows[slot] !== row) continue;
      this.#slots.delete(source);
      this.#free.push(slot);
    }
  }

  /** Lets go of sources last seen before, and adds up anew, so that rounding does not pile up. */
  expire(beforeMs: number): void {
    for (const [source, slot] of this.#slots) if (this.#seen[slot]! < beforeMs) this.remove(source);
    for (const aggregate of this.#aggregates.values()) aggregate.stale = true;
  }

  /** Rows whose aggregate may have changed since they were last asked for, with their values. */
  takeTouched(): ReadonlyMap<number, number> {
    this.#refresh();
    const values = new Map<number, number>();
    for (const row of this.#touched) {
      const value = this.#valueOf(this.#aggregates.get(row)!);
      if (value !== undefined) values.set(row, value);
    }
    this.#touched.clear();
    return values;
  }

  #valueOf({ count, sum, min, max, last }: Aggregate): number | undefined {
    if (this.#aggregation === 'last') return last;
    if (count === 0) return this.#aggregation === 'sum' ? 0 : undefined;
    switch (this.#aggregation) {
      case 'sum':
        return sum.value;
      case 'mean':
        return sum.value / count;
      case 'min':
        return min;
      case 'max':
        return max;
      default:
        return this.#aggregation satisfies never;
    }
  }

  #aggregate(row: number): Aggregate {
    let aggregate = this.#aggregates.get(row);
    if (aggregate === undefined) {
      aggregate = fresh();
      this.#aggregates.set(row, aggregate);
    }
    return aggregate;
  }

  #rowOf(source: number): number {
    const slot = this.#slots.get(source);
    return slot === undefined ? -1 : this.#rows[slot]!;
  }

  #take(slot: number): void {
    const row = this.#rows[slot]!;
    const aggregate = this.#aggregates.get(row);
    if (aggregate === undefined) return;
    this.#leave(aggregate, this.#values[slot]!);
    this.#touched.add(row);
  }

  #enter(aggregate: Aggregate, value: number): void {
    aggregate.count++;
    aggregate.sum.add(value);
    aggregate.min = Math.min(aggregate.min, value);
    aggregate.max = Math.max(aggregate.max, value);
  }

  #leave(aggregate: Aggregate, value: number): void {
    aggregate.count--;
    aggregate.sum.add(-value);
    const wasExtreme = value <= aggregate.min || value >= aggregate.max;
    const needsExtremes = this.#aggregation === 'min' || this.#aggregation === 'max';
    if ((needsExtremes && wasExtreme) || !Number.isFinite(value)) aggregate.stale = true;
  }

  /** Aggregates anew what cannot be kept up by adding and taking away. */
  #refresh(): void {
    const stale = new Set<Aggregate>();
    for (const row of this.#touched) {
      const aggregate = this.#aggregates.get(row)!;
      if (!aggregate.stale) continue;
      reset(aggregate);
      stale.add(aggregate);
    }
    if (stale.size === 0 || this.#aggregation === 'last') return;
    for (const slot of this.#slots.values()) {
      const aggregate = this.#aggregates.get(this.#rows[slot]!);
      if (aggregate === undefined || !stale.has(aggregate)) continue;
      this.#enter(aggregate, this.#values[slot]!);
    }
  }
}

function fresh(): Aggregate {
  const aggregate = { count: 0, sum: new CompensatedSum(), min: 0, max: 0, last: 0, stale: false };
  reset(aggregate);
  return aggregate;
}

function reset(aggregate: Aggregate): void {
  aggregate.count = 0;
  aggregate.sum.set(0);
  aggregate.min = Number.POSITIVE_INFINITY;
  aggregate.max = Number.NEGATIVE_INFINITY;
  aggregate.stale = false;
}
