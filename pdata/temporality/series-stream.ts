import { pick, pickFlags, pickTime } from '../columns.ts';
import { flagsAt, NO_RECORDED_VALUE, type PointColumns, type SeriesTable, timeAt } from '../metrics.ts';
import { moveExemplars } from '../pick-points.ts';
import type { PointStates } from './point-states.ts';
import { SeriesRows } from './series-rows.ts';

/** Why a point leads to none: it came too late, belongs to an earlier life of its series, is none, or is only the first value to compare with. */
export type DropReason = 'out_of_order' | 'older_start' | 'invalid' | 'first_value';

export interface SeriesStreamOptions {
  /** Whether the metric is our own: then every delta counts, and a series ends only by the point that says so. */
  readonly own: boolean;
  readonly drop: (reason: DropReason) => void;
}

/** All series of one metric on their way from one temporality to the other. */
export class SeriesStream<P extends PointColumns> {
  readonly own: boolean;
  readonly #drop: (reason: DropReason) => void;
  readonly #states: PointStates<P>;
  readonly #rows: SeriesRows;

  constructor(states: PointStates<P>, options: SeriesStreamOptions) {
    this.own = options.own;
    this.#drop = options.drop;
    this.#states = states;
    this.#rows = new SeriesRows(states);
  }

  /** Series that are held. */
  get size(): number {
    return this.#rows.live;
  }

  expire(beforeMs: number): void {
    if (!this.own) this.#rows.expire(beforeMs);
    this.#rows.sweep();
  }

  /** Cumulative points of deltas. */
  accumulate(series: SeriesTable, points: P, now: bigint): P {
    this.#rows.beginConversion();
    const rows = this.#rows;
    const states = this.#states;
    const cache = rows.cacheOf(series);
    const output = new Output(points, rows);
    const nowMs = Number(now / 1_000_000n);
    states.begin(points);
    for (let i = 0; i < points.length; i++) {
      const row = rows.rowOf(cache, series, points.ids[i]!);
      if ((flagsAt(points.flags, i) & NO_RECORDED_VALUE) !== 0) {
        this.#end(row, i, output);
        continue;
      }
      if (!states.valid(i)) {
        this.#drop('invalid');
        continue;
      }
      if (rows.alive[row] === 0) {
        this.#begin(row, points, i);
      } else {
        if (!this.own && rows.newest(row) < 0 && this.#isLate(row, points, i)) continue;
        if (!states.adds(row, i)) this.#restart(row, points, i);
      }
      states.add(row, i);
      rows.seenMs[row] = nowMs;
      if (!this.own) rows.last[row] = later(rows.last[row]!, timeAt(points.time, i));
      const out = output.point(row, i);
      states.writeTotal(out, row);
      output.setStart(out, row);
    }
    return output.finish(states);
  }

  /** Deltas of cumulative points. */
  differentiate(series: SeriesTable, points: P, now: bigint, since: bigint): P {
    this.#rows.beginConversion();
    const rows = this.#rows;
    const states = this.#states;
    const cache = rows.cacheOf(series);
    const output = new Output(points, rows);
    const nowMs = Number(now / 1_000_000n);
    states.begin(points);
    for (let i = 0; i < points.length; i++) {
      const row = rows.rowOf(cache, series, points.ids[i]!);
      if ((flagsAt(points.flags, i) & NO_RECORDED_VALUE) !== 0) {
        this.#end(row, i, output);
        continue;
      }
      if (!states.valid(i)) {
        this.#drop('invalid');
        continue;
      }
      const time = timeAt(points.time, i);
      const start = timeAt(points.startTime, i);
      if (rows.alive[row] === 0) {
        this.#begin(row, points, i);
        if (start !== 0n && start >= since) {
          states.writeWhole(output.interval(i, start), i);
        } else {
          this.#drop('first_value');
        }
      } else {
        if (this.#isLate(row, points, i)) continue;
        const restarted = start !== 0n && rows.start[row] !== 0n && start !== rows.start[row];
        if (restarted || !states.follows(row, i)) {
          states.writeWhole(output.interval(i, restarted ? start : rows.last[row]!), i);
        } else {
          states.writeDifference(output.interval(i, rows.last[row]!), row, i);
        }
        if (start !== 0n) rows.start[row] = start;
      }
      states.store(row, i);
      rows.last[row] = time;
      rows.seenMs[row] = nowMs;
    }
    return output.finish(states);
  }

  #begin(row: number, points: P, i: number): void {
    this.#rows.begin(row);
    this.#restart(row, points, i);
  }

  #restart(row: number, points: P, i: number): void {
    this.#states.clear(row);
    this.#rows.start[row] = timeAt(points.startTime, i);
    this.#rows.last[row] = 0n;
  }

