import type { AttributeValue } from './attributes.ts';
import { double } from './attributes.ts';
import { concat, concatOptional, concatWords, pick, pickWords, type Rows, rowAt, rowCount } from './columns.ts';
import type { LogColumn } from './logs.ts';
import { readAnyValue, writeAnyValue } from './otlp/any-value.ts';
import { WireWriter } from './otlp/wire.ts';

/** The value in a row; undefined where the row has none. */
export function columnValue(column: LogColumn, row: number): AttributeValue | undefined {
  if (column.kind === 'encoded') {
    const bytes = column.values[row];
    return bytes === undefined ? undefined : readAnyValue(bytes);
  }
  if (column.kind === 'sparse') {
    const at = placeOf(column.rows, row);
    return at < 0 ? undefined : readAnyValue(column.values[at]!);
  }
  if (column.present !== undefined && column.present[row] === 0) return undefined;
  switch (column.kind) {
    case 'int':
      return column.values[row]!;
    case 'double': {
      const value = column.values[row]!;
      return Number.isInteger(value) ? double(value) : value;
    }
    case 'bool':
      return column.values[row] !== 0;
    case 'string':
      return column.values.words[column.values.codes[row]!]!;
    default:
      return column satisfies never;
  }
}

/** The rows of a column. */
export function pickColumn(column: LogColumn, rows: Rows): LogColumn {
  if (column.kind === 'encoded') {
    const values = Array.from({ length: rowCount(rows) }, (_, i) => column.values[rowAt(rows, i)]);
    return { kind: 'encoded', values };
  }
  if (column.kind === 'sparse') return pickSparse(column, rows);
  const present = column.present && { present: pick(column.present, rows) };
  switch (column.kind) {
    case 'int':
    case 'double':
      return { kind: column.kind, values: pick(column.values, rows), ...present };
    case 'bool':
      return { kind: 'bool', values: pick(column.values, rows), ...present };
    case 'string':
      return { kind: 'string', values: pickWords(column.values, rows), ...present };
    default:
      return column satisfies never;
  }
}

/** Columns of one attribute behind one another; `undefined` for a part without it. Kinds that differ become `encoded`. */
export function concatColumns(parts: readonly (LogColumn | undefined)[], lengths: readonly number[]): LogColumn {
  const known = parts.filter((part) => part !== undefined);
  const [first] = known;
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const count = parts.reduce((sum, part, i) => sum + (part === undefined ? 0 : countValues(part, lengths[i]!)), 0);
  if (count < sparseBelow(total)) {
    return concatSparse(parts, lengths);
  }
  if (known.every((part) => part.kind === first!.kind) && isTyped(first!)) {
    const filled = parts.map((part, i) => part ?? absent(first.kind, lengths[i]!)) as TypedLogColumn[];
    const present = concatOptional(
      filled.map((part) => part.present),
      lengths,
      1,
    );
    return { ...concatSameKind(filled), ...(present && { present }) };
  }
  const values = parts.flatMap((part, i) =>
    Array.from({ length: lengths[i]! }, (_, row) => (part === undefined ? undefined : encoded(part, row))),
  );
  return { kind: 'encoded', values };
}

/** With fewer values than this a column of so many rows is sparse: so columns take memory by their values, not by rows times keys. */
export function sparseBelow(rows: number): number {
  return rows < 64 ? 0 : rows / 8;
}

/** Columns by attribute, over all parts. */
export function concatAttributes(
  parts: readonly ReadonlyMap<string, LogColumn>[],
  lengths: readonly number[],
): ReadonlyMap<string, LogColumn> {
  const result = new Map<string, LogColumn>();
  for (const key of new Set(parts.flatMap((columns) => [...columns.keys()]))) {
    result.set(
      key,
      concatColumns(
        parts.map((columns) => columns.get(key)),
        lengths,
      ),
    );
  }
  return result;
}

export function pickAttributes(columns: ReadonlyMap<string, LogColumn>, rows: Rows): ReadonlyMap<string, LogColumn> {
  return new Map(Array.from(columns, ([key, column]) => [key, pickColumn(column, rows)]));
}

