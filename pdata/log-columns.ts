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
  if (known.every((part) => part.kind === first!.kind) && first!.kind !== 'encoded') {
    const filled = parts.map((part, i) => part ?? absent(first!.kind, lengths[i]!));
    const presence = filled.map((part) => (part.kind === 'encoded' ? undefined : part.present));
    const present = concatOptional(presence, lengths, 1);
    return { ...concatSameKind(filled), ...(present && { present }) };
  }
  const values = parts.flatMap((part, i) =>
    Array.from({ length: lengths[i]! }, (_, row) => (part === undefined ? undefined : encoded(part, row))),
  );
  return { kind: 'encoded', values };
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

/** The OTLP bytes of the AnyValue in a row. */
function encoded(column: LogColumn, row: number): Uint8Array | undefined {
  if (column.kind === 'encoded') return column.values[row];
  const value = columnValue(column, row);
  return value === undefined ? undefined : encodeValue(value);
}

export function encodeValue(value: AttributeValue): Uint8Array {
  const writer = new WireWriter(32);
  writeAnyValue(writer, value);
  return writer.take();
}

function concatSameKind(parts: readonly LogColumn[]): Exclude<LogColumn, { kind: 'encoded' }> {
  const [first] = parts;
  switch (first!.kind) {
    case 'int':
    case 'double':
      return { kind: first!.kind, values: concat(parts.map((part) => part.values as Float64Array)) };
    case 'bool':
      return { kind: 'bool', values: concat(parts.map((part) => part.values as Uint8Array)) };
    case 'string': {
      const columns = parts as readonly Extract<LogColumn, { kind: 'string' }>[];
      return { kind: 'string', values: concatWords(columns.map(({ values }) => values)) };
    }
    default:
      throw new TypeError('Encoded columns have no kind of their own.');
  }
}

/** A column of this kind in which every row is absent. */
function absent(kind: LogColumn['kind'], length: number): LogColumn {
  const present = new Uint8Array(length);
  switch (kind) {
    case 'int':
    case 'double':
      return { kind, values: new Float64Array(length), present };
    case 'bool':
      return { kind, values: new Uint8Array(length), present };
    case 'string':
      return { kind, values: { codes: new Uint32Array(length), words: [''] }, present };
    case 'encoded':
      return { kind, values: new Array<undefined>(length).fill(undefined) };
    default:
      return kind satisfies never;
  }
}
