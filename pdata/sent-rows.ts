import { concat, emptyLike, pick, type Rows } from './columns.ts';
import type { LogColumn } from './logs.ts';

/** In {@link SentRows.source}: the row did not come as bytes. */
export const NOT_SENT = 0xffff_ffff;

/**
 * The protobuf messages that the rows of a decoded batch came in, so that what nobody changed goes on as it came: attributes in
 * the sender's order with their doubles, fields that OTLP does not know.
 *
 * A column is unchanged while the batch still has the very object that is named here. So whoever changes something does not
 * need to know of this: `{ ...batch, severity }` is enough.
 */
export interface SentRows {
  /** Requests. Nobody writes to them. */
  readonly sources: readonly Uint8Array[];
  /** Row → index in `sources`, or {@link NOT_SENT}. */
  readonly source: Uint32Array;
  /** Row → where the content of its message begins in the source, and where it ends. */
  readonly start: Uint32Array;
  readonly end: Uint32Array;
  /** Columns that say the same as the bytes, by their name in the batch; one that is absent in the batch is undefined here. */
  readonly columns: ReadonlyMap<string, unknown>;
  /** The same for single attributes. The batch's own map when no attribute was changed. */
  readonly attributes: ReadonlyMap<string, LogColumn>;
}

/** A batch of rows that can carry {@link SentRows}. */
export interface RowBatch {
  readonly length: number;
  readonly attributes: ReadonlyMap<string, LogColumn>;
  readonly sent?: SentRows;
}

/** Whether a column says what the bytes of the sent rows say. */
export function isUnchanged(batch: RowBatch, name: string): boolean {
  const columns = batch.sent?.columns;
  return columns?.has(name) === true && columns.get(name) === columnNamed(batch, name);
}

/** For the rows of `batch` that became `picked`. */
export function pickSent(batch: RowBatch, picked: RowBatch, rows: Rows): SentRows | undefined {
  const { sent } = batch;
  if (sent === undefined) return undefined;
  return {
    sources: sent.sources,
    source: pick(sent.source, rows),
    start: pick(sent.start, rows),
    end: pick(sent.end, rows),
    ...unchangedIn([batch], picked),
  };
}

/** For all rows of `batches`, which became `joined`. */
export function concatSent(batches: readonly RowBatch[], joined: RowBatch): SentRows | undefined {
  if (batches.every(({ sent }) => sent === undefined)) return undefined;
  const sources: Uint8Array[] = [];
  const source = batches.map(({ sent, length }) => {
    if (sent === undefined) return new Uint32Array(length).fill(NOT_SENT);
    const first = sources.length;
    sources.push(...sent.sources);
    return first === 0 ? sent.source : sent.source.map((index) => (index === NOT_SENT ? NOT_SENT : index + first));
  });
  const offsets = (of: (sent: SentRows) => Uint32Array): Uint32Array =>
    concat(batches.map(({ sent, length }) => (sent ? of(sent) : emptyLike(new Uint32Array(0), length))));
  return {
    sources,
    source: concat(source),
    start: offsets(({ start }) => start),
    end: offsets(({ end }) => end),
    ...unchangedIn(batches, joined),
  };
}

/** What is unchanged in a batch that was made from these. */
function unchangedIn(parts: readonly RowBatch[], made: RowBatch): Pick<SentRows, 'columns' | 'attributes'> {
  const sent = parts.filter((part) => part.sent !== undefined);
  const columns = new Map<string, unknown>();
  for (const name of sent[0]!.sent!.columns.keys()) {
    if (sent.every((part) => isUnchanged(part, name))) columns.set(name, columnNamed(made, name));
  }
  if (sent.every((part) => part.attributes === part.sent!.attributes)) return { columns, attributes: made.attributes };
  const attributes = new Map<string, LogColumn>();
  for (const [key, column] of made.attributes) {
    if (sent.every((part) => part.attributes.get(key) === part.sent!.attributes.get(key))) attributes.set(key, column);
  }
  return { columns, attributes };
}

function columnNamed(batch: object, name: string): unknown {
  return (batch as Readonly<Record<string, unknown>>)[name];
}
