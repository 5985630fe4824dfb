import type { DictionaryColumn } from './logs.ts';
import type { FlagColumn, TimeColumn } from './metrics.ts';

export type TypedColumn = Float64Array | BigInt64Array | BigUint64Array | Uint32Array | Int32Array | Uint8Array;

/** Rows of a batch to take: a range, whose columns are then views on the old ones, or a list, whose columns are copies. */
export type Rows = Uint32Array | { readonly from: number; readonly to: number };

export function rowCount(rows: Rows): number {
  return rows instanceof Uint32Array ? rows.length : rows.to - rows.from;
}

/** Row `i` of the selection, as a row of the batch. */
export function rowAt(rows: Rows, i: number): number {
  return rows instanceof Uint32Array ? rows[i]! : rows.from + i;
}

/** The rows of a column of `width` values a row. */
export function pick<T extends TypedColumn>(column: T, rows: Rows, width = 1): T {
  if (!(rows instanceof Uint32Array)) return column.subarray(rows.from * width, rows.to * width) as T;
  const picked = emptyLike(column, rows.length * width);
  for (let i = 0; i < rows.length; i++) {
    const from = rows[i]! * width;
    for (let k = 0; k < width; k++) picked[i * width + k] = column[from + k]!;
  }
  return picked;
}

export function pickTime(column: TimeColumn, rows: Rows): TimeColumn {
  return typeof column === 'bigint' ? column : pick(column, rows);
}

export function pickFlags(column: FlagColumn, rows: Rows): FlagColumn {
  return typeof column === 'number' ? column : pick(column, rows);
}

export function pickWords(column: DictionaryColumn, rows: Rows): DictionaryColumn {
  return { codes: pick(column.codes, rows), words: column.words };
}

/** The entries that belong to the rows, of a list that is sorted by the row each belongs to; and their rows in the selection. */
export function pickOwned(
  owner: Uint32Array,
  rows: Rows,
): { readonly entries: Uint32Array; readonly owner: Uint32Array } {
  const entries: number[] = [];
  const owners: number[] = [];
  for (let i = 0; i < rowCount(rows); i++) {
    const row = rowAt(rows, i);
    for (let at = lowerBound(owner, row); at < owner.length && owner[at] === row; at++) {
      entries.push(at);
      owners.push(i);
    }
  }
  return { entries: Uint32Array.from(entries), owner: Uint32Array.from(owners) };
}

/** All columns behind one another. */
export function concat<T extends TypedColumn>(columns: readonly T[]): T {
  if (columns.length === 1) return columns[0]!;
  let length = 0;
  for (const column of columns) length += column.length;
  const result = emptyLike(columns[0]!, length);
  let at = 0;
  for (const column of columns) {
    (result as Uint8Array).set(column as Uint8Array, at);
    at += column.length;
  }
  return result;
}

/** As {@link concat}, with `shift[i]` added to every value of column i. */
export function concatShifted(columns: readonly Uint32Array[], shifts: readonly number[]): Uint32Array {
  const result = concat(columns.length === 1 ? [columns[0]!.slice()] : columns);
  let at = 0;
  for (const [i, column] of columns.entries()) {
    for (const end = at + column.length; at < end; at++) result[at]! += shifts[i]!;
  }
  return result;
}

export function concatTime(columns: readonly TimeColumn[], lengths: readonly number[]): TimeColumn {
  const [first] = columns;
  if (typeof first === 'bigint' && columns.every((column) => column === first)) return first;
  return concat(
    columns.map((column, i) => (typeof column === 'bigint' ? new BigUint64Array(lengths[i]!).fill(column) : column)),
  );
}

export function concatFlags(columns: readonly FlagColumn[], lengths: readonly number[]): FlagColumn {
  const [first] = columns;
  if (typeof first === 'number' && columns.every((column) => column === first)) return first;
  return concat(
    columns.map((column, i) => (typeof column === 'number' ? new Uint32Array(lengths[i]!).fill(column) : column)),
  );
}

/** Columns that may be missing; missing ones count as filled with `absent`. Undefined when all are missing. */
export function concatOptional<T extends Float64Array | Uint32Array | Uint8Array>(
  columns: readonly (T | undefined)[],
  lengths: readonly number[],
  absent: number,
): T | undefined {
  const known = columns.find((column) => column !== undefined);
  if (known === undefined) return undefined;
  return concat(columns.map((column, i) => column ?? (emptyLike(known, lengths[i]!).fill(absent) as T)));
}

export function concatWords(columns: readonly DictionaryColumn[]): DictionaryColumn {
  const [first] = columns;
  if (columns.every(({ words }) => words === first!.words)) {
    return { codes: concat(columns.map(({ codes }) => codes)), words: first!.words };
  }
  const codeOf = new Map<string, number>();
  const renamed = columns.map(({ codes, words }) => {
    const newCodes = Uint32Array.from(words, (word) => {
      if (!codeOf.has(word)) codeOf.set(word, codeOf.size);
      return codeOf.get(word)!;
    });
    return codes.map((code) => newCodes[code]!);
  });
  return { codes: concat(renamed), words: [...codeOf.keys()] };
}

/** Joins lists whose items rows refer to by index; equal objects are kept once. */
export function concatReferences<T>(
  lists: readonly (readonly T[])[],
  codes: readonly Uint32Array[],
): { readonly items: readonly T[]; readonly codes: Uint32Array } {
  const [first] = lists;
  if (lists.every((list) => list === first)) return { items: first!, codes: concat(codes) };
  const codeOf = new Map<T, number>();
  const renamed = lists.map((list, i) => {
    const newCodes = list.map((item) => {
      if (!codeOf.has(item)) codeOf.set(item, codeOf.size);
      return codeOf.get(item)!;
    });
    return codes[i]!.map((code) => newCodes[code]!);
  });
  return { items: [...codeOf.keys()], codes: concat(renamed) };
}

/** An array of the same type, filled with zeros. */
export function emptyLike<T extends TypedColumn>(column: T, length: number): T {
  const Type = column.constructor as new (length: number) => T;
  return new Type(length);
}

function lowerBound(sorted: Uint32Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
