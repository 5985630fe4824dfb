import { columnValue, isTyped, storedBytes } from '../log-columns.ts';
import type { LogColumn } from '../logs.ts';
import { isUnchanged, NOT_SENT, type RowBatch, type SentRows } from '../sent-rows.ts';
import { readKeyValue, writeAnyValue, writeKeyValue } from './any-value.ts';
import { FieldCursor } from './field-cursor.ts';
import { DELIMITED, type WireWriter } from './wire.ts';

/** All rows of one request, just decoded. */
export function sentRows(
  bytes: Uint8Array,
  start: Uint32Array,
  end: Uint32Array,
  columns: Readonly<Record<string, unknown>>,
  attributes: ReadonlyMap<string, LogColumn>,
): SentRows {
  return {
    sources: [bytes],
    source: new Uint32Array(start.length),
    start,
    end,
    columns: new Map(Object.entries(columns)),
    attributes,
  };
}

/** What the writer of a signal's rows knows of its message. */
export interface RowMessage<B extends RowBatch> {
  /** Number of the field of the attributes. */
  readonly attributes: number;
  /** The columns of each other field, by its number. Sub-messages of several columns are rewritten when one of them was changed. */
  readonly columns: ReadonlyMap<number, readonly string[]>;
  /** Writes the fields for which `wanted` is not 0, by number, from the columns. */
  write(writer: WireWriter, batch: B, row: number, wanted: Uint8Array): void;
}

/**
 * A function that writes the content of a row's message: as it came where nothing of it was changed, else what was changed from
 * the columns and the rest as it came.
 */
export function rowWriter<B extends RowBatch>(
  message: RowMessage<B>,
  batch: B,
  writer: WireWriter,
): (row: number) => void {
  const { sent } = batch;
  const all = new Uint8Array(32).fill(1);
  const keys = [...batch.attributes];
  const writeAll = (row: number): void => {
    message.write(writer, batch, row, all);
    for (const [key, column] of keys) writeAttribute(writer, message.attributes, key, column, row);
  };
  if (sent === undefined) return writeAll;
  const changed = new Uint8Array(32);
  for (const [field, names] of message.columns)
    changed[field] = names.every((name) => isUnchanged(batch, name)) ? 0 : 1;
  const sameAttributes = batch.attributes === sent.attributes;
  const isWhole = sameAttributes && changed.every((is) => is === 0);
  const attributes = sameAttributes ? undefined : new AttributePlan(batch, sent);
  const cursors = sent.sources.map((source) => new FieldCursor(source));
  return (row) => {
    const source = sent.source[row]!;
    if (source === NOT_SENT) {
      writeAll(row);
      return;
    }
    const bytes = sent.sources[source]!;
    if (isWhole) {
      writer.raw(bytes.subarray(sent.start[row]!, sent.end[row]!));
      return;
    }
    const field = cursors[source]!;
    let from = sent.start[row]!;
    field.enter(from, sent.end[row]!);
    attributes?.begin();
    while (field.next()) {
      const number = field.tag >>> 3;
      if (number === message.attributes && attributes !== undefined && (field.tag & 7) === DELIMITED) {
        attributes.entry(writer, message.attributes, bytes, from, field, row);
      } else if (number >= 32 || changed[number] === 0) {
        writer.raw(bytes.subarray(from, field.end));
      }
      from = field.end;
    }
    attributes?.rest(writer, message.attributes, row);
    message.write(writer, batch, row, changed);
  };
}

/** What becomes of each attribute of a sent row. */
class AttributePlan {
  /** Keys that stay as they came. */
  readonly #kept = new Set<string>();
  /** Keys that were changed or added. */
  readonly #changed = new Map<string, LogColumn>();
  readonly #written = new Set<string>();

  constructor(batch: RowBatch, sent: SentRows) {
    for (const [key, column] of batch.attributes) {
      if (sent.attributes.get(key) === column) this.#kept.add(key);
      else this.#changed.set(key, column);
    }
  }

  begin(): void {
    this.#written.clear();
  }

  /** Writes what becomes of one that came: its field begins at `from`. */
  entry(writer: WireWriter, number: number, bytes: Uint8Array, from: number, field: FieldCursor, row: number): void {
    const { key } = readKeyValue(bytes, field.start, field.end);
    if (this.#kept.has(key)) {
      writer.raw(bytes.subarray(from, field.end));
      return;
    }
    const column = this.#changed.get(key);
    if (column === undefined || this.#written.has(key)) return;
    this.#written.add(key);
    writeAttribute(writer, number, key, column, row);
  }

  /** Writes those that did not come. */
  rest(writer: WireWriter, number: number, row: number): void {
    for (const [key, column] of this.#changed) {
      if (!this.#written.has(key)) writeAttribute(writer, number, key, column, row);
    }
  }
}

/** Writes a `KeyValue` field if the row has a value. KeyValue: 1 key, 2 value. */
function writeAttribute(writer: WireWriter, field: number, key: string, column: LogColumn, row: number): void {
  if (isTyped(column)) {
    const value = columnValue(column, row);
    if (value !== undefined) writeKeyValue(writer, field, key, value);
    return;
  }
  const bytes = storedBytes(column, row);
  if (bytes === undefined) return;
  const entry = writer.begin(field);
  writer.string(1, key);
  writer.bytes(2, bytes);
  writer.end(entry);
}

/** Writes an `AnyValue` field if the row has a value. */
export function writeValue(writer: WireWriter, field: number, column: LogColumn, row: number): void {
  if (!isTyped(column)) {
    const bytes = storedBytes(column, row);
    if (bytes !== undefined) writer.bytes(field, bytes);
    return;
  }
  const value = columnValue(column, row);
  if (value === undefined) return;
  const mark = writer.begin(field);
  writeAnyValue(writer, value);
  writer.end(mark);
}
