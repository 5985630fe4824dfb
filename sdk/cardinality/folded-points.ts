import { pick } from '../../pdata/columns.ts';
import {
  type Exemplars,
  type ExponentialHistogram,
  type Histogram,
  type HistogramPoints,
  type PointColumns,
  type Sum,
  timeAt,
} from '../../pdata/metrics.ts';
import { ExponentialStates } from '../../pdata/temporality/exponential-states.ts';
import { HistogramStates } from '../../pdata/temporality/histogram-states.ts';
import { NumberStates } from '../../pdata/temporality/number-states.ts';
import type { PointStates } from '../../pdata/temporality/point-states.ts';
import { coarsened, commonBounds } from './coarse-bounds.ts';
import type { Rows } from './rows.ts';

export type Foldable = Sum | Histogram | ExponentialHistogram;

/**
 * Adds up the deltas of one metric that go to the same rows: one point for each row and batch. The points of a row follow each
 * other without gap or overlap, whatever the times of those that went in, so nobody downstream takes one for late.
 */
export class FoldedPoints {
  readonly #states: PointStates<PointColumns>;
  #capacity = 0;
  /** Bounds that all histograms so far have in common. */
  #bounds: Float64Array | undefined;
  #groupOf = new Uint32Array(64);
  readonly #rowOf: number[] = [];

  constructor(kind: Foldable['kind']) {
    this.#states = statesOf(kind);
  }

  /**
   * The points of the rows that `targets` names by point; 0 and what is negative goes nowhere. Ids are rows' `outId`. `now` in ns
   * since 1970: one sender whose clock is ahead must not take the others' points with it.
   */
  fold(metric: Foldable, targets: Int32Array, rows: Rows, now: bigint): PointColumns {
    const points = metric.kind === 'histogram' ? this.#aligned(metric.points) : metric.points;
    const groups = this.#group(points, targets, rows);
    const states = this.#states;
    if (groups > this.#capacity) {
      this.#capacity = groups * 2;
      states.grow(this.#capacity);
    }
    // Room is made for `length` points; the columns may be longer.
    states.begin({ ...points, length: groups });
    for (let group = 0; group < groups; group++) states.clear(group);
    const spans = new Spans(groups);
    for (let i = 0; i < points.length; i++) {
      const row = targets[i]!;
      if (row <= 0) continue;
      const group = this.#groupOf[row]! - 1;
      states.add(group, i);
      spans.add(group, timeAt(points.time, i), timeAt(points.startTime, i));
    }
    const ids = new Uint32Array(groups);
    for (let group = 0; group < groups; group++) {
      const row = this.#rowOf[group]!;
      ids[group] = rows.outId[row]!;
      states.writeTotal(group, group);
      rows.lastTime[row] = spans.close(group, rows.lastTime[row]!, rows.endedTime, now);
    }
    const exemplars = points.exemplars && this.#exemplars(points.exemplars, targets);
    for (const row of this.#rowOf) this.#groupOf[row] = 0;
    return {
      ...states.finish(groups),
      length: groups,
      ids,
      time: spans.ends,
      startTime: spans.starts,
      flags: 0,
      ...(exemplars && { exemplars }),
    };
  }

  /** Numbers the rows that points go to; returns how many there are. */
  #group(points: PointColumns, targets: Int32Array, rows: Rows): number {
    if (this.#groupOf.length < rows.kind.length) this.#groupOf = new Uint32Array(rows.kind.length);
    this.#rowOf.length = 0;
    for (let i = 0; i < points.length; i++) {
      const row = targets[i]!;
      if (row > 0 && this.#groupOf[row] === 0) this.#groupOf[row] = this.#rowOf.push(row);
    }
    return this.#rowOf.length;
  }

  /** From now on histograms have no other bounds than these. */
  align(bounds: Float64Array): void {
    this.#bounds = commonBounds(this.#bounds ?? bounds, bounds);
  }

  #aligned(points: HistogramPoints): HistogramPoints {
    this.align(points.bounds);
    return coarsened(points, this.#bounds!);
  }

  #exemplars(exemplars: Exemplars, targets: Int32Array): Exemplars {
    const owner = (entry: number): number => {
      const row = targets[exemplars.point[entry]!]!;
      return row > 0 ? this.#groupOf[row]! - 1 : -1;
    };
    const kept = Array.from(exemplars.point.keys()).filter((entry) => owner(entry) >= 0);
    const entries = Uint32Array.from(kept.sort((a, b) => owner(a) - owner(b)));
    return {
      point: entries.map(owner),
      time: pick(exemplars.time, entries),
      values: pick(exemplars.values, entries),
      integer: exemplars.integer,
      traceIds: pick(exemplars.traceIds, entries, 16),
      spanIds: pick(exemplars.spanIds, entries, 8),
      attributes: Array.from(entries, (entry) => exemplars.attributes[entry]!),
    };
  }
}

/** Intervals that the points of a row cover together. */
class Spans {
  readonly starts: BigUint64Array;
  readonly ends: BigUint64Array;

  constructor(count: number) {
    this.starts = new BigUint64Array(count);
    this.ends = new BigUint64Array(count);
  }

  add(group: number, time: bigint, start: bigint): void {
    if (time > this.ends[group]!) this.ends[group] = time;
    const before = this.starts[group]!;
    if (start !== 0n && (before === 0n || start < before)) this.starts[group] = start;
  }

  /** Makes the interval follow the row's last one, or what ended before it, and end by now; returns its end. */
  close(group: number, last: bigint, ended: bigint, now: bigint): bigint {
    const floor = last === 0n ? ended : last;
    let end = this.ends[group]! < now ? this.ends[group]! : now;
    if (floor !== 0n && end <= floor) end = floor + 1n;
    this.ends[group] = end;
    if (last !== 0n || this.starts[group]! < ended) this.starts[group] = floor;
    if (this.starts[group]! > end) this.starts[group] = end;
    return end;
  }
}

function statesOf(kind: Foldable['kind']): PointStates<PointColumns> {
  switch (kind) {
    case 'sum':
      // Non-monotonic: nothing is refused.
      return new NumberStates(false) as unknown as PointStates<PointColumns>;
    case 'histogram':
      return new HistogramStates() as unknown as PointStates<PointColumns>;
    case 'exponential_histogram':
      return new ExponentialStates() as unknown as PointStates<PointColumns>;
    default:
      return kind satisfies never;
  }
}
