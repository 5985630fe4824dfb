import type { NumberPoints } from './metrics.ts';
import { PointColumnsBuilder, widened } from './point-columns.ts';
import type { SeriesId } from './series-table.ts';

/** Largest part into which a value is split: the largest integer that a double holds with all below it. */
const LARGEST_PART = BigInt(Number.MAX_SAFE_INTEGER);

export interface NumberPointsOptions {
  /** Whether values are ints. */
  readonly integer: boolean;
  /**
   * What becomes of an int beyond 2^53. `column` (the default) makes the values a `BigInt64Array`; `points` splits it over
   * several points of the series, which is right for deltas only.
   */
  readonly wide?: 'column' | 'points';
}

/** Collects points of a gauge or sum. Reusable; adds without allocating once it has grown. */
export class NumberPointsBuilder {
  readonly #integer: boolean;
  readonly #split: boolean;
  readonly #columns = new PointColumnsBuilder();
  #values = new Float64Array(64);
  /** Rows whose value does not fit into a double. */
  #wide: Map<number, bigint> | undefined;

  constructor(options: NumberPointsOptions) {
    this.#integer = options.integer;
    this.#split = options.wide === 'points';
  }

  get length(): number {
    return this.#columns.length;
  }

  /**
   * Adds a point. Without `time` or `startTime` it has those given to {@link take}. Throws RangeError for an `integer`
   * builder when the value is none, or a number that is not safe (give a bigint).
   */
  add(id: SeriesId, value: number | bigint, time?: bigint, startTime?: bigint, flags = 0): void {
    if (typeof value === 'bigint') {
      this.#addBig(id, value, time, startTime, flags);
      return;
    }
    if (this.#integer && !Number.isSafeInteger(value)) {
      throw new RangeError(`${value} is not a safe integer: give integers beyond 2^53 as bigint.`);
    }
    this.#set(this.#columns.add(id, time, startTime, flags), value);
  }

  /** All points so far; the builder is empty afterwards. */
  take(time: bigint, startTime: bigint): NumberPoints {
    const columns = this.#columns.take(time, startTime);
    const narrow = this.#values.slice(0, columns.length);
    const wide = this.#wide;
    this.#wide = undefined;
    if (wide === undefined) return { ...columns, values: narrow, integer: this.#integer };
    const values = new BigInt64Array(columns.length);
    for (let row = 0; row < values.length; row++) values[row] = wide.get(row) ?? BigInt(narrow[row]!);
    return { ...columns, values, integer: true };
  }

  #addBig(id: SeriesId, value: bigint, time?: bigint, startTime?: bigint, flags = 0): void {
    const narrow = Number(value);
    if (Number.isSafeInteger(narrow) || !this.#integer) {
      this.#set(this.#columns.add(id, time, startTime, flags), narrow);
    } else if (this.#split) {
      let rest = value;
      while (rest !== 0n) {
        const part = rest > LARGEST_PART ? LARGEST_PART : rest < -LARGEST_PART ? -LARGEST_PART : rest;
        this.#set(this.#columns.add(id, time, startTime, flags), Number(part));
        rest -= part;
      }
    } else {
      if (BigInt.asIntN(64, value) !== value) throw new RangeError(`${value} has more than 64 bits.`);
      const row = this.#columns.add(id, time, startTime, flags);
      this.#set(row, 0);
      this.#wide ??= new Map();
      this.#wide.set(row, value);
    }
  }

  #set(row: number, value: number): void {
    if (row >= this.#values.length) this.#values = widened(this.#values, new Float64Array(this.#values.length * 2));
    this.#values[row] = value;
  }
}
