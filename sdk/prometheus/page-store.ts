import { type Clock, CumulativeFolder, type Metric, type MetricBatch, type MetricReport, reserveOf } from 'bpflow/sdk';
import { pickPoints } from '../../pdata/pick-points.ts';
import { Family, type FamilyRules, type Folds, type Origin, type Outcome } from './family.ts';
import { describeFamily, type FamilyDescription, type NamingRules } from './naming.ts';
import { SeriesLimit } from './series-limit.ts';
import { Targets } from './targets.ts';

export interface PageRules extends NamingRules, FamilyRules {
  readonly targetInfo: boolean;
  readonly openMetrics: boolean;
  readonly expirationMs: number;
  /** Series that may be there. A tenth of them is for those that others are folded into when there is no room. */
  readonly maxSeries: number;
}

/** Why points did not come onto the page. */
export type DropReason = 'older_timestamp' | 'series_limit' | 'delta_temporality' | 'name_conflict';

export interface PageEvents {
  dropped(points: number, reason: DropReason): void;
  /** Points went into series that stand for those without room. */
  folded?(points: number): void;
  /** A series shares all its labels with another one. */
  collision(count: number): void;
  /** A metric is left out, told once as long as it stays so. */
  leftOut(metric: string, reason: string): void;
}

/** A metric that is not shown, and why. */
interface LeftOut {
  readonly metric: string;
  readonly reason: string;
  readonly drop: DropReason;
}

/** Names of metrics left out are remembered up to so many, so that a flood of names cannot fill the memory. */
const MAX_LEFT_OUT = 10_000;

/** Series that went into others are remembered up to so many, or to as many as may be on the page where that is more. */
const MIN_FOLDED_SOURCES = 1000;

const NO_FOLDS: Folds = { holds: () => false };

/** All families on the page, by name, and who may add to them. */
export class PageStore {
  readonly #rules: PageRules;
  readonly #events: PageEvents;
  readonly #targets: Targets;
  readonly #limit: SeriesLimit;
  readonly #families = new Map<string, Family>();
  readonly #origins = new Map<string, Origin>();
  readonly #leftOut = new Map<string, LeftOut>();
  /** Every name that can begin a line, with its family. */
  readonly #taken = new Map<string, Family | 'target_info'>();
  #sorted: readonly Family[] | undefined;
  #version = 0;
  #lastOwn = 0;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #since: bigint;
  /** There is none before it is needed. */
  #folder: CumulativeFolder | undefined;

  /** The page counts what was measured since now. */
  constructor(rules: PageRules, events: PageEvents, clock: Pick<Clock, 'now'>) {
    this.#rules = rules;
    this.#events = events;
    this.#clock = clock;
    this.#since = clock.now();
    this.#limit = new SeriesLimit(rules.maxSeries);
    this.#targets = new Targets(rules.utf8);
    if (this.showsTargets) this.#taken.set(this.targetInfoName, 'target_info');
  }

  /** Changes whenever the page may look different. */
  get version(): number {
    return this.#version;
  }

