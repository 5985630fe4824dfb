import type { LogColumn } from '../logs.ts';
import type { SpanBatch } from '../traces.ts';
import { ByteWords } from './byte-words.ts';
import { FieldCursor } from './field-cursor.ts';
import { CountCells, IdCells, TimeCells } from './row-cells.ts';
import { readEnvelope } from './row-envelope.ts';
import { sentRows } from './row-sent.ts';
import { decodeEvents, decodeLinks, OwnedRanges } from './spans-decode-owned.ts';
import { AttributeCells } from './value-cells.ts';
import { DELIMITED, FIXED32, FIXED64, VARINT } from './wire.ts';

/**
 * The spans of an ExportTraceServiceRequest that `checkRequest` has passed, as columns. The batch keeps the bytes: nobody may
 * write to them. What columns cannot say is in `sent`.
 *
 * Span: 1 trace_id, 2 span_id, 3 trace_state, 4 parent_span_id, 5 name, 6 kind, 7 start_time_unix_nano, 8 end_time_unix_nano,
 * 9 attributes, 10 dropped_attributes_count, 11 events, 12 dropped_events_count, 13 links, 14 dropped_links_count, 15 status,
 * 16 flags. Status: 2 message, 3 code.
 */
export function decodeSpans(bytes: Uint8Array): SpanBatch {
  const { start, end, ...envelope } = readEnvelope(bytes);
  const { length } = start;
  const traceIds = new IdCells(bytes, length, 16);
  const spanIds = new IdCells(bytes, length, 8);
  const parentSpanIds = new IdCells(bytes, length, 8);
  const traceState = new ByteWords(bytes, length);
  const name = new ByteWords(bytes, length);
  const kind = new Uint8Array(length);
  const startTime = new TimeCells(bytes, length);
  const endTime = new TimeCells(bytes, length);
  const attributes = new AttributeCells(bytes);
  const dropped = new CountCells(length, 3);
  const statusCode = new Uint8Array(length);
  const statusMessage = new ByteWords(bytes, length);
  const flags = new CountCells(length);
  const events = new OwnedRanges();
  const links = new OwnedRanges();
  const field = new FieldCursor(bytes);
  const inner = new FieldCursor(bytes);
  for (let row = 0; row < length; row++) {
    field.enter(start[row]!, end[row]!);
    while (field.next()) {
      switch (field.tag) {
        case 1 * 8 + DELIMITED:
          traceIds.set(row, field.start, field.end);
          break;
        case 2 * 8 + DELIMITED:
          spanIds.set(row, field.start, field.end);
          break;
        case 3 * 8 + DELIMITED:
          traceState.set(row, field.start, field.end);
          break;
        case 4 * 8 + DELIMITED:
          parentSpanIds.set(row, field.start, field.end);
          break;
        case 5 * 8 + DELIMITED:
          name.set(row, field.start, field.end);
          break;
        case 6 * 8 + VARINT:
          kind[row] = Math.min(field.uint32(), 255);
          break;
        case 7 * 8 + FIXED64:
          startTime.set(row, field.start);
          break;
        case 8 * 8 + FIXED64:
          endTime.set(row, field.start);
          break;
        case 9 * 8 + DELIMITED:
          attributes.add(row, field.start, field.end);
          break;
        case 10 * 8 + VARINT:
          dropped.set(row * 3, field.uint32());
          break;
        case 11 * 8 + DELIMITED:
          events.add(row, field.start, field.end);
          break;
        case 12 * 8 + VARINT:
          dropped.set(row * 3 + 1, field.uint32());
          break;
        case 13 * 8 + DELIMITED:
          links.add(row, field.start, field.end);
          break;
        case 14 * 8 + VARINT:
          dropped.set(row * 3 + 2, field.uint32());
          break;
        case 15 * 8 + DELIMITED:
          inner.enter(field.start, field.end);
          while (inner.next()) {
            if (inner.tag === 2 * 8 + DELIMITED) statusMessage.set(row, inner.start, inner.end);
            else if (inner.tag === 3 * 8 + VARINT) statusCode[row] = Math.min(inner.uint32(), 255);
          }
          break;
        case 16 * 8 + FIXED32:
          flags.set(row, field.fixed32());
          break;
      }
    }
  }
  const columns = {
    traceIds: traceIds.all(),
    spanIds: spanIds.all(),
    parentSpanIds: parentSpanIds.all(),
    traceState: traceState.build(),
    name: name.build(),
    kind,
    startTime: startTime.all(),
    endTime: endTime.all(),
    statusCode,
    statusMessage: statusMessage.build(),
    flags: flags.flags(),
    events: decodeEvents(bytes, events),
    links: decodeLinks(bytes, links),
  };
  const droppedCounts = dropped.build();
  const attributeColumns: ReadonlyMap<string, LogColumn> = attributes.build(length);
  return {
    signal: 'traces',
    length,
    ...envelope,
    ...columns,
    attributes: attributeColumns,
    ...(droppedCounts && { dropped: droppedCounts }),
    sent: sentRows(bytes, start, end, { ...columns, dropped: droppedCounts }, attributeColumns),
  };
}
