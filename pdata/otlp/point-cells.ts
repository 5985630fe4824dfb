import type { FlagColumn, PointColumns, TimeColumn } from '../metrics.ts';
import { ExemplarCells } from './exemplar-cells.ts';
import type { FieldCursor } from './field-cursor.ts';
import type { PointSource } from './metrics-decode.ts';
import { CountCells, TimeCells } from './row-cells.ts';

/** Numbers of the fields that every kind of point has. */
export interface PointFields {
  readonly attributes: number;
  readonly flags: number;
  /** 0 where there are none. */
  readonly exemplars: number;
}

/** The columns that every kind of point has. Start time is field 2, time is field 3 of all of them. */
export class PointCells {
  readonly #source: PointSource;
  readonly #ids: Uint32Array;
  readonly #startTime: TimeCells;
  readonly #time: TimeCells;
  readonly #flags: CountCells;
  #exemplars: ExemplarCells | undefined;
  #unknown: (Uint8Array | undefined)[] | undefined;
  /** Attributes of the row, behind one another, each behind the tag of field 1. */
  #scratch = new Uint8Array(512);
  #used = 0;

  constructor(source: PointSource, rows: number) {
    this.#source = source;
    this.#ids = new Uint32Array(rows);
    this.#startTime = new TimeCells(source.bytes, rows);
    this.#time = new TimeCells(source.bytes, rows);
    this.#flags = new CountCells(rows);
  }

  startTime(row: number, at: number): void {
    this.#startTime.set(row, at);
  }

  time(row: number, at: number): void {
    this.#time.set(row, at);
  }

  flags(row: number, field: FieldCursor): void {
    this.#flags.set(row, field.uint32());
  }

  exemplar(row: number, start: number, end: number): void {
    this.#exemplars ??= new ExemplarCells(this.#source.bytes);
    this.#exemplars.add(row, start, end);
  }

  /** Adds a `KeyValue` of the row. */
  attribute(start: number, end: number): void {
    const { bytes } = this.#source;
    let length = end - start;
    if (this.#used + length + 6 > this.#scratch.length) this.#grow(length + 6);
    const scratch = this.#scratch;
    let at = this.#used;
    scratch[at++] = 0x0a;
    for (; length > 0x7f; length >>>= 7) scratch[at++] = (length & 0x7f) | 0x80;
    scratch[at++] = length;
    for (let i = start; i < end; i++) scratch[at++] = bytes[i]!;
    this.#used = at;
  }

  unknown(row: number, from: number, to: number): void {
    this.#unknown ??= new Array<undefined>(this.#ids.length).fill(undefined);
    const before = this.#unknown[row];
    const more = this.#source.bytes.subarray(from, to);
    this.#unknown[row] = before === undefined ? more.slice() : Uint8Array.of(...before, ...more);
  }

  /** Ends the row: finds its series. */
  end(row: number): void {
    const { interner, resource, scope } = this.#source;
    this.#ids[row] = interner.internBytes(resource, scope, this.#scratch, 0, this.#used);
    this.#used = 0;
  }

  build(): PointColumns {
    const exemplars = this.#exemplars?.build();
    return {
      length: this.#ids.length,
      ids: this.#ids,
      time: this.#time.build() as TimeColumn,
      startTime: this.#startTime.build() as TimeColumn,
      flags: this.#flags.flags() as FlagColumn,
      ...(exemplars && { exemplars }),
      ...(this.#unknown && { unknown: this.#unknown }),
    };
  }

  #grow(more: number): void {
    const grown = new Uint8Array(Math.max(this.#scratch.length * 2, this.#used + more));
    grown.set(this.#scratch.subarray(0, this.#used));
    this.#scratch = grown;
  }
}

/** Copies 8 bytes at `at`, little-endian as the machine must be. */
export function copy8(to: Uint8Array, row: number, from: Uint8Array, at: number): void {
  for (let i = 0; i < 8; i++) to[row * 8 + i] = from[at + i]!;
}

const WORD = new Uint8Array(8);
const WORD_DOUBLE = new Float64Array(WORD.buffer);
const WORD_HALVES = new Uint32Array(WORD.buffer);

/** The double at `at`. */
export function doubleAt(bytes: Uint8Array, at: number): number {
  copy8(WORD, 0, bytes, at);
  return WORD_DOUBLE[0]!;
}

/** The unsigned 64-bit integer at `at`; beyond 2^53 it is rounded. */
export function uint64At(bytes: Uint8Array, at: number): number {
  copy8(WORD, 0, bytes, at);
  return WORD_HALVES[0]! + WORD_HALVES[1]! * 0x1_0000_0000;
}
