import {
  concat,
  concatFlags,
  concatOptional,
  concatReferences,
  concatTime,
  concatWords,
  pick,
  pickFlags,
  pickTime,
  pickWords,
  type Rows,
  rowCount,
} from './columns.ts';
import { concatAttributes, concatColumns, pickAttributes, pickColumn } from './log-columns.ts';
import type { LogBatch } from './logs.ts';
import { concatSent, pickSent } from './sent-rows.ts';

/** The batch with these records only. Columns of a range are views on the old ones. */
export function pickLogs(batch: LogBatch, rows: Rows): LogBatch {
  const picked: LogBatch = {
    signal: 'logs',
    length: rowCount(rows),
    resources: batch.resources,
    resource: pick(batch.resource, rows),
    scopes: batch.scopes,
    scope: pick(batch.scope, rows),
    time: pickTime(batch.time, rows),
    observedTime: pickTime(batch.observedTime, rows),
    severity: pick(batch.severity, rows),
    severityText: pickWords(batch.severityText, rows),
    eventName: pickWords(batch.eventName, rows),
    body: pickColumn(batch.body, rows),
    attributes: pickAttributes(batch.attributes, rows),
    flags: pickFlags(batch.flags, rows),
    ...(batch.droppedAttributes && { droppedAttributes: pick(batch.droppedAttributes, rows) }),
    ...(batch.traceIds && { traceIds: pick(batch.traceIds, rows, 16) }),
    ...(batch.spanIds && { spanIds: pick(batch.spanIds, rows, 8) }),
  };
  const sent = pickSent(batch, picked, rows);
  return sent ? { ...picked, sent } : picked;
}

/** One batch of all, in order. */
export function concatLogs(batches: readonly LogBatch[]): LogBatch {
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
  const dropped = concatOptional(
    batches.map(({ droppedAttributes }) => droppedAttributes),
    lengths,
    0,
  );
  const traceIds = concatOptional(
    batches.map((batch) => batch.traceIds),
    lengths.map((length) => length * 16),
    0,
  );
  const spanIds = concatOptional(
    batches.map((batch) => batch.spanIds),
    lengths.map((length) => length * 8),
    0,
  );
  const joined: LogBatch = {
    signal: 'logs',
    length: lengths.reduce((sum, length) => sum + length, 0),
    resources: resources.items,
    resource: resources.codes,
    scopes: scopes.items,
    scope: scopes.codes,
    time: concatTime(
      batches.map(({ time }) => time),
      lengths,
    ),
    observedTime: concatTime(
      batches.map(({ observedTime }) => observedTime),
      lengths,
    ),
    severity: concat(batches.map(({ severity }) => severity)),
    severityText: concatWords(batches.map(({ severityText }) => severityText)),
    eventName: concatWords(batches.map(({ eventName }) => eventName)),
    body: concatColumns(
      batches.map(({ body }) => body),
      lengths,
    ),
    attributes: concatAttributes(
      batches.map(({ attributes }) => attributes),
      lengths,
    ),
    flags: concatFlags(
      batches.map(({ flags }) => flags),
      lengths,
    ),
    ...(dropped && { droppedAttributes: dropped }),
    ...(traceIds && { traceIds }),
    ...(spanIds && { spanIds }),
  };
  const sent = concatSent(batches, joined);
  return sent ? { ...joined, sent } : joined;
}

/** The batch in pieces of at most `maxRecords` records. */
export function splitLogs(batch: LogBatch, maxRecords: number): LogBatch[] {
  return ranges(batch.length, maxRecords, (rows) =>
    rows.to - rows.from === batch.length ? batch : pickLogs(batch, rows),
  );
}

/** What `take` makes of each range of at most `size` rows. */
export function ranges<T>(length: number, size: number, take: (rows: { from: number; to: number }) => T): T[] {
  if (!(size >= 1)) throw new RangeError(`A batch cannot be split into pieces of ${size} items.`);
  const pieces: T[] = [];
  for (let from = 0; from < length; from += size) pieces.push(take({ from, to: Math.min(length, from + size) }));
  return pieces;
}