  #end(row: number, i: number, output: Output<P>): void {
    const rows = this.#rows;
    const out = output.last(row, i);
    if (rows.alive[row] === 1) output.setStart(out, row);
    this.#states.writeNothing(out);
    rows.end(row);
  }

  #isLate(row: number, points: P, i: number): boolean {
    const start = timeAt(points.startTime, i);
    if (start !== 0n && start < this.#rows.start[row]!) {
      this.#drop('older_start');
      return true;
    }
    const time = timeAt(points.time, i);
    if (time !== 0n && time <= this.#rows.last[row]!) {
      this.#drop('out_of_order');
      return true;
    }
    return false;
  }
}

/**
 * Output points in the making. Most often they are the input points one by one; then the columns that do not change are
 * shared.
 */
class Output<P extends PointColumns> {
  readonly #points: P;
  /** Output point → the input point whose id, time and flags it has. */
  readonly #inputs: Uint32Array;
  readonly #starts: BigUint64Array;
  /** Input point → output point + 1. */
  readonly #outputs: Uint32Array;
  readonly #rows: SeriesRows;
  #count = 0;

  constructor(points: P, rows: SeriesRows) {
    this.#points = points;
    this.#rows = rows;
    this.#inputs = new Uint32Array(points.length);
    this.#outputs = new Uint32Array(points.length);
    this.#starts = new BigUint64Array(points.length);
  }

  /** The output point for a row at input point i's time: the newest one unless the time has moved on. */
  point(row: number, i: number): number {
    const newest = this.#rows.newest(row);
    if (newest >= 0) {
      const { time } = this.#points;
      if (typeof time === 'bigint' || time[i]! <= time[this.#inputs[newest]!]!) {
        this.#outputs[i] = newest + 1;
        return newest;
      }
    }
    const out = this.#append(i);
    this.#rows.setNewest(row, out);
    return out;
  }

  /** An output point for the interval from `start` to input point i's time. */
  interval(i: number, start: bigint): number {
    const out = this.#append(i);
    this.#starts[out] = start;
    return out;
  }

  /** An output point after which the row has no newest one. */
  last(row: number, i: number): number {
    this.#rows.setNewest(row, -1);
    const out = this.#append(i);
    this.#starts[out] = timeAt(this.#points.startTime, i);
    return out;
  }

  /** Gives an output point the start time of its series. */
  setStart(out: number, row: number): void {
    this.#starts[out] = this.#rows.start[row]!;
  }

  finish(states: PointStates<P>): P {
    const points = this.#points;
    const count = this.#count;
    const values = states.finish(count);
    const shared = this.#shared(count);
    const exemplars = points.exemplars && moveExemplars(points.exemplars, (i) => this.#outputs[i]! - 1);
    return { ...values, ...shared, ...(exemplars && { exemplars }) } as unknown as P;
  }

  #append(i: number): number {
    const out = this.#count++;
    this.#inputs[out] = i;
    this.#outputs[i] = out + 1;
    return out;
  }

  #shared(count: number): PointColumns {
    const { length, ids, time, flags } = this.#points;
    const startTime = this.#starts.subarray(0, count);
    if (count === length) return { length, ids, time, flags, startTime };
    const rows = this.#inputs.slice(0, count);
    return {
      length: count,
      ids: pick(ids, rows),
      time: pickTime(time, rows),
      flags: pickFlags(flags, rows),
      startTime,
    };
  }
}

function later(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
