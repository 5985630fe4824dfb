import { type Exemplars, formatInteger, type NumberPoints } from 'bpflow/sdk';
import { type Exemplar, exemplarAt, exemplarText, writeExemplar } from './exemplars.ts';
import { type MessageWriter, varintSize } from './message-writer.ts';
import type { FamilyDescription } from './naming.ts';
import { NUMBER_BYTES, type TextWriter } from './text-writer.ts';
import { begin, type LineStarts, type Values } from './values.ts';

/** Counters and gauges. Integers stay exact: those beyond 2^53 are kept apart. */
export class NumberValues implements Values {
  readonly #family: FamilyDescription;
  #values = new Float64Array(0);
  #integer = new Uint8Array(0);
  readonly #big = new Map<number, bigint>();
  /** The last one of each counter that has any. */
  readonly #exemplars = new Map<number, Exemplar>();

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
    const exemplar = this.#exemplars.get(from);
    if (exemplar === undefined) this.#exemplars.delete(to);
    else this.#exemplars.set(to, exemplar);
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
    this.#exemplars.delete(row);
  }

  keep(row: number, exemplars: Exemplars, _from: number, to: number): void {
    if (this.#family.type === 'counter') this.#exemplars.set(row, exemplarAt(exemplars, to - 1, this.#family.scale));
  }

  write(out: TextWriter, starts: LineStarts, labels: string, row: number, time: string): void {
    const { factor, scale } = this.#family;
    const ending = this.#exemplars.size === 0 || !starts.view.openMetrics ? time : time + this.#exemplarText(row);
    out.reserve(starts.sample.open.length + labels.length + NUMBER_BYTES + ending.length);
    begin(out, starts.sample, labels);
    const value = this.#values[row]!;
    if (factor !== 1) out.floatLine(scale(value), ending);
    else if (this.#integer[row] === 0) out.floatLine(value, ending);
    else if (this.#big.size === 0 || !this.#big.has(row)) out.integerLine(value, ending);
    else out.line(formatInteger(this.#big.get(row)!) + ending);
  }

  /** Metric: 1 label, 2 gauge, 3 counter, 6 timestamp_ms. Gauge: 1 value. Counter: 1 value, 2 exemplar. */
  writeMessage(out: MessageWriter, labels: string, row: number, timeMs: number): void {
    const { type, scale } = this.#family;
    const value = scale(this.#values[row]!);
    const exemplar = this.#exemplars.size === 0 ? undefined : this.#exemplars.get(row);
    if (exemplar !== undefined) {
      out.message(4, (metric) => {
        metric.out.reserve(labels.length);
        metric.out.text(labels);
        metric.message(3, (counter) => {
          counter.double(1, value);
          writeExemplar(counter, 2, exemplar);
        });
        if (timeMs !== 0) metric.uint(6, timeMs);
      });
      return;
    }
    out.begin(4, labels.length + DOUBLE_BYTES + 2 + (timeMs === 0 ? 0 : 1 + varintSize(timeMs)));
    out.out.text(labels);
    out.begin(type === 'counter' ? 3 : 2, DOUBLE_BYTES);
    out.double(1, value);
    if (timeMs !== 0) out.uint(6, timeMs);
  }

  #exemplarText(row: number): string {
    const exemplar = this.#exemplars.get(row);
    return exemplar === undefined ? '' : exemplarText(exemplar);
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

/** A double with its tag. */
const DOUBLE_BYTES = 9;

function grown(column: Float64Array, length: number): Float64Array<ArrayBuffer> {
  const longer = new Float64Array(length);
  longer.set(column);
  return longer;
}
