import type { AttributeValue } from './attributes.ts';
import { attributeSet } from './encoded-attributes.ts';
import { columnValue } from './log-columns.ts';
import type { DictionaryColumn, LogBatch, LogRecord } from './logs.ts';
import { flagsAt, timeAt } from './metrics.ts';
import { pickLogs } from './pick-logs.ts';
import { rowsWhere } from './pick-points.ts';

/** Record `row` as an object, with its attributes sorted by key. */
export function logRecord(batch: LogBatch, row: number): LogRecord {
  if (!(row >= 0 && row < batch.length)) throw new RangeError(`Record ${row} is not among the ${batch.length}.`);
  const attributes = new Map<string, AttributeValue>();
  for (const [key, column] of batch.attributes) {
    const value = columnValue(column, row);
    if (value !== undefined) attributes.set(key, value);
  }
  return {
    resource: batch.resources[batch.resource[row]!]!,
    scope: batch.scopes[batch.scope[row]!]!,
    time: timeAt(batch.time, row),
    observedTime: timeAt(batch.observedTime, row),
    severity: batch.severity[row]!,
    severityText: word(batch.severityText, row),
    eventName: word(batch.eventName, row),
    body: columnValue(batch.body, row),
    attributes: attributeSet(Object.fromEntries(attributes)),
    droppedAttributes: batch.droppedAttributes?.[row] ?? 0,
    flags: flagsAt(batch.flags, row),
    traceId: hex(batch.traceIds, row, 16),
    spanId: hex(batch.spanIds, row, 8),
  };
}

/** All records one by one, as objects. */
export function* logRecords(batch: LogBatch): Generator<LogRecord> {
  for (let row = 0; row < batch.length; row++) yield logRecord(batch, row);
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

function word({ codes, words }: DictionaryColumn, row: number): string {
  return words[codes[row]!]!;
}

/** Hex digits of an id; empty when it is all zeros. */
export function hex(ids: Uint8Array | undefined, row: number, width: number): string {
  if (ids === undefined) return '';
  const id = ids.subarray(row * width, (row + 1) * width);
  return id.every((byte) => byte === 0) ? '' : Array.from(id, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
