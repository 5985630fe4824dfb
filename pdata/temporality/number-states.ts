import type { NumberPoints, PointColumns } from '../metrics.ts';
import { ExactSums } from './exact-sum.ts';
import type { PointStates } from './point-states.ts';

/** Sums. Integers stay exact; doubles are compensated. */
export class NumberStates implements PointStates<NumberPoints> {
  readonly #sums = new ExactSums();
  readonly #monotonic: boolean;
  #points!: NumberPoints;
  #out = new Float64Array(0);
  #wide: Map<number, bigint> | undefined;
  #doubles = false;

  constructor(monotonic: boolean) {
    this.#monotonic = monotonic;
  }

  grow(capacity: number): void {
    this.#sums.grow(capacity);
  }

  move(from: number, to: number): void {
    this.#sums.move(from, to);
  }

  truncate(length: number): void {
    this.#sums.truncate(length);
  }

  begin(points: NumberPoints): void {
    this.#points = points;
    this.#out = new Float64Array(points.length);
    this.#wide = undefined;
    this.#doubles = !points.integer;
  }

  valid(i: number): boolean {
    return !this.#monotonic || this.#points.values[i]! >= 0;
  }

  clear(row: number): void {
    this.#sums.clear(row);
  }

  adds(): boolean {
    return true;
  }

  add(row: number, i: number): void {
    const value = this.#points.values[i]!;
    const { integer } = this.#points;
    if (!this.#sums.add(row, value, integer)) this.#sums.set(row, value, integer);
  }

  writeTotal(out: number, row: number): void {
    if (this.#sums.isDouble(row)) this.#doubles = true;
    this.#write(out, this.#sums.wide(row) ?? this.#sums.get(row));
  }

  follows(row: number, i: number): boolean {
    if (!this.#monotonic) return true;
    const value = this.#points.values[i]!;
    return value >= (this.#sums.wide(row) ?? this.#sums.get(row));
  }

  writeDifference(out: number, row: number, i: number): void {
    const value = this.#points.values[i]!;
    const before = this.#sums.wide(row) ?? this.#sums.get(row);
    if (typeof value === 'number' && typeof before === 'number') {
      if (this.#sums.isDouble(row)) this.#doubles = true;
      const difference = value - before;
      if (!this.#points.integer || Number.isSafeInteger(difference)) {
        this.#write(out, difference);
        return;
      }
    }
    this.#write(
      out,
      this.#points.integer && !this.#sums.isDouble(row)
        ? BigInt(value) - BigInt(before)
        : Number(value) - Number(before),
    );
  }

  writeWhole(out: number, i: number): void {
    this.#write(out, this.#points.values[i]!);
  }

  store(row: number, i: number): void {
    this.#sums.set(row, this.#points.values[i]!, this.#points.integer);
  }

  writeNothing(out: number): void {
    this.#write(out, 0);
  }

  finish(count: number): Omit<NumberPoints, keyof PointColumns> {
    const narrow = this.#out.subarray(0, count);
    const wide = this.#wide;
    if (wide === undefined || wide.size === 0) return { values: narrow, integer: !this.#doubles };
    if (this.#doubles) {
      for (const [out, value] of wide) narrow[out] = Number(value);
      return { values: narrow, integer: false };
    }
    const values = new BigInt64Array(count);
    for (let out = 0; out < count; out++) values[out] = wide.get(out) ?? BigInt(narrow[out]!);
    return { values, integer: true };
  }

  #write(out: number, value: number | bigint): void {
    if (typeof value === 'number') {
      this.#out[out] = value;
      this.#wide?.delete(out);
      return;
    }
    const rounded = Number(value);
    this.#out[out] = rounded;
    if (Number.isSafeInteger(rounded)) {
      this.#wide?.delete(out);
    } else {
      this.#wide ??= new Map();
      this.#wide.set(out, value);
    }
  }
}
