import { sparseBelow } from '../log-columns.ts';
import type { LogColumn } from '../logs.ts';
import { decodeUtf8 } from './any-value.ts';
import { ByteWords } from './byte-words.ts';
import { DELIMITED, FIXED64, VARINT, WireReader } from './wire.ts';

/** AnyValue: 1 string_value, 2 bool_value, 3 int_value, 4 double_value. */
const STRING = 1 * 8 + DELIMITED;
const BOOL = 2 * 8 + VARINT;
const INT = 3 * 8 + VARINT;
const DOUBLE = 4 * 8 + FIXED64;
const MIXED = 0;
/** KeyValue: 1 key, 2 value. */
const KEY = 1 * 8 + DELIMITED;
const VALUE = 2 * 8 + DELIMITED;

/** One attribute (or the body) over the rows of a request, as places of AnyValues in its bytes; made a column at the end. */
export class ValueCells {
  readonly #bytes: Uint8Array;
  readonly #rows: number[] = [];
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  /** The tag that all values begin with. */
  #tag = -1;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Rows ascend; of several values in a row the first counts. */
  add(row: number, start: number, end: number): void {
    const count = this.#rows.length;
    if (count > 0 && this.#rows[count - 1] === row) return;
    const tag = this.#simpleTag(start, end);
    this.#tag = count === 0 || tag === this.#tag ? tag : MIXED;
    this.#rows.push(row);
    this.#starts.push(start);
    this.#ends.push(end);
  }

  /** Values that are not all strings, booleans, doubles or ints below 2^53 stay encoded: views on the request. */
  build(length: number): LogColumn {
    const rows = this.#rows;
    if (rows.length < sparseBelow(length)) {
      return { kind: 'sparse', rows: Uint32Array.from(rows), values: rows.map((_, cell) => this.#encoded(cell)) };
    }
    return this.#typed(length) ?? { kind: 'encoded', values: this.#allEncoded(length) };
  }

  #typed(length: number): LogColumn | undefined {
    const rows = this.#rows;
    const present = rows.length === length ? {} : { present: this.#presence(length) };
    switch (this.#tag) {
      case STRING: {
        const words = new ByteWords(this.#bytes, length);
        for (let cell = 0; cell < rows.length; cell++) {
          words.set(rows[cell]!, this.#contentOf(cell), this.#ends[cell]!);
        }
        return { kind: 'string', values: words.build(), ...present };
      }
      case BOOL: {
        const values = new Uint8Array(length);
        for (let cell = 0; cell < rows.length; cell++) values[rows[cell]!] = this.#bytes[this.#starts[cell]! + 1]!;
        return { kind: 'bool', values, ...present };
      }
      case INT: {
        const values = new Float64Array(length);
        const reader = new WireReader(this.#bytes);
        for (let cell = 0; cell < rows.length; cell++) {
          reader.position = this.#starts[cell]! + 1;
          const value = reader.int64();
          if (typeof value === 'bigint') return undefined;
          values[rows[cell]!] = value;
        }
        return { kind: 'int', values, ...present };
      }
      case DOUBLE: {
        const values = new Float64Array(length);
        const reader = new WireReader(this.#bytes);
        for (let cell = 0; cell < rows.length; cell++) {
          reader.position = this.#starts[cell]! + 1;
          values[rows[cell]!] = reader.double();
        }
        return { kind: 'double', values, ...present };
      }
      default:
        return undefined;
    }
  }

  #allEncoded(length: number): (Uint8Array | undefined)[] {
    const values = new Array<Uint8Array | undefined>(length).fill(undefined);
    for (const [cell, row] of this.#rows.entries()) values[row] = this.#encoded(cell);
    return values;
  }

  #encoded(cell: number): Uint8Array {
    return this.#bytes.subarray(this.#starts[cell]!, this.#ends[cell]!);
  }

  #presence(length: number): Uint8Array {
    const present = new Uint8Array(length);
    for (const row of this.#rows) present[row] = 1;
    return present;
  }

  /** Where the string of a cell begins. */
  #contentOf(cell: number): number {
    let at = this.#starts[cell]! + 1;
    while (this.#bytes[at]! >= 0x80) at++;
    return at + 1;
  }

  /** The tag of an AnyValue that is one simple value and nothing else; MIXED for any other. */
  #simpleTag(start: number, end: number): number {
    const bytes = this.#bytes;
    if (start === end) return MIXED;
    const tag = bytes[start]!;
    switch (tag) {
      case STRING: {
        const length = bytes[start + 1]!;
        const until = length < 0x80 ? start + 2 + length : new WireReader(bytes, start + 1, end).delimited();
        return until === end ? STRING : MIXED;
      }
      case BOOL:
        return end - start === 2 && bytes[start + 1]! < 2 ? BOOL : MIXED;
      case INT: {
        let at = start + 1;
        while (at < end && bytes[at]! >= 0x80) at++;
        return at + 1 === end ? INT : MIXED;
      }
      case DOUBLE:
        return end - start === 9 ? DOUBLE : MIXED;
      default:
        return MIXED;
    }
  }
}

/** All attributes of the rows of a request. */
export class AttributeCells {
  readonly #bytes: Uint8Array;
  readonly #reader: WireReader;
  readonly #cells = new Map<string, ValueCells>();
  /** What the row before had at each place, with the key's bytes: most rows have the same keys in the same order. */
  readonly #guesses: { readonly start: number; readonly end: number; readonly cells: ValueCells }[] = [];
  #row = -1;
  #place = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#reader = new WireReader(bytes);
  }

  /** The attribute whose `KeyValue` is in `[start, end)`. KeyValue: 1 key, 2 value. */
  add(row: number, start: number, end: number): void {
    if (row !== this.#row) {
      this.#row = row;
      this.#place = 0;
    }
    const bytes = this.#bytes;
    const reader = this.#reader;
    reader.position = start;
    reader.end = end;
    let keyStart = start;
    let keyEnd = start;
    let valueStart = end;
    let valueEnd = end;
    while (!reader.done) {
      const tag = reader.tag();
      if (tag === KEY) {
        keyEnd = reader.delimited();
        keyStart = reader.position;
        reader.position = keyEnd;
      } else if (tag === VALUE) {
        valueEnd = reader.delimited();
        valueStart = reader.position;
        reader.position = valueEnd;
      } else {
        reader.skip(tag);
      }
    }
    const place = this.#place++;
    const guess = this.#guesses[place];
    if (guess !== undefined && isSame(bytes, guess.start, guess.end, keyStart, keyEnd)) {
      guess.cells.add(row, valueStart, valueEnd);
      return;
    }
    const key = decodeUtf8(bytes, keyStart, keyEnd);
    let cells = this.#cells.get(key);
    if (cells === undefined) {
      cells = new ValueCells(bytes);
      this.#cells.set(key, cells);
    }
    cells.add(row, valueStart, valueEnd);
    this.#guesses[place] = { start: keyStart, end: keyEnd, cells };
  }

  build(length: number): ReadonlyMap<string, LogColumn> {
    return new Map(Array.from(this.#cells, ([key, cells]) => [key, cells.build(length)]));
  }
}

function isSame(bytes: Uint8Array, start: number, end: number, otherStart: number, otherEnd: number): boolean {
  if (end - start !== otherEnd - otherStart) return false;
  for (let i = 0; i < end - start; i++) if (bytes[start + i] !== bytes[otherStart + i]) return false;
  return true;
}
