import type { SeriesId, SeriesTable } from '../../pdata/series-table.ts';

/** Ids of a table on one page: most metrics use few of a table's ids, close together. */
const PAGE_BITS = 8;
const PAGE = 1 << PAGE_BITS;
const PAGE_MASK = PAGE - 1;

/** Whole numbers by series id of one table; 0 where none was set. */
export class SeriesNumbers {
  readonly #pages: (Uint32Array | undefined)[] = [];

  get(id: SeriesId): number {
    const page = this.#pages[id >>> PAGE_BITS];
    return page === undefined ? 0 : page[id & PAGE_MASK]!;
  }

  set(id: SeriesId, value: number): void {
    const number = id >>> PAGE_BITS;
    while (this.#pages.length <= number) this.#pages.push(undefined);
    this.#pages[number] ??= new Uint32Array(PAGE);
    this.#pages[number][id & PAGE_MASK] = value;
  }
}

/** The same for keys of 53 bits. */
export class SeriesKeys {
  readonly #pages: (Float64Array | undefined)[] = [];

  get(id: SeriesId): number {
    const page = this.#pages[id >>> PAGE_BITS];
    return page === undefined ? 0 : page[id & PAGE_MASK]!;
  }

  set(id: SeriesId, key: number): void {
    const number = id >>> PAGE_BITS;
    while (this.#pages.length <= number) this.#pages.push(undefined);
    this.#pages[number] ??= new Float64Array(PAGE);
    this.#pages[number][id & PAGE_MASK] = key;
  }
}

/** What is remembered of the series of one table, for one metric. */
export class SeriesCache {
  /** Series → binding. */
  readonly bindings = new SeriesNumbers();
  /** Series → the keys it is weighed by or known by, in the order of the metric's accounts. */
  readonly keys: readonly SeriesKeys[];

  constructor(keys: number) {
    this.keys = Array.from({ length: keys }, () => new SeriesKeys());
  }
}

/** Caches by table; they end with it. */
export class SeriesCaches {
  readonly #keys: number;
  #caches = new WeakMap<SeriesTable, SeriesCache>();

  /** `keys`: how many each series has. */
  constructor(keys: number) {
    this.#keys = keys;
  }

  of(table: SeriesTable): SeriesCache {
    let cache = this.#caches.get(table);
    if (cache === undefined) {
      cache = new SeriesCache(this.#keys);
      this.#caches.set(table, cache);
    }
    return cache;
  }

  clear(): void {
    this.#caches = new WeakMap();
  }
}
