import { formatInteger, type NumberPoints } from 'bpflow/sdk';
import type { FamilyDescription } from './naming.ts';
import { NUMBER_BYTES, type TextWriter } from './text-writer.ts';
import { begin, type LineStarts, type Values } from './values.ts';

/** Counters and gauges. Integers stay exact: those beyond 2^53 are kept apart. */
export class NumberValues implements Values {
  readonly #family: FamilyDescription;
  #values = new Float64Array(0);
  #integer = new Uint8Array(0);
  readonly #big = new Map<number, bigint>();

  constructor(family: FamilyDescription) {
    this.#family = family;
  }

  grow(rows: number): void {
    this.#values = grown(this.#values, rows);
    const integer = new Uint8Array(rows);
    integer.set(this.#integer);
    this.#integer = integer;
  }

  set(row: number, points: NumberPoints, i: number): void {
    const value = points.values[i]!;
    this.#integer[row] = points.integer ? 1 : 0;
    if (typeof value === 'number') {
      this.#values[row] = value;
      if (this.#big.size > 0) this.#big.delete(row);
    } else {
      this.#setBig(row, value);
    }
  }

  copy(to: number, from: number): void {
    this.#values[to] = this.#values[from]!;
    this.#integer[to] = this.#integer[from]!;
    const big = this.#big.get(from);
    if (big === undefined) this.#big.delete(to);
    else this.#big.set(to, big);
  }

  add(to: number, from: number): boolean {
    const sum = this.#values[to]! + this.#values[from]!;
    if (this.#integer[to] === 1 && this.#integer[from] === 1 && !Number.isSafeInteger(sum)) {
      this.#setBig(to, this.#exact(to) + this.#exact(from));
    } else {
      this.#values[to] = sum;
      this.#integer[to] = this.#integer[to]! & this.#integer[from]!;
      this.#big.delete(to);
    }
    return true;
  }

  clear(row: number): void {
    this.#big.delete(row);
  }

  write(out: TextWriter, starts: LineStarts, labels: string, row: number): void {
    const { factor, scale } = this.#family;
    out.reserve(starts.sample.open.length + labels.length + NUMBER_BYTES);
    begin(out, starts.sample, labels);
    const value = this.#values[row]!;
    if (factor !== 1) out.floatLine(scale(value));
    else if (this.#integer[row] === 0) out.floatLine(value);
    else if (this.#big.size === 0 || !this.#big.has(row)) out.integerLine(value);
    else out.line(formatInteger(this.#big.get(row)!));
  }

  #setBig(row: number, value: bigint): void {
    const rounded = Number(value);
    this.#values[row] = rounded;
    if (Number.isSafeInteger(rounded)) this.#big.delete(row);
    else this.#big.set(row, value);
  }

  #exact(row: number): bigint {
    return this.#big.get(row) ?? BigInt(this.#values[row]!);
  }
}

function grown(column: Float64Array, length: number): Float64Array<ArrayBuffer> {
  const longer = new Float64Array(length);
  longer.set(column);
  return longer;
}
