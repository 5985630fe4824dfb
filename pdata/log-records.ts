import type { AttributeSet } from './attribute-set.ts';
import type { AttributeValue } from './attributes.ts';
import { attributeSet } from './encoded-attributes.ts';
import { columnValue } from './log-columns.ts';
import type { DictionaryColumn, LogBatch, LogColumn, LogRecord } from './logs.ts';
import { flagsAt, timeAt } from './metrics.ts';
import { readAnyValue } from './otlp/any-value.ts';
import { pickLogs } from './pick-logs.ts';
import { rowsWhere } from './pick-points.ts';

/** Record `row` as an object, with its attributes sorted by key. */
export function logRecord(batch: LogBatch, row: number): LogRecord {
  if (!(row >= 0 && row < batch.length)) throw new RangeError(`Record ${row} is not among the ${batch.length}.`);
  return recordAt(batch, row, new RowAttributes(batch.attributes));
}

/** All records one by one, as objects. */
export function* logRecords(batch: LogBatch): Generator<LogRecord> {
  const attributes = new RowAttributes(batch.attributes, true);
  for (let row = 0; row < batch.length; row++) yield recordAt(batch, row, attributes);
}

function recordAt(batch: LogBatch, row: number, attributes: RowAttributes): LogRecord {
  return {
    resource: batch.resources[batch.resource[row]!]!,
    scope: batch.scopes[batch.scope[row]!]!,
    time: timeAt(batch.time, row),
    observedTime: timeAt(batch.observedTime, row),
    severity: batch.severity[row]!,
    severityText: word(batch.severityText, row),
    eventName: word(batch.eventName, row),
    body: columnValue(batch.body, row),
    attributes: attributes.of(row),
    droppedAttributes: batch.droppedAttributes?.[row] ?? 0,
    flags: flagsAt(batch.flags, row),
    traceId: hex(batch.traceIds, row, 16),
    spanId: hex(batch.spanIds, row, 8),
  };
}

/**
 * The records for which `verdict` is true: the same batch when that are all, `undefined` when there are none. The verdict reads
 * the columns it needs by row, or the whole record with {@link logRecord}.
 */
export function selectLogs(batch: LogBatch, verdict: (row: number, batch: LogBatch) => boolean): LogBatch | undefined {
  const rows = rowsWhere(batch.length, (row) => verdict(row, batch));
  if (rows.length === batch.length) return batch;
  return rows.length === 0 ? undefined : pickLogs(batch, rows);
}

/** The attributes of single rows, sorted by key. */
export class RowAttributes {
  readonly #columns: readonly (readonly [string, LogColumn])[];
  /** Values of sparse columns by row, when all rows will be read: looking into each column for each row has no bound. */
  readonly #byRow = new Map<number, [string, Uint8Array][]>();

  constructor(columns: ReadonlyMap<string, LogColumn>, allRows = false) {
    this.#columns = allRows ? [...columns].filter(([key, column]) => !this.#spread(key, column)) : [...columns];
  }

  of(row: number): AttributeSet {
    const attributes = new Map<string, AttributeValue>();
    for (const [key, column] of this.#columns) {
      const value = columnValue(column, row);
      if (value !== undefined) attributes.set(key, value);
    }
    for (const [key, bytes] of this.#byRow.get(row) ?? []) attributes.set(key, readAnyValue(bytes));
    return attributeSet(Object.fromEntries(attributes));
  }

  #spread(key: string, column: LogColumn): boolean {
    if (column.kind !== 'sparse') return false;
    for (const [i, row] of column.rows.entries()) {
      const values = this.#byRow.get(row) ?? [];
      this.#byRow.set(row, values);
      values.push([key, column.values[i]!]);
    }
    return true;
  }
}

export function word({ codes, words }: DictionaryColumn, row: number): string {
  return words[codes[row]!]!;
}

/** Hex digits of an id; empty when it is all zeros. */
export function hex(ids: Uint8Array | undefined, row: number, width: number): string {
  if (ids === undefined) return '';
  const id = ids.subarray(row * width, (row + 1) * width);
  return id.every((byte) => byte === 0) ? '' : Array.from(id, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
