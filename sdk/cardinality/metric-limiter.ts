import { flagsAt, type Gauge, type Metric, NO_RECORDED_VALUE, type Sum, timeAt } from '../../pdata/metrics.ts';
import { pickPoints, rowsWhere } from '../../pdata/pick-points.ts';
import type { SeriesId, SeriesTable } from '../../pdata/series-table.ts';
import type { AttributeBudget } from './attribute-budget.ts';
import { endedPoints } from './ended-points.ts';
import { type Foldable, FoldedPoints } from './folded-points.ts';
import type { HeavyHitters } from './heavy-hitters.ts';
import type { Keys } from './keys.ts';
import type { MadeSeries } from './made-series.ts';
import type { CardinalityOptions, MetricLimit } from './options.ts';
import { Placement } from './placement.ts';
import { DEAD, MADE, PASSES } from './rows.ts';
import { type SeriesCache, SeriesCaches } from './series-cache.ts';
import type { SharedBudgets } from './shared-budgets.ts';
import { StandingValues } from './standing-values.ts';
import { weigher } from './weights.ts';

/** When a batch came: monotonic ms, and ns since 1970. */
export interface Now {
  readonly ms: number;
  readonly ns: bigint;
}

/** What became of points besides going on. */
export interface Outcome {
  /** Ends of series that went into others. */
  ended: number;
  /** Last values of gauges for which there is no room to remember them. */
  untracked: number;
  /** Summaries, which cannot be put together. */
  summaries: number;
}

export interface MetricLimiterParts {
  readonly limit: MetricLimit;
  readonly options: CardinalityOptions;
  readonly shared: SharedBudgets;
  readonly made: MadeSeries;
  readonly keys: Keys;
}

/** Targets of points beside rows: the point goes on as it is, or goes nowhere. */
const AS_IT_IS = -1;
const NOWHERE = 0;

/** Columns of a series' keys; further ones belong to the attributes with a contest. */
const PLAIN = 0;
const SOURCE = 1;
const ATTRIBUTES = 2;

/** Bindings beyond so many for each row mean that somebody plays with combinations: they are made anew. */
const BINDINGS_PER_ROW = 8;

/** Keys of series that lost their name and were not seen since. */
const MAX_DEMOTED = 10_000;

/** One metric behind its budget. A point of a known series costs a look-up by its id and, where it is folded, an addition. */
export class MetricLimiter {
  /** A metric of this kind, without points: what is made later is described like it. */
  #like: Metric;
  seenMs = 0;
  readonly placement: Placement;
  readonly limit: MetricLimit;
  readonly #made: MadeSeries;
  readonly #caches: SeriesCaches;
  readonly #contested: readonly AttributeBudget[];
  readonly #folded: FoldedPoints | undefined;
  readonly #standing: StandingValues | undefined;
  /** Series of last values that passed before they lost their name: they end when they next come, and the value goes elsewhere. */
  readonly #demoted = new Set<number>();
  /** Whether series that lose their name can be ended at once. Others end by themselves, or are forgotten downstream when idle. */
  readonly #keepsPassing: boolean;
  /** Series that end with the next batch: ids in the table of made ones. */
  #endings: number[] = [];
  /** Rows that end with the batch at hand. */
  #ended: number[] = [];
  #mustForget = false;
  /** Time of the newest batch, ns. */
  #time = 0n;
  #targets = new Int32Array(64);

  constructor(metric: Metric, { limit, options, shared, made, keys }: MetricLimiterParts) {
    this.#like = metric;
    this.limit = limit;
    this.#made = made;
    const own = metric.definition !== undefined;
    this.#keepsPassing = own && !isStanding(metric) && limit.strategy === 'heavy_hitters';
    this.placement = new Placement({
      keepsPassing: this.#keepsPassing,
      limit,
      overflowValue: options.overflowValue,
      shared,
      made,
      keys,
      becameMade: () => {
        this.#mustForget = true;
      },
    });
    this.#contested = this.placement.attributes.all().filter(({ seats }) => seats?.hitters !== undefined);
    this.#caches = new SeriesCaches(ATTRIBUTES + this.#contested.length);
    if (isStanding(metric)) {
      const aggregation = metric.kind === 'gauge' ? limit.gauges : 'sum';
      this.#standing = new StandingValues(aggregation, options.maxGaugeSources);
    } else if (metric.kind !== 'summary') {
      this.#folded = new FoldedPoints(metric.kind);
    }
  }

