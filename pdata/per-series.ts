import type { SeriesId, SeriesTable } from './series-table.ts';

/**
 * A function of a series that is computed once for each: label text, a filter's verdict. Results live as long as their
 * table; nothing here keeps a table alive. `compute` must always give the same for the same series.
 */
export function perSeries<T>(
  compute: (table: SeriesTable, id: SeriesId) => T,
): (table: SeriesTable, id: SeriesId) => T {
  type Cache = (T | typeof nothing | undefined)[];
  /** Stands for a computed `undefined`. */
  const nothing = Symbol('nothing');
  const caches = new WeakMap<SeriesTable, Cache>();
  let lastTable: WeakRef<SeriesTable> | undefined;
  let lastCache: WeakRef<Cache> | undefined;

  const cacheOf = (table: SeriesTable): Cache => {
    if (lastTable?.deref() === table) return lastCache!.deref()!;
    let cache = caches.get(table);
    if (cache === undefined) {
      cache = [];
      caches.set(table, cache);
    }
    lastTable = new WeakRef(table);
    lastCache = new WeakRef(cache);
    return cache;
  };

  return (table, id) => {
    const cache = cacheOf(table);
    const known = cache[id];
    if (known !== undefined) return known === nothing ? (undefined as T) : (known as T);
    const value = compute(table, id);
    while (cache.length <= id) cache.push(undefined);
    cache[id] = value === undefined ? nothing : value;
    return value;
  };
}
