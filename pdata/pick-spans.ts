import {
  concat,
  concatFlags,
  concatOptional,
  concatReferences,
  concatShifted,
  concatWords,
  pick,
  pickFlags,
  pickOwned,
  pickWords,
  type Rows,
  rowCount,
} from './columns.ts';
import { concatAttributes, pickAttributes } from './log-columns.ts';
import { ranges } from './pick-logs.ts';
import { rowsWhere } from './pick-points.ts';
import { concatSent, pickSent } from './sent-rows.ts';
import type { SpanBatch, SpanEvents, SpanLinks } from './traces.ts';

/** The batch with these spans only. Columns of a range are views on the old ones. */
export function pickSpans(batch: SpanBatch, rows: Rows): SpanBatch {
  const picked: SpanBatch = {
    signal: 'traces',
    length: rowCount(rows),
    resources: batch.resources,
    resource: pick(batch.resource, rows),
    scopes: batch.scopes,
    scope: pick(batch.scope, rows),
    traceIds: pick(batch.traceIds, rows, 16),
    spanIds: pick(batch.spanIds, rows, 8),
    parentSpanIds: pick(batch.parentSpanIds, rows, 8),
    traceState: pickWords(batch.traceState, rows),
    name: pickWords(batch.name, rows),
    kind: pick(batch.kind, rows),
    startTime: pick(batch.startTime, rows),
    endTime: pick(batch.endTime, rows),
    attributes: pickAttributes(batch.attributes, rows),
    statusCode: pick(batch.statusCode, rows),
    statusMessage: pickWords(batch.statusMessage, rows),
    flags: pickFlags(batch.flags, rows),
    events: pickEvents(batch.events, rows),
    links: pickLinks(batch.links, rows),
    ...(batch.dropped && { dropped: pick(batch.dropped, rows, 3) }),
  };
  const sent = pickSent(batch, picked, rows);
  return sent ? { ...picked, sent } : picked;
}

/** The spans for which `verdict` is true: the same batch when that are all, `undefined` when there are none. */
export function selectSpans(
  batch: SpanBatch,
  verdict: (row: number, batch: SpanBatch) => boolean,
): SpanBatch | undefined {
  const rows = rowsWhere(batch.length, (row) => verdict(row, batch));
  if (rows.length === batch.length) return batch;
  return rows.length === 0 ? undefined : pickSpans(batch, rows);
}

/** One batch of all, in order. */
export function concatSpans(batches: readonly SpanBatch[]): SpanBatch {
  if (batches.length === 1) return batches[0]!;
  const lengths = batches.map(({ length }) => length);
  const resources = concatReferences(
    batches.map((batch) => batch.resources),
    batches.map(({ resource }) => resource),
  );
  const scopes = concatReferences(
    batches.map((batch) => batch.scopes),
    batches.map(({ scope }) => scope),
  );
  const firstRow = lengths.map((_, i) => lengths.slice(0, i).reduce((sum, length) => sum + length, 0));
  const dropped = concatOptional(
    batches.map((batch) => batch.dropped),
    lengths.map((length) => length * 3),
    0,
  );
  const joined: SpanBatch = {
    signal: 'traces',
    length: lengths.reduce((sum, length) => sum + length, 0),
    resources: resources.items,
    resource: resources.codes,
    scopes: scopes.items,
    scope: scopes.codes,
    traceIds: concat(batches.map(({ traceIds }) => traceIds)),
    spanIds: concat(batches.map(({ spanIds }) => spanIds)),
    parentSpanIds: concat(batches.map(({ parentSpanIds }) => parentSpanIds)),
    traceState: concatWords(batches.map(({ traceState }) => traceState)),
    name: concatWords(batches.map(({ name }) => name)),
    kind: concat(batches.map(({ kind }) => kind)),
    startTime: concat(batches.map(({ startTime }) => startTime)),
    endTime: concat(batches.map(({ endTime }) => endTime)),
    attributes: concatAttributes(
      batches.map(({ attributes }) => attributes),
      lengths,
    ),
    statusCode: concat(batches.map(({ statusCode }) => statusCode)),
    statusMessage: concatWords(batches.map(({ statusMessage }) => statusMessage)),
    flags: concatFlags(
      batches.map(({ flags }) => flags),
      lengths,
    ),
    events: concatEvents(
      batches.map(({ events }) => events),
      firstRow,
    ),
    links: concatLinks(
      batches.map(({ links }) => links),
      firstRow,
    ),
    ...(dropped && { dropped }),
  };
  const sent = concatSent(batches, joined);
  return sent ? { ...joined, sent } : joined;
}

/** The batch in pieces of at most `maxSpans` spans. */
export function splitSpans(batch: SpanBatch, maxSpans: number): SpanBatch[] {
  return ranges(batch.length, maxSpans, (rows) =>
    rows.to - rows.from === batch.length ? batch : pickSpans(batch, rows),
  );
}

function pickEvents(events: SpanEvents, rows: Rows): SpanEvents {
  const { entries, owner } = pickOwned(events.span, rows);
  return {
    span: owner,
    time: pick(events.time, entries),
    name: pickWords(events.name, entries),
    attributes: Array.from(entries, (entry) => events.attributes[entry]!),
    ...(events.dropped && { dropped: pick(events.dropped, entries) }),
  };
}

function pickLinks(links: SpanLinks, rows: Rows): SpanLinks {
  const { entries, owner } = pickOwned(links.span, rows);
  return {
    span: owner,
    traceIds: pick(links.traceIds, entries, 16),
    spanIds: pick(links.spanIds, entries, 8),
    traceState: pickWords(links.traceState, entries),
    attributes: Array.from(entries, (entry) => links.attributes[entry]!),
    ...(links.dropped && { dropped: pick(links.dropped, entries) }),
    ...(links.flags && { flags: pick(links.flags, entries) }),
  };
}

function concatEvents(parts: readonly SpanEvents[], firstRow: readonly number[]): SpanEvents {
  const dropped = concatCounts(parts, ({ dropped }) => dropped);
  return {
    span: concatShifted(
      parts.map(({ span }) => span),
      firstRow,
    ),
    time: concat(parts.map(({ time }) => time)),
    name: concatWords(parts.map(({ name }) => name)),
    attributes: parts.flatMap(({ attributes }) => attributes),
    ...(dropped && { dropped }),
  };
}

function concatLinks(parts: readonly SpanLinks[], firstRow: readonly number[]): SpanLinks {
  const dropped = concatCounts(parts, ({ dropped }) => dropped);
  const flags = concatCounts(parts, ({ flags }) => flags);
  return {
    span: concatShifted(
      parts.map(({ span }) => span),
      firstRow,
    ),
    traceIds: concat(parts.map(({ traceIds }) => traceIds)),
    spanIds: concat(parts.map(({ spanIds }) => spanIds)),
    traceState: concatWords(parts.map(({ traceState }) => traceState)),
    attributes: parts.flatMap(({ attributes }) => attributes),
    ...(dropped && { dropped }),
    ...(flags && { flags }),
  };
}

/** A column of counts that may be missing. */
function concatCounts<T extends { readonly span: Uint32Array }>(
  parts: readonly T[],
  counts: (part: T) => Uint32Array | undefined,
): Uint32Array | undefined {
  return concatOptional(
    parts.map(counts),
    parts.map(({ span }) => span.length),
    0,
  );
}
