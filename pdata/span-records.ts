import { hex, RowAttributes, word } from './log-records.ts';
import { flagsAt } from './metrics.ts';
import type { SpanBatch, SpanEvent, SpanEvents, SpanLink, SpanLinks, SpanRecord } from './traces.ts';

/** Span `row` as an object, with its attributes sorted by key. */
export function spanRecord(batch: SpanBatch, row: number): SpanRecord {
  if (!(row >= 0 && row < batch.length)) throw new RangeError(`Span ${row} is not among the ${batch.length}.`);
  return recordAt(
    batch,
    row,
    new RowAttributes(batch.attributes),
    firstAt(batch.events.span, row),
    firstAt(batch.links.span, row),
  );
}

/** All spans one by one, as objects. */
export function* spanRecords(batch: SpanBatch): Generator<SpanRecord> {
  const attributes = new RowAttributes(batch.attributes, true);
  let event = 0;
  let link = 0;
  for (let row = 0; row < batch.length; row++) {
    const record = recordAt(batch, row, attributes, event, link);
    event += record.events.length;
    link += record.links.length;
    yield record;
  }
}

function recordAt(batch: SpanBatch, row: number, attributes: RowAttributes, event: number, link: number): SpanRecord {
  return {
    resource: batch.resources[batch.resource[row]!]!,
    scope: batch.scopes[batch.scope[row]!]!,
    traceId: hex(batch.traceIds, row, 16),
    spanId: hex(batch.spanIds, row, 8),
    parentSpanId: hex(batch.parentSpanIds, row, 8),
    traceState: word(batch.traceState, row),
    name: word(batch.name, row),
    kind: batch.kind[row]!,
    startTime: batch.startTime[row]!,
    endTime: batch.endTime[row]!,
    attributes: attributes.of(row),
    statusCode: batch.statusCode[row]!,
    statusMessage: word(batch.statusMessage, row),
    flags: flagsAt(batch.flags, row),
    events: ownedBy(batch.events.span, row, event).map((e) => eventAt(batch.events, e)),
    links: ownedBy(batch.links.span, row, link).map((l) => linkAt(batch.links, l)),
    droppedAttributes: batch.dropped?.[row * 3] ?? 0,
    droppedEvents: batch.dropped?.[row * 3 + 1] ?? 0,
    droppedLinks: batch.dropped?.[row * 3 + 2] ?? 0,
  };
}

function eventAt(events: SpanEvents, e: number): SpanEvent {
  return {
    time: events.time[e]!,
    name: word(events.name, e),
    attributes: events.attributes[e]!,
    droppedAttributes: events.dropped?.[e] ?? 0,
  };
}

function linkAt(links: SpanLinks, l: number): SpanLink {
  return {
    traceId: hex(links.traceIds, l, 16),
    spanId: hex(links.spanIds, l, 8),
    traceState: word(links.traceState, l),
    attributes: links.attributes[l]!,
    droppedAttributes: links.dropped?.[l] ?? 0,
    flags: links.flags?.[l] ?? 0,
  };
}

/** What belongs to the row, of a list sorted by row in which that begins at `first`. */
function ownedBy(owner: Uint32Array, row: number, first: number): number[] {
  const owned: number[] = [];
  for (let at = first; owner[at] === row; at++) owned.push(at);
  return owned;
}

function firstAt(owner: Uint32Array, row: number): number {
  const at = owner.indexOf(row);
  return at < 0 ? owner.length : at;
}
