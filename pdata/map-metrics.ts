import type { AttributeSet } from './attribute-set.ts';
import {
  flagsAt,
  type InstrumentationScope,
  type Metric,
  type MetricBatch,
  NO_RECORDED_VALUE,
  type Resource,
  type SeriesId,
  type SeriesTable,
} from './metrics.ts';
import { perSeries } from './per-series.ts';
import { pickPoints, rowsWhere } from './pick-points.ts';
import { SeriesInterner } from './series-interner.ts';

/**
 * A batch of what `change` makes of each metric: the same metric, another one, or `undefined` for none. Metrics left
 * without points are dropped. Returns the same batch when nothing changed, and `undefined` when nothing is left.
 */
export function mapMetrics(
  batch: MetricBatch,
  change: (metric: Metric) => Metric | undefined,
): MetricBatch | undefined {
  const metrics: Metric[] = [];
  let changed = false;
  for (const metric of batch.metrics) {
    const result = change(metric);
    if (result !== metric) changed = true;
    if (result !== undefined && (result === metric || result.points.length > 0)) metrics.push(result);
  }
  if (!changed) return batch;
  return metrics.length === 0 ? undefined : { signal: 'metrics', metrics };
}

/** Decides on a series, once for each. */
export type SeriesVerdict = (attributes: AttributeSet, resource: Resource, scope: InstrumentationScope) => boolean;

/** The metric with the points of those series only that `verdict` wants; the same metric when it wants all. */
export function selectSeries<M extends Metric>(metric: M, verdict: SeriesVerdict): M {
  return seriesSelector(verdict)(metric);
}

/** As {@link selectSeries}, as a function that remembers its verdicts: for processors, which see the same series again and again. */
export function seriesSelector(verdict: SeriesVerdict): <M extends Metric>(metric: M) => M {
  const wanted = perSeries((table, id) => verdict(table.attributes(id), table.resource(id), table.scope(id)));
  return (metric) => {
    const { series, points } = metric;
    const rows = rowsWhere(points.length, (row) => wanted(series, points.ids[row]!));
    return rows.length === points.length ? metric : pickPoints(metric, rows);
  };
}

/** The metric with the points in these rows only, in this order. */
export function selectRows<M extends Metric>(metric: M, rows: ArrayLike<number>): M {
  const list = rows instanceof Uint32Array ? rows : Uint32Array.from(rows);
  const { length } = metric.points;
  for (const row of list) if (row >= length) throw new RangeError(`Row ${row} is not among the ${length} points.`);
  return pickPoints(metric, list);
}

/** What becomes of a series: its attributes, or any of the three; what is left out stays. */
export type SeriesChange =
  | AttributeSet
  | {
      readonly attributes?: AttributeSet;
      readonly resource?: Resource;
      readonly scope?: InstrumentationScope;
    };

/** Renames a series, once for each. */
export type SeriesMapping = (attributes: AttributeSet, resource: Resource, scope: InstrumentationScope) => SeriesChange;

/**
 * The metric with its series renamed: same values, other ids in a derived table. Points of series that became equal are
 * both kept. Returns the same metric when no series of its table has changed.
 *
 * A point that ends a series (`NO_RECORDED_VALUE`) ends the renamed one. Where several series of the table became one, such
 * points are taken out: the others go on.
 */
export function mapSeries<M extends Metric>(metric: M, mapping: SeriesMapping): M {
  return seriesMapper(mapping)(metric);
}

/**
 * As {@link mapSeries}, as a function that remembers: each series of a table is renamed once, and the derived table is the
 * same from batch to batch, so that what others keep for each series stays valid.
 */
export function seriesMapper(mapping: SeriesMapping): <M extends Metric>(metric: M) => M {
  const derived = new WeakMap<SeriesTable, DerivedTable>();
  return (metric) => {
    const { series, points } = metric;
    let table = derived.get(series);
    if (table === undefined) {
      table = new DerivedTable(mapping);
      derived.set(series, table);
    }
    const ids = new Uint32Array(points.length);
    for (let row = 0; row < ids.length; row++) ids[row] = table.idOf(series, points.ids[row]!);
    if (!table.changed) return metric;
    const renamed = { ...metric, series: table.table, points: { ...points, ids } };
    if (!table.merged || points.flags === 0) return renamed;
    const goesOn = (row: number): boolean =>
      (flagsAt(points.flags, row) & NO_RECORDED_VALUE) === 0 || table.sources(ids[row]!) === 1;
    const rows = rowsWhere(points.length, goesOn);
    return rows.length === points.length ? renamed : pickPoints(renamed, rows);
  };
}

class DerivedTable {
  changed = false;
  /** Whether several series became one. */
  merged = false;
  readonly #interner = new SeriesInterner();
  readonly #mapping: SeriesMapping;
  /** Id in the derived table + 1, by the original id. */
  #ids = new Uint32Array(64);
  /** How many series became the one with this id. */
  readonly #sources: number[] = [];

  constructor(mapping: SeriesMapping) {
    this.#mapping = mapping;
  }

  get table(): SeriesTable {
    return this.#interner.table;
  }

  sources(id: SeriesId): number {
    return this.#sources[id] ?? 0;
  }

  idOf(source: SeriesTable, id: SeriesId): SeriesId {
    if (id >= this.#ids.length) {
      const ids = new Uint32Array(Math.max(id + 1, this.#ids.length * 2));
      ids.set(this.#ids);
      this.#ids = ids;
    }
    const known = this.#ids[id]!;
    if (known !== 0) return known - 1;
    const attributes = source.attributes(id);
    const resource = source.resource(id);
    const scope = source.scope(id);
    const change = this.#mapping(attributes, resource, scope);
    const renamed = 'bytes' in change ? { attributes: change } : change;
    const next = { attributes, resource, scope, ...renamed };
    if (!next.attributes.equals(attributes) || next.resource !== resource || next.scope !== scope) this.changed = true;
    const newId = this.#interner.intern(next.resource, next.scope, next.attributes);
    this.#ids[id] = newId + 1;
    const sources = (this.#sources[newId] ?? 0) + 1;
    this.#sources[newId] = sources;
    if (sources > 1) this.merged = true;
    return newId;
  }
}
