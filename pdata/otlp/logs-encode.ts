import type { LogBatch } from '../logs.ts';
import { flagsAt, timeAt } from '../metrics.ts';
import { writeEnvelope } from './row-envelope.ts';
import { type RowMessage, rowWriter, writeValue } from './row-sent.ts';
import { DELIMITED, FIXED32, FIXED64, VARINT, type WireWriter } from './wire.ts';

/** Writes an ExportLogsServiceRequest of all records. */
export function encodeLogs(batch: LogBatch, writer: WireWriter): void {
  writeEnvelope(writer, batch, rowWriter(LOG_RECORD, batch, writer));
}

const LOG_RECORD: RowMessage<LogBatch> = {
  attributes: 6,
  columns: new Map([
    [1, ['time']],
    [2, ['severity']],
    [3, ['severityText']],
    [5, ['body']],
    [7, ['droppedAttributes']],
    [8, ['flags']],
    [9, ['traceIds']],
    [10, ['spanIds']],
    [11, ['observedTime']],
    [12, ['eventName']],
  ]),
  write: writeRecord,
};

/**
 * LogRecord: 1 time_unix_nano, 2 severity_number, 3 severity_text, 5 body, 7 dropped_attributes_count, 8 flags, 9 trace_id,
 * 10 span_id, 11 observed_time_unix_nano, 12 event_name; 6 attributes apart.
 */
function writeRecord(writer: WireWriter, batch: LogBatch, row: number, wanted: Uint8Array): void {
  if (wanted[1]) writeTime(writer, 1, timeAt(batch.time, row));
  if (wanted[2]) writeCount(writer, 2, batch.severity[row]!);
  if (wanted[3]) writeText(writer, 3, batch.severityText.words[batch.severityText.codes[row]!]!);
  if (wanted[5]) writeValue(writer, 5, batch.body, row);
  if (wanted[7]) writeCount(writer, 7, batch.droppedAttributes?.[row] ?? 0);
  if (wanted[8]) writeFlags(writer, 8, flagsAt(batch.flags, row));
  if (wanted[9] && batch.traceIds) writeId(writer, 9, batch.traceIds, row, 16);
  if (wanted[10] && batch.spanIds) writeId(writer, 10, batch.spanIds, row, 8);
  if (wanted[11]) writeTime(writer, 11, timeAt(batch.observedTime, row));
  if (wanted[12]) writeText(writer, 12, batch.eventName.words[batch.eventName.codes[row]!]!);
}

export function writeTime(writer: WireWriter, field: number, time: bigint): void {
  if (time === 0n) return;
  writer.tag(field, FIXED64);
  writer.fixed64(time);
}

export function writeCount(writer: WireWriter, field: number, count: number): void {
  if (count === 0) return;
  writer.tag(field, VARINT);
  writer.varint(count);
}

export function writeFlags(writer: WireWriter, field: number, flags: number): void {
  if (flags === 0) return;
  writer.tag(field, FIXED32);
  writer.fixed32(flags);
}

export function writeText(writer: WireWriter, field: number, text: string): void {
  if (text !== '') writer.string(field, text);
}

/** Writes an id that is not all zeros. */
export function writeId(writer: WireWriter, field: number, ids: Uint8Array, row: number, width: number): void {
  const from = row * width;
  let some = 0;
  for (let i = 0; i < width; i++) some |= ids[from + i]!;
  if (some === 0) return;
  writer.tag(field, DELIMITED);
  writer.varint(width);
  writer.raw(ids.subarray(from, from + width));
}