  get name(): string {
    return this.#like.name;
  }

  /** What goes on in place of a metric; itself when none of its series was changed. */
  apply(metric: Metric, now: Now, outcome: Outcome): Metric[] {
    this.#like = metric.points.length === 0 ? metric : emptied(metric);
    if (metric.points.length > 0) this.#time = timeAt(metric.points.time, metric.points.length - 1);
    this.seenMs = now.ms;
    const altered = this.#place(metric, now.ms, outcome);
    if (this.#contested.length > 0 || this.placement.seats.hitters !== undefined) this.#weigh(metric);
    const result: Metric[] = altered ? this.#altered(metric, now, outcome) : [metric];
    for (const row of this.#ended) this.#end(row);
    this.#ended = [];
    const { bindings, rows } = this.placement;
    if (this.#mustForget || bindings.size > 64 + BINDINGS_PER_ROW * rows.live) this.#forget();
    const ends = this.takeEndings();
    return ends === undefined ? result : [...result, ends];
  }

  /** Tells of histograms that come in the same batch with other bounds, so that those made of them have the same from the first on. */
  align(bounds: Float64Array): void {
    this.#folded?.align(bounds);
  }

  /** Points that end series which the budget has ended; undefined when there are none. */
  takeEndings(): Metric | undefined {
    if (this.#endings.length === 0) return undefined;
    const ids = Uint32Array.from(this.#endings);
    this.#endings = [];
    return endedPoints(this.#like, this.#made.table, ids, this.#time);
  }

  /** Gives every id in the table of made series to `change`, and takes what it returns. */
  renumber(change: (id: SeriesId) => SeriesId): void {
    const { rows } = this.placement;
    for (let row = 1; row < rows.size; row++) {
      const kind = rows.kind[row];
      if (kind === MADE || (kind === PASSES && this.#keepsPassing)) rows.outId[row] = change(rows.outId[row]!);
    }
    this.#endings = this.#endings.map(change);
  }

  get hasEndings(): boolean {
    return this.#endings.length > 0;
  }

  /** Whether nothing is kept and nothing waits to go on. */
  get isEmpty(): boolean {
    return this.placement.rows.live === 0 && this.#endings.length === 0;
  }

  /** Lets the largest take names from smaller ones. `fade` as in `HeavyHitters.fade`. */
  review(fade: number): void {
    const { seats, rows } = this.placement;
    let changed = false;
    for (const key of seats.review(fade)) {
      const row = rows.byKey.get(key) ?? 0;
      if (rows.kind[row] !== DEAD) this.#demote(row);
    }
    changed = seats.invites;
    for (const attribute of this.#contested) {
      const down = attribute.seats!.review(fade);
      changed ||= attribute.seats!.invites;
      if (down.size === 0) continue;
      for (let row = 1; row < rows.size; row++) {
        const holds = rows.holds[row] ?? [];
        if (holds.some((hold) => hold.attribute === attribute && down.has(hold.key))) this.#demote(row);
      }
    }
    if (changed) this.#forget();
  }

  /** Frees the places of series that nobody has sent since. Own series that pass end by themselves. */
  expire(beforeMs: number): void {
    const { rows } = this.placement;
    const own = this.#like.definition !== undefined;
    let freed = false;
    for (let row = 1; row < rows.size; row++) {
      if (rows.kind[row] === DEAD || rows.seen[row]! >= beforeMs) continue;
      if (own && rows.kind[row] === PASSES) continue;
      if (own) this.#endings.push(rows.outId[row]!);
      this.#end(row);
      freed = true;
    }
    this.#standing?.expire(beforeMs);
    if (freed || rows.dead > rows.live + 1024) this.#forget();
  }

  #end(row: number): void {
    if (this.placement.rows.kind[row] === DEAD) return;
    this.#standing?.end(row);
    this.placement.end(row);
  }

  #demote(row: number): void {
    const { rows } = this.placement;
    if (this.#standing !== undefined && rows.kind[row] === MADE) {
      // It shows last values until their sources come again, and go elsewhere.
      this.placement.letGo(row);
      return;
    }
    const isKept = rows.kind[row] === MADE ? this.#like.definition !== undefined : this.#keepsPassing;
    if (isKept) this.#endings.push(rows.outId[row]!);
    else if (this.#standing !== undefined && this.#demoted.size < MAX_DEMOTED) this.#demoted.add(rows.key[row]!);
    this.#end(row);
  }

  /** Fills `#targets` by point; returns whether any point does not go on as it is. */
  #place(metric: Metric, nowMs: number, outcome: Outcome): boolean {
    const { points, series } = metric;
    const { ids, flags, length } = points;
    if (this.#targets.length < length) this.#targets = new Int32Array(length * 2);
    const targets = this.#targets;
    const { rows, bindings } = this.placement;
    const cache = this.#caches.of(series);
    let dropped = false;
    for (let i = 0; i < length; i++) {
      const id = ids[i]!;
      if (flags !== 0 && (flagsAt(flags, i) & NO_RECORDED_VALUE) !== 0) {
        targets[i] = this.#endOf(cache, series, id, outcome);
        if (targets[i] === NOWHERE) dropped = true;
        continue;
      }
      let binding = cache.bindings.get(id);
      let row = bindings.rows[binding]!;
      if (rows.kind[row] === DEAD) {
        binding = this.#bind(cache, series, id);
        row = bindings.rows[binding]!;
      }
      bindings.points[binding]!++;
      rows.seen[row] = nowMs;
      targets[i] = row;
    }
    return dropped || this.#anyMade(targets, length);
  }

  #anyMade(targets: Int32Array, length: number): boolean {
    const { kind } = this.placement.rows;
    let made = this.#standing?.isTouched === true;
    for (let i = 0; i < length && !made; i++) made = targets[i]! > 0 && kind[targets[i]!] === MADE;
    return made;
  }

  #bind(cache: SeriesCache, series: SeriesTable, id: number): number {
    const { rows, bindings } = this.placement;
    const place = this.placement.place(series, id);
    const row = bindings.rows[place.binding]!;
    cache.bindings.set(id, place.binding);
    if (this.placement.seats.hitters !== undefined) cache.keys[PLAIN]!.set(id, place.plainKey);
    for (const [i, attribute] of this.#contested.entries()) {
      const at = place.attributes.indexOf(attribute);
      if (at >= 0) cache.keys[ATTRIBUTES + i]!.set(id, place.values[at]!);
    }
    if (this.#standing !== undefined) {
      cache.keys[SOURCE]!.set(id, place.sourceKey);
      if (rows.kind[row] === PASSES) this.#standing.remove(place.sourceKey);
    }
    if (this.#demoted.size > 0 && this.#demoted.delete(place.sourceKey) && rows.kind[row] === MADE) {
      this.#endings.push(this.#made.intern(series.resource(id), series.scope(id), series.attributes(id)));
    }
    return place.binding;
  }

  /** A series says that it ends. Of our own an end goes on also when the series is not known: others may know it from before. */
  #endOf(cache: SeriesCache, series: SeriesTable, id: number, outcome: Outcome): number {
    const { rows, bindings } = this.placement;
    const bound = bindings.rows[cache.bindings.get(id)]!;
    const passing = rows.kind[bound] === PASSES ? bound : this.placement.passing(series, id);
    if (passing !== 0) {
      this.#ended.push(passing);
      return AS_IT_IS;
    }
    this.#standing?.remove(this.placement.keyOf(series, id));
    const unknownOwn = this.#like.definition !== undefined && rows.kind[bound] === DEAD;
    if ((this.#passedBefore(series, id) || unknownOwn) && !this.placement.makes(series, id)) return AS_IT_IS;
    outcome.ended++;
    return NOWHERE;
  }

  /** Whether it is among those that lost their name and have not ended since. */
  #passedBefore(series: SeriesTable, id: number): boolean {
    return this.#demoted.size > 0 && this.#demoted.delete(this.placement.keyOf(series, id));
  }

  #weigh(metric: Metric): void {
    const contests: [HeavyHitters, number][] = this.#contested.map(({ seats }, i) => [seats!.hitters!, ATTRIBUTES + i]);
    const { hitters } = this.placement.seats;
    if (hitters !== undefined) contests.push([hitters, PLAIN]);
    const cache = this.#caches.of(metric.series);
    const weightOf = weigher(metric);
    const { ids, length } = metric.points;
    for (const [contest, column] of contests) {
      const keys = cache.keys[column]!;
      for (let i = 0; i < length; i++) {
        const key = keys.get(ids[i]!);
        if (key === 0 || this.#targets[i]! <= 0) continue;
        const weight = weightOf(i);
        if (weight > 0) contest.add(key, weight);
      }
    }
  }

  #altered(metric: Metric, now: Now, outcome: Outcome): Metric[] {
    const { kind } = this.placement.rows;
    const targets = this.#targets;
    const goesOn = rowsWhere(metric.points.length, (i) => {
      const target = targets[i]!;
      return target === AS_IT_IS || (target > 0 && kind[target] === PASSES);
    });
    for (const i of goesOn) targets[i] = AS_IT_IS;
    const result: Metric[] = goesOn.length === 0 ? [] : [pickPoints(metric, goesOn)];
    const folded = this.#fold(metric, now, outcome);
    if (folded !== undefined && folded.points.length > 0) result.push(folded);
    return result;
  }

  #fold(metric: Metric, now: Now, outcome: Outcome): Metric | undefined {
    if (metric.kind === 'summary') {
      for (let i = 0; i < metric.points.length; i++) if (this.#targets[i]! > 0) outcome.summaries++;
      return undefined;
    }
    if (this.#standing !== undefined) return this.#stand(metric as Gauge | Sum, this.#standing, now, outcome);
    const foldable = metric as Foldable;
    const points = this.#folded!.fold(foldable, this.#targets, this.placement.rows, now.ns);
    return { ...foldable, series: this.#made.table, points } as Metric;
  }

  #stand(metric: Gauge | Sum, standing: StandingValues, now: Now, outcome: Outcome): Metric {
    const { rows } = this.placement;
    const { points } = metric;
    const sources = this.#caches.of(metric.series).keys[SOURCE]!;
    let time = 0n;
    for (let i = 0; i < points.length; i++) {
      const at = timeAt(points.time, i);
      if (at > time) time = at;
      const row = this.#targets[i]!;
      if (row <= 0) continue;
      if (!standing.set(sources.get(points.ids[i]!), row, Number(points.values[i]!), now.ms)) outcome.untracked++;
    }
    if (time > now.ns) time = now.ns;
    const touched = [...standing.takeTouched()].filter(([row]) => rows.kind[row] === MADE);
    const values = Float64Array.from(touched, ([, value]) => value);
    const times = BigUint64Array.from(touched, ([row]) => {
      const last = rows.lastTime[row]!;
      rows.lastTime[row] = last !== 0n && time <= last ? last + 1n : time;
      return rows.lastTime[row]!;
    });
    return {
      ...metric,
      series: this.#made.table,
      points: {
        length: touched.length,
        ids: Uint32Array.from(touched, ([row]) => rows.outId[row]!),
        time: times,
        startTime: metric.kind === 'gauge' ? 0n : timeAt(points.startTime, 0),
        flags: 0,
        values,
        integer: points.integer && values.every((value) => Number.isSafeInteger(value)),
      },
    };
  }

  /** Every series is placed anew when it next comes. */
  #forget(): void {
    this.#mustForget = false;
    this.#caches.clear();
    this.placement.bindings.clear();
    this.placement.rows.reuse();
  }
}

/** Whether points hold a state rather than an increment: they are put together, not added up over time. */
export function isStanding(metric: Metric): metric is Gauge | Sum {
  return metric.kind === 'gauge' || (metric.kind === 'sum' && metric.temporality !== 'delta');
}

function emptied(metric: Metric): Metric {
  return pickPoints(metric, new Uint32Array(0));
}
