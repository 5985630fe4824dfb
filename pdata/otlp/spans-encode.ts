import type { AttributeSet } from '../attribute-set.ts';
import type { DictionaryColumn } from '../logs.ts';
import { flagsAt } from '../metrics.ts';
import type { SpanBatch, SpanEvents, SpanLinks } from '../traces.ts';
import { writeCount, writeFlags, writeId, writeText, writeTime } from './logs-encode.ts';
import { writeEnvelope } from './row-envelope.ts';
import { type RowMessage, rowWriter } from './row-sent.ts';
import { WireReader, type WireWriter } from './wire.ts';

/** Writes an ExportTraceServiceRequest of all spans. */
export function encodeSpans(batch: SpanBatch, writer: WireWriter): void {
  const events = firstOf(batch.events.span, batch.length);
  const links = firstOf(batch.links.span, batch.length);
  const message: RowMessage<SpanBatch> = {
    attributes: 9,
    columns: COLUMNS,
    write(_writer, _batch, row, wanted) {
      writeSpan(writer, batch, row, wanted);
      if (wanted[11]) for (let e = events[row]!; e < events[row + 1]!; e++) writeEvent(writer, batch.events, e);
      if (wanted[13]) for (let l = links[row]!; l < links[row + 1]!; l++) writeLink(writer, batch.links, l);
    },
  };
  writeEnvelope(writer, batch, rowWriter(message, batch, writer));
}

const COLUMNS: RowMessage<SpanBatch>['columns'] = new Map([
  [1, ['traceIds']],
  [2, ['spanIds']],
  [3, ['traceState']],
  [4, ['parentSpanIds']],
  [5, ['name']],
  [6, ['kind']],
  [7, ['startTime']],
  [8, ['endTime']],
  [10, ['dropped']],
  [11, ['events']],
  [12, ['dropped']],
  [13, ['links']],
  [14, ['dropped']],
  [15, ['statusCode', 'statusMessage']],
  [16, ['flags']],
]);

/**
 * Span: 1 trace_id, 2 span_id, 3 trace_state, 4 parent_span_id, 5 name, 6 kind, 7 start_time_unix_nano, 8 end_time_unix_nano,
 * 10 dropped_attributes_count, 12 dropped_events_count, 14 dropped_links_count, 15 status, 16 flags; 9 attributes, 11 events
 * and 13 links apart. Status: 2 message, 3 code.
 */
function writeSpan(writer: WireWriter, batch: SpanBatch, row: number, wanted: Uint8Array): void {
  if (wanted[1]) writeId(writer, 1, batch.traceIds, row, 16);
  if (wanted[2]) writeId(writer, 2, batch.spanIds, row, 8);
  if (wanted[3]) writeText(writer, 3, word(batch.traceState, row));
  if (wanted[4]) writeId(writer, 4, batch.parentSpanIds, row, 8);
  if (wanted[5]) writeText(writer, 5, word(batch.name, row));
  if (wanted[6]) writeCount(writer, 6, batch.kind[row]!);
  if (wanted[7]) writeTime(writer, 7, batch.startTime[row]!);
  if (wanted[8]) writeTime(writer, 8, batch.endTime[row]!);
  if (wanted[10] && batch.dropped) writeCount(writer, 10, batch.dropped[row * 3]!);
  if (wanted[12] && batch.dropped) writeCount(writer, 12, batch.dropped[row * 3 + 1]!);
  if (wanted[14] && batch.dropped) writeCount(writer, 14, batch.dropped[row * 3 + 2]!);
  if (wanted[15]) {
    const status = writer.begin(15);
    writeText(writer, 2, word(batch.statusMessage, row));
    writeCount(writer, 3, batch.statusCode[row]!);
    writer.end(status);
  }
  if (wanted[16]) writeFlags(writer, 16, flagsAt(batch.flags, row));
}

/** Span: 11 events. Event: 1 time_unix_nano, 2 name, 3 attributes, 4 dropped_attributes_count. */
function writeEvent(writer: WireWriter, events: SpanEvents, e: number): void {
  const mark = writer.begin(11);
  writeTime(writer, 1, events.time[e]!);
  writeText(writer, 2, word(events.name, e));
  writeSet(writer, 3, events.attributes[e]!);
  if (events.dropped) writeCount(writer, 4, events.dropped[e]!);
  writer.end(mark);
}

/** Span: 13 links. Link: 1 trace_id, 2 span_id, 3 trace_state, 4 attributes, 5 dropped_attributes_count, 6 flags. */
function writeLink(writer: WireWriter, links: SpanLinks, l: number): void {
  const mark = writer.begin(13);
  writeId(writer, 1, links.traceIds, l, 16);
  writeId(writer, 2, links.spanIds, l, 8);
  writeText(writer, 3, word(links.traceState, l));
  writeSet(writer, 4, links.attributes[l]!);
  if (links.dropped) writeCount(writer, 5, links.dropped[l]!);
  if (links.flags) writeFlags(writer, 6, links.flags[l]!);
  writer.end(mark);
}

/** Attributes as fields of this number. */
function writeSet(writer: WireWriter, field: number, { bytes }: AttributeSet): void {
  const reader = new WireReader(bytes);
  while (!reader.done) {
    reader.tag();
    const end = reader.delimited();
    writer.bytes(field, bytes.subarray(reader.position, end));
    reader.position = end;
  }
}

/** For each row, where what belongs to it begins in a list that is sorted by row; one more at the end. */
function firstOf(owner: Uint32Array, rows: number): Uint32Array {
  const first = new Uint32Array(rows + 1);
  let at = 0;
  for (let row = 0; row <= rows; row++) {
    while (at < owner.length && owner[at]! < row) at++;
    first[row] = at;
  }
  return first;
}

function word({ codes, words }: DictionaryColumn, row: number): string {
  return words[codes[row]!]!;
}
