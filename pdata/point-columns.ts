import type { FlagColumn, TimeColumn } from './metrics.ts';
import type { SeriesId } from './series-table.ts';

/**
 * The columns every builder has. Times and flags become columns only when a point brings its own: until then the batch's
 * one value serves all. Buffers grow, are reused, and are copied at their exact size when taken.
 */
export class PointColumnsBuilder {
  length = 0;
  #ids = new Uint32Array(64);
  readonly #time = new LazyTimes();
  readonly #startTime = new LazyTimes();
  #flags: Uint32Array | undefined;

  /** Adds a row and returns it. */
  add(id: SeriesId, time: bigint | undefined, startTime: bigint | undefined, flags: number): number {
    const row = this.length++;
    if (row === this.#ids.length) this.#ids = widened(this.#ids, new Uint32Array(row * 2));
    this.#ids[row] = id;
    this.#time.set(row, time);
    this.#startTime.set(row, startTime);
    if (flags !== 0 || this.#flags !== undefined) this.#setFlags(row, flags);
    return row;
  }

  /** The columns of all rows; empty afterwards. Rows without times of their own get these. */
  take(
    time: bigint,
    startTime: bigint,
  ): { length: number; ids: Uint32Array; time: TimeColumn; startTime: TimeColumn; flags: FlagColumn } {
    const { length } = this;
    const columns = {
      length,
      ids: this.#ids.slice(0, length),
      time: this.#time.take(length, time),
      startTime: this.#startTime.take(length, startTime),
      flags: this.#flags?.slice(0, length) ?? 0,
    };
    this.length = 0;
    this.#flags = undefined;
    return columns;
  }

  #setFlags(row: number, flags: number): void {
    this.#flags ??= new Uint32Array(this.#ids.length);
    if (row >= this.#flags.length) this.#flags = widened(this.#flags, new Uint32Array(this.#ids.length));
    this.#flags[row] = flags;
  }
}

class LazyTimes {
  #values: BigUint64Array | undefined;
  #given: Uint8Array | undefined;

  set(row: number, time: bigint | undefined): void {
    if (time === undefined) return;
    const capacity = Math.max(64, 2 ** Math.ceil(Math.log2(row + 1)));
    if (this.#values === undefined || this.#given === undefined) {
      this.#values = new BigUint64Array(capacity);
      this.#given = new Uint8Array(capacity);
    } else if (row >= this.#values.length) {
      const values = new BigUint64Array(capacity);
      values.set(this.#values);
      this.#values = values;
      this.#given = widened(this.#given, new Uint8Array(capacity));
    }
    this.#values[row] = time;
    this.#given[row] = 1;
  }

  take(length: number, otherwise: bigint): TimeColumn {
    if (this.#values === undefined || this.#given === undefined) return otherwise;
    const column = new BigUint64Array(length);
    column.set(this.#values.subarray(0, length));
    for (let row = 0; row < length; row++) if (this.#given[row] !== 1) column[row] = otherwise;
    this.#values = undefined;
    this.#given = undefined;
    return column;
  }
}

/** Copies what a buffer holds into a longer one and returns that. */
export function widened<T extends Float64Array | Uint32Array | Int32Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
