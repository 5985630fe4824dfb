import { SeriesInterner } from '../series-interner.ts';
import type { SeriesId, SeriesTable } from '../series-table.ts';

/** Ids of a table on one page: most metrics use few of a table's ids, close together. */
const PAGE_BITS = 8;
const PAGE_MASK = (1 << PAGE_BITS) - 1;

/** Rows that ended are swept out when there are more of them than this, and than rows that live. */
const MIN_DEAD = 1024;

/** What keeps state for each row and can move it. */
export interface RowStates {
  grow(capacity: number): void;
  move(from: number, to: number): void;
  /** Rows from here on are not used any more. */
  truncate(length: number): void;
}

/** Rows of one table by series id. */
export type RowCache = (Uint32Array | undefined)[];

/**
 * One row for each distinct series of a metric, whichever table it is in: tables rotate, series go on.
 *
 *     (table, id) ──▶ row: alive, start, last, seenMs ──▶ state of the metric's kind
 */
export class SeriesRows {
  alive = new Uint8Array(16);
  /** Start time of the series as it is shown, ns. */
  start = new BigUint64Array(16);
  /** Time of the newest point, ns. */
  last = new BigUint64Array(16);
  /** When a point last came, ms on the caller's clock. */
  seenMs = new Float64Array(16);
  /** The row's newest output point, plus one, and the conversion it belongs to. */
  #newestOut = new Uint32Array(16);
  #newestIn = new Float64Array(16);
  #conversion = 0;
  live = 0;
  #interner = unboundedInterner();
  #caches = new WeakMap<SeriesTable, RowCache>();
  readonly #states: RowStates;

  constructor(states: RowStates) {
    this.#states = states;
    states.grow(this.alive.length);
  }

  cacheOf(table: SeriesTable): RowCache {
    let cache = this.#caches.get(table);
    if (cache === undefined) {
      cache = [];
      this.#caches.set(table, cache);
    }
    return cache;
  }

  rowOf(cache: RowCache, table: SeriesTable, id: SeriesId): number {
    const page = cache[id >>> PAGE_BITS];
    const known = page === undefined ? 0 : page[id & PAGE_MASK]!;
    return known !== 0 ? known - 1 : this.#intern(cache, table, id);
  }

  /** Begins a conversion: no row has an output point. */
  beginConversion(): void {
    this.sweep();
    this.#conversion++;
  }

  /** The row's newest output point in this conversion; -1 for none. */
  newest(row: number): number {
    return this.#newestIn[row] === this.#conversion ? this.#newestOut[row]! - 1 : -1;
  }

  /** -1 for none. */
  setNewest(row: number, out: number): void {
    this.#newestIn[row] = this.#conversion;
    this.#newestOut[row] = out + 1;
  }

  begin(row: number): void {
    this.alive[row] = 1;
    this.live++;
  }

  end(row: number): void {
    if (this.alive[row] === 0) return;
    this.alive[row] = 0;
    this.live--;
  }

  /** Ends what was last seen before. */
  expire(beforeMs: number): void {
    const { size } = this.#interner.table;
    for (let row = 0; row < size; row++) if (this.alive[row] === 1 && this.seenMs[row]! < beforeMs) this.end(row);
  }

  /** Sweeps out ended rows when they are many. Rows get other numbers. */
  sweep(): void {
    const old = this.#interner.table;
    const dead = old.size - this.live;
    if (dead <= MIN_DEAD || dead <= this.live) return;
    this.#interner = unboundedInterner();
    this.#caches = new WeakMap();
    for (let row = 0; row < old.size; row++) {
      if (this.alive[row] === 0) continue;
      const to = this.#interner.intern(old.resource(row), old.scope(row), old.attributes(row));
      this.start[to] = this.start[row]!;
      this.last[to] = this.last[row]!;
      this.seenMs[to] = this.seenMs[row]!;
      if (to !== row) this.#states.move(row, to);
    }
    this.alive.fill(0);
    this.alive.fill(1, 0, this.live);
    this.#states.truncate(this.live);
    this.#resize(Math.max(16, 2 ** Math.ceil(Math.log2(this.live + 1))));
  }

  #intern(cache: RowCache, table: SeriesTable, id: SeriesId): number {
    const row = this.#interner.intern(table.resource(id), table.scope(id), table.attributes(id));
    if (row >= this.alive.length) this.#resize(this.alive.length * 2);
    const number = id >>> PAGE_BITS;
    while (cache.length <= number) cache.push(undefined);
    cache[number] ??= new Uint32Array(PAGE_MASK + 1);
    cache[number][id & PAGE_MASK] = row + 1;
    return row;
  }

  #resize(capacity: number): void {
    const rows = Math.min(capacity, this.alive.length);
    const { alive, start, last, seenMs } = this;
    this.alive = new Uint8Array(capacity);
    this.alive.set(alive.subarray(0, rows));
    this.start = new BigUint64Array(capacity);
    this.start.set(start.subarray(0, rows));
    this.last = new BigUint64Array(capacity);
    this.last.set(last.subarray(0, rows));
    this.seenMs = new Float64Array(capacity);
    this.seenMs.set(seenMs.subarray(0, rows));
    const newestOut = this.#newestOut;
    const newestIn = this.#newestIn;
    this.#newestOut = new Uint32Array(capacity);
    this.#newestOut.set(newestOut.subarray(0, rows));
    this.#newestIn = new Float64Array(capacity);
    this.#newestIn.set(newestIn.subarray(0, rows));
    this.#states.grow(capacity);
  }
}

/** Series here end by themselves: no rotation. */
function unboundedInterner(): SeriesInterner {
  return new SeriesInterner({ maxSeries: Number.POSITIVE_INFINITY, minSeries: Number.POSITIVE_INFINITY });
}
