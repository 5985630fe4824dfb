import type { LogBatch, LogColumn } from '../logs.ts';
import { ByteWords } from './byte-words.ts';
import { FieldCursor } from './field-cursor.ts';
import { CountCells, IdCells, TimeCells } from './row-cells.ts';
import { readEnvelope } from './row-envelope.ts';
import { sentRows } from './row-sent.ts';
import { AttributeCells, ValueCells } from './value-cells.ts';
import { DELIMITED, FIXED32, FIXED64, VARINT } from './wire.ts';

/**
 * The records of an ExportLogsServiceRequest that `checkRequest` has passed, as columns. The batch keeps the bytes: nobody
 * may write to them. What columns cannot say (an id of a wrong length, a severity above 255, the order of attributes) is in
 * `sent`.
 *
 * LogRecord: 1 time_unix_nano, 2 severity_number, 3 severity_text, 5 body, 6 attributes, 7 dropped_attributes_count, 8 flags,
 * 9 trace_id, 10 span_id, 11 observed_time_unix_nano, 12 event_name.
 */
export function decodeLogs(bytes: Uint8Array): LogBatch {
  const { start, end, ...envelope } = readEnvelope(bytes);
  const { length } = start;
  const time = new TimeCells(bytes, length);
  const observedTime = new TimeCells(bytes, length);
  const severity = new Uint8Array(length);
  const severityText = new ByteWords(bytes, length);
  const eventName = new ByteWords(bytes, length);
  const body = new ValueCells(bytes);
  const attributes = new AttributeCells(bytes);
  const dropped = new CountCells(length);
  const flags = new CountCells(length);
  const traceIds = new IdCells(bytes, length, 16);
  const spanIds = new IdCells(bytes, length, 8);
  const field = new FieldCursor(bytes);
  for (let row = 0; row < length; row++) {
    let bodyStart = -1;
    let bodyEnd = -1;
    field.enter(start[row]!, end[row]!);
    while (field.next()) {
      switch (field.tag) {
        case 1 * 8 + FIXED64:
          time.set(row, field.start);
          break;
        case 2 * 8 + VARINT:
          severity[row] = Math.min(field.uint32(), 255);
          break;
        case 3 * 8 + DELIMITED:
          severityText.set(row, field.start, field.end);
          break;
        case 5 * 8 + DELIMITED:
          bodyStart = field.start;
          bodyEnd = field.end;
          break;
        case 6 * 8 + DELIMITED:
          attributes.add(row, field.start, field.end);
          break;
        case 7 * 8 + VARINT:
          dropped.set(row, field.uint32());
          break;
        case 8 * 8 + FIXED32:
          flags.set(row, field.fixed32());
          break;
        case 9 * 8 + DELIMITED:
          traceIds.set(row, field.start, field.end);
          break;
        case 10 * 8 + DELIMITED:
          spanIds.set(row, field.start, field.end);
          break;
        case 11 * 8 + FIXED64:
          observedTime.set(row, field.start);
          break;
        case 12 * 8 + DELIMITED:
          eventName.set(row, field.start, field.end);
          break;
      }
    }
    // An empty body is written for none by the Collector and others.
    if (bodyEnd > bodyStart) body.add(row, bodyStart, bodyEnd);
  }
  const columns = {
    time: time.build(),
    observedTime: observedTime.build(),
    severity,
    severityText: severityText.build(),
    eventName: eventName.build(),
    body: body.build(length),
    droppedAttributes: dropped.build(),
    flags: flags.flags(),
    traceIds: traceIds.build(),
    spanIds: spanIds.build(),
  };
  const attributeColumns: ReadonlyMap<string, LogColumn> = attributes.build(length);
  const { droppedAttributes, traceIds: traces, spanIds: spans, ...always } = columns;
  return {
    signal: 'logs',
    length,
    ...envelope,
    ...always,
    attributes: attributeColumns,
    ...(droppedAttributes && { droppedAttributes }),
    ...(traces && { traceIds: traces }),
    ...(spans && { spanIds: spans }),
    sent: sentRows(bytes, start, end, columns, attributeColumns),
  };
}
