import type { Attributes } from '@opentelemetry/api';
import { attributeSet } from '../../pdata/encoded-attributes.ts';
import { gauge, sum } from '../../pdata/make-metrics.ts';
import { type Metric, NO_RECORDED_VALUE } from '../../pdata/metrics.ts';
import { NumberPointsBuilder } from '../../pdata/number-points-builder.ts';
import { points } from '../../pdata/points.ts';
import { EMPTY_RESOURCE, EMPTY_SCOPE } from '../../pdata/resource.ts';
import { SeriesInterner } from '../../pdata/series-interner.ts';
import { CumulativeFolder } from '../../sdk/cardinality/index.ts';

export interface Observation {
  readonly attributes: Attributes;
  readonly value: number;
}

export interface ObservationLimitOptions {
  readonly name: string;
  /** Whether values are totals; else they are states, and shown together as their sum. */
  readonly counter: boolean;
  /** ns since 1970. */
  readonly now: () => bigint;
  /** Called with how many observations are in no line, because there are more label sets than can be remembered. */
  readonly refused: (observations: number) => void;
}

/** Label sets of an instrument that keep a line of their own; then come those that others are folded into. */
export const MAX_NAMED = 1000;
const MAX_FOLDED = 100;
const MAX_SOURCES = 20_000;

/** What was not observed for so long is forgotten, ms. */
const IDLE_TIMEOUT_MS = 3_600_000;

/**
 * Keeps the label sets of one observed instrument bounded, whatever names come from outside. Label sets beyond the limit are folded
 * by the engine of `cardinality_limit`: their totals add up, and no line falls. OpenTelemetry's own limit would show the last one of them instead.
 */
export class ObservationLimit {
  readonly #options: ObservationLimitOptions;
  /** Label set → when it was last observed, ms. */
  readonly #named = new Map<string, number>();
  readonly #since: bigint;
  #interner = new SeriesInterner();
  #folder: CumulativeFolder | undefined;
  readonly #folded = new Map<string, Observation>();
  #time = 0n;
  #prunedMs = 0;

  constructor(options: ObservationLimitOptions) {
    this.#options = options;
    this.#since = options.now();
  }

  /** What to show for the observations of one collection, or of a part of one. */
  limit(observations: readonly Observation[]): readonly Observation[] {
    const now = this.#options.now();
    const ms = Number(now / 1_000_000n);
    const homeless: Observation[] = [];
    const shown = observations.filter((observation) => {
      const named = this.#admits(keyOf(observation.attributes), ms);
      if (!named) homeless.push(observation);
      return named;
    });
    if (homeless.length > 0) this.#fold(homeless, now, ms);
    const ends = this.#folder?.expire({ ms, ns: now }, false);
    if (ends !== undefined) this.#keep(ends.metrics);
    return this.#folded.size === 0 ? shown : [...shown, ...this.#folded.values()];
  }

  #admits(key: string, ms: number): boolean {
    if (!this.#named.has(key) && this.#named.size >= MAX_NAMED && !this.#makesRoom(ms)) return false;
    this.#named.set(key, ms);
    return true;
  }

  /** What is folded once stays so: only a limit that nobody has reached lets go of idle names. */
  #makesRoom(ms: number): boolean {
    if (this.#folder !== undefined || ms - this.#prunedMs < IDLE_TIMEOUT_MS / 60) return false;
    this.#prunedMs = ms;
    for (const [key, seenMs] of this.#named) if (seenMs < ms - IDLE_TIMEOUT_MS) this.#named.delete(key);
    return this.#named.size < MAX_NAMED;
  }

  #fold(observations: readonly Observation[], now: bigint, ms: number): void {
    this.#folder ??= new CumulativeFolder({
      maxSeries: MAX_FOLDED,
      maxSources: MAX_SOURCES,
      idleTimeoutMs: IDLE_TIMEOUT_MS,
      since: this.#since,
    });
    this.#time = now > this.#time ? now : this.#time + 1n;
    if (this.#interner.table.size > 2 * MAX_SOURCES) this.#interner = new SeriesInterner();
    const builder = new NumberPointsBuilder({ integer: false });
    for (const { attributes, value } of observations) {
      const texts = Object.fromEntries(Object.entries(attributes).map(([name, each]) => [name, String(each)]));
      builder.add(this.#interner.intern(EMPTY_RESOURCE, EMPTY_SCOPE, attributeSet(texts)), value);
    }
    const taken = builder.take(this.#time, this.#since);
    const names = { name: this.#options.name, unit: '', description: '' };
    const metric = this.#options.counter
      ? sum(names, this.#interner.table, taken, { monotonic: true, temporality: 'cumulative' })
      : gauge(names, this.#interner.table, taken);
    const { batch, refused } = this.#folder.fold({ signal: 'metrics', metrics: [metric] }, { ms, ns: this.#time });
    if (refused > 0) this.#options.refused(refused);
    if (batch !== undefined) this.#keep(batch.metrics);
  }

  #keep(metrics: readonly Metric[]): void {
    for (const metric of metrics) {
      for (const point of points(metric)) {
        if (!('value' in point)) continue;
        const attributes = point.attributes.toObject() as Attributes;
        if ((point.flags & NO_RECORDED_VALUE) !== 0) this.#folded.delete(keyOf(attributes));
        else this.#folded.set(keyOf(attributes), { attributes, value: Number(point.value) });
      }
    }
  }
}

function keyOf(attributes: Attributes): string {
  return JSON.stringify(Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1)));
}