/** The OTLP bytes of the AnyValue in a row of a column that has them. */
export function storedBytes(column: Exclude<LogColumn, TypedLogColumn>, row: number): Uint8Array | undefined {
  return column.kind === 'encoded' ? column.values[row] : column.values[placeOf(column.rows, row)];
}

/** The OTLP bytes of the AnyValue in a row. */
function encoded(column: LogColumn, row: number): Uint8Array | undefined {
  if (!isTyped(column)) return storedBytes(column, row);
  const value = columnValue(column, row);
  return value === undefined ? undefined : encodeValue(value);
}

export function encodeValue(value: AttributeValue): Uint8Array {
  const writer = new WireWriter(32);
  writeAnyValue(writer, value);
  return writer.take();
}

/** A column whose values are not bytes. */
export type TypedLogColumn = Exclude<LogColumn, { kind: 'encoded' | 'sparse' }>;

export function isTyped(column: LogColumn): column is TypedLogColumn {
  return column.kind !== 'encoded' && column.kind !== 'sparse';
}

function concatSameKind(parts: readonly TypedLogColumn[]): TypedLogColumn {
  const { kind } = parts[0]!;
  switch (kind) {
    case 'int':
    case 'double':
      return { kind, values: concat(parts.map((part) => part.values as Float64Array)) };
    case 'bool':
      return { kind: 'bool', values: concat(parts.map((part) => part.values as Uint8Array)) };
    case 'string': {
      const columns = parts as readonly Extract<LogColumn, { kind: 'string' }>[];
      return { kind: 'string', values: concatWords(columns.map(({ values }) => values)) };
    }
    default:
      return kind satisfies never;
  }
}

/** A column of this kind in which every row is absent. */
function absent(kind: TypedLogColumn['kind'], length: number): TypedLogColumn {
  const present = new Uint8Array(length);
  switch (kind) {
    case 'int':
    case 'double':
      return { kind, values: new Float64Array(length), present };
    case 'bool':
      return { kind, values: new Uint8Array(length), present };
    case 'string':
      return { kind, values: { codes: new Uint32Array(length), words: [''] }, present };
    default:
      return kind satisfies never;
  }
}

type SparseColumn = Extract<LogColumn, { kind: 'sparse' }>;

/** Rows of a list ascend. */
function pickSparse({ rows: ownRows, values }: SparseColumn, rows: Rows): SparseColumn {
  const kept: number[] = [];
  const keptValues: Uint8Array[] = [];
  for (const [i, row] of ownRows.entries()) {
    const at = rows instanceof Uint32Array ? placeOf(rows, row) : row < rows.to ? row - rows.from : -1;
    if (at < 0) continue;
    kept.push(at);
    keptValues.push(values[i]!);
  }
  return { kind: 'sparse', rows: Uint32Array.from(kept), values: keptValues };
}

function concatSparse(parts: readonly (LogColumn | undefined)[], lengths: readonly number[]): SparseColumn {
  const rows: number[] = [];
  const values: Uint8Array[] = [];
  let first = 0;
  for (const [i, part] of parts.entries()) {
    if (part?.kind === 'sparse') {
      for (const row of part.rows) rows.push(first + row);
      for (const value of part.values) values.push(value);
    } else if (part !== undefined) {
      for (let row = 0; row < lengths[i]!; row++) {
        const value = encoded(part, row);
        if (value === undefined) continue;
        rows.push(first + row);
        values.push(value);
      }
    }
    first += lengths[i]!;
  }
  return { kind: 'sparse', rows: Uint32Array.from(rows), values };
}

/** How many rows have a value. */
function countValues(column: LogColumn, length: number): number {
  if (column.kind === 'sparse') return column.rows.length;
  if (column.kind === 'encoded') return column.values.reduce((sum, value) => sum + (value === undefined ? 0 : 1), 0);
  return column.present === undefined ? length : column.present.reduce((sum, present) => sum + present, 0);
}

/** Index of a row among ascending ones, -1 when it is not there. */
function placeOf(rows: Uint32Array, row: number): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (rows[middle]! < row) low = middle + 1;
    else high = middle;
  }
  return rows[low] === row ? low : -1;
}