  get series(): number {
    let count = 0;
    for (const family of this.#families.values()) count += family.size;
    return count;
  }

  /** Sorted by name. */
  get families(): readonly Family[] {
    this.#sorted ??= [...this.#families.values()].sort((a, b) => (a.description.name < b.description.name ? -1 : 1));
    return this.#sorted;
  }

  get targets(): Targets {
    return this.#targets;
  }

  get showsTargets(): boolean {
    return this.#rules.targetInfo && !this.#rules.resourceToTelemetry;
  }

  get targetInfoName(): string {
    const { namespace } = this.#rules;
    return namespace === '' ? 'target_info' : `${namespace.replace(/[^a-zA-Z0-9_:]/g, '_')}_target_info`;
  }

  /** Series that stand for those without room, and the attributes that were given up for them. */
  get folds(): readonly MetricReport[] {
    return this.#folder?.report() ?? [];
  }

  /** Metrics that are not shown, with the reason. */
  get leftOut(): ReadonlyMap<string, LeftOut> {
    return this.#leftOut;
  }

  /** Takes a batch. `now` is monotonic time in ms. */
  apply(batch: MetricBatch, now: number): void {
    const outcome: Outcome = { older: 0, refused: [], collisions: 0 };
    const homeless = this.#apply(batch, now, outcome, this.#folder ?? NO_FOLDS);
    if (homeless.length > 0) this.#fold(homeless, now, outcome);
    if (outcome.older > 0) this.#events.dropped(outcome.older, 'older_timestamp');
    if (outcome.collisions > 0) this.#events.collision(outcome.collisions);
  }

  /**
   * Forgets what has not been updated for the expiration time. Our own series end by the point that says so; they
   * expire only when no own metric at all has come for that long, that is when their receiver is gone.
   */
  expire(now: number): void {
    const limit = now - this.#rules.expirationMs;
    const ownLimit = this.#lastOwn < limit ? limit : Number.NEGATIVE_INFINITY;
    for (const family of this.#families.values()) {
      if (family.expire(limit, ownLimit, this.#rules.expirationMs)) this.#version++;
      if (family.live === 0) this.#removeFamily(family);
    }
    const ends = this.#folder?.expire({ ms: now, ns: this.#clock.now() }, this.#lastOwn < limit);
    if (ends !== undefined) this.#apply(ends, now, { older: 0, refused: [], collisions: 0 }, undefined);
  }

  /** Returns the points that found no room. */
  #apply(batch: MetricBatch, now: number, outcome: Outcome, folds: Folds | undefined): Metric[] {
    const homeless: Metric[] = [];
    for (const metric of batch.metrics) {
      if (metric.points.length === 0) continue;
      if (metric.definition !== undefined) this.#lastOwn = now;
      const origin = this.#origin(metric, folds === undefined);
      if ('drop' in origin) {
        this.#events.dropped(metric.points.length, origin.drop);
        continue;
      }
      origin.family.apply(origin, metric, now, outcome, folds);
      if (outcome.refused.length > 0) {
        homeless.push(pickPoints(metric, Uint32Array.from(outcome.refused)));
        outcome.refused = [];
      }
      this.#version++;
      if (origin.family.live === 0) this.#removeFamily(origin.family);
    }
    return homeless;
  }

  #fold(metrics: readonly Metric[], now: number, outcome: Outcome): void {
    const { maxSeries, expirationMs } = this.#rules;
    this.#folder ??= new CumulativeFolder({
      maxSeries: this.#limit.reserve - reserveOf(this.#limit.reserve),
      maxSources: Math.max(maxSeries, MIN_FOLDED_SOURCES),
      idleTimeoutMs: expirationMs,
      since: this.#since,
    });
    const { batch, refused } = this.#folder.fold({ signal: 'metrics', metrics }, { ms: now, ns: this.#clock.now() });
    const beyond = batch === undefined ? [] : this.#apply(batch, now, outcome, undefined);
    const lost = refused + pointsOf(beyond);
    const folded = pointsOf(metrics) - lost;
    if (folded > 0) this.#events.folded?.(folded);
    if (lost > 0) this.#events.dropped(lost, 'series_limit');
  }

  /** What is made of series without room comes by an origin of its own: it can have the ids of what came. */
  #origin(metric: Metric, folded: boolean): Origin | LeftOut {
    const key = `${originKey(metric)}\0${folded}`;
    const known = this.#origins.get(key) ?? this.#leftOut.get(key);
    if (known !== undefined) return known;
    if ('temporality' in metric && metric.temporality === 'delta') {
      return this.#leaveOut(key, {
        metric: metric.name,
        reason: 'its values are deltas, and Prometheus needs totals',
        drop: 'delta_temporality',
      });
    }
    const description = describeFamily(metric, this.#rules);
    const family = this.#family(metric, description);
    if (!(family instanceof Family)) return this.#leaveOut(key, family);
    const own = metric.definition !== undefined;
    const origin = family.addOrigin(description, {
      expires: !own,
      folded,
      merge: metric.kind === 'gauge' || metric.kind === 'summary' ? 'latest' : 'add',
    });
    this.#origins.set(key, origin);
    return origin;
  }

  #leaveOut(key: string, leftOut: LeftOut): LeftOut {
    if (this.#leftOut.size >= MAX_LEFT_OUT) this.#leftOut.clear();
    this.#leftOut.set(key, leftOut);
    this.#events.leftOut(leftOut.metric, leftOut.reason);
    return leftOut;
  }

  #family(metric: Metric, description: FamilyDescription): Family | LeftOut {
    const { name, type } = description;
    const existing = this.#families.get(name);
    if (existing !== undefined && sameKind(existing.description, description)) return existing;
    for (const taken of lineNames(description, this.#rules.openMetrics)) {
      const by = this.#taken.get(taken);
      if (by === undefined) continue;
      const other = by === 'target_info' ? by : `${by.description.type} ${by.description.name}`;
      return {
        metric: metric.name,
        reason: `as ${type} ${name} it would share the name ${taken} with ${other}`,
        drop: 'name_conflict',
      };
    }
    const family = new Family(description, this.#rules, this.#targets, this.#limit);
    this.#families.set(name, family);
    for (const line of lineNames(description, this.#rules.openMetrics)) this.#taken.set(line, family);
    this.#sorted = undefined;
    return family;
  }

  #removeFamily(family: Family): void {
    this.#families.delete(family.description.name);
    for (const line of lineNames(family.description, this.#rules.openMetrics)) this.#taken.delete(line);
    for (const [key, origin] of this.#origins) if (origin.family === family) this.#origins.delete(key);
    // What had to give way to this family gets its chance.
    this.#leftOut.clear();
    this.#sorted = undefined;
    this.#version++;
  }
}

function originKey(metric: Metric): string {
  const monotonic = metric.kind === 'sum' && metric.monotonic;
  const temporality = 'temporality' in metric ? metric.temporality : '';
  const own = metric.definition === undefined ? 'foreign' : 'own';
  return [own, metric.kind, monotonic, temporality, metric.unit, metric.name].join('\0');
}

/** Whether two metrics of one name can stand under one head. */
function sameKind(a: FamilyDescription, b: FamilyDescription): boolean {
  return a.type === b.type && a.factor === b.factor;
}

/** The names with which the lines of a family begin. */
function lineNames({ name, type }: FamilyDescription, openMetrics: boolean): string[] {
  switch (type) {
    case 'gauge':
      return [name];
    case 'counter':
      return openMetrics && !name.endsWith('_total') ? [name, `${name}_total`] : [name];
    case 'summary':
      return [name, `${name}_sum`, `${name}_count`];
    case 'histogram':
      return [name, `${name}_bucket`, `${name}_sum`, `${name}_count`];
  }
}

function pointsOf(metrics: readonly Metric[]): number {
  return metrics.reduce((points, metric) => points + metric.points.length, 0);
}
