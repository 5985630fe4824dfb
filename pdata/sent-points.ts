import { concat, pick, type Rows } from './columns.ts';
import type { Metric, PointColumns } from './metrics.ts';
import { NOT_SENT } from './sent-rows.ts';
import type { SeriesTable } from './series-table.ts';

/**
 * The protobuf messages that decoded points came in, so that what nobody changed goes on as it came, with all that columns
 * cannot say: ints beside doubles, points without a value, counts beyond 2^53, fields that OTLP does not know.
 *
 * A column is unchanged while the points still have the very object that is named here. So whoever changes something does not
 * need to know of this: `{ ...points, values }` is enough.
 */
export interface SentPoints {
  /** Requests. Nobody writes to them. */
  readonly sources: readonly Uint8Array[];
  /** Row → index in `sources`, or `NOT_SENT`; or one for all. */
  readonly source: number | Uint32Array;
  /** Row → where the content of its message begins in the source, and where it ends. */
  readonly start: Uint32Array;
  readonly end: Uint32Array;
  /** All columns of the points but the ids, by name, that say the same as the bytes. */
  readonly columns: Readonly<Record<string, unknown>>;
  /** What the attributes in the bytes are. */
  readonly series: SeriesTable;
  readonly ids: Uint32Array;
}

/** What must be known of points to join their bytes to them. */
export type SentSource = Pick<SentPoints, 'sources' | 'source' | 'start' | 'end' | 'series'>;

/** Points just made, with the messages that say the same. */
export function withSent<P extends PointColumns>(points: P, source: SentSource): P {
  return { ...points, sent: { ...source, columns: columnsOf(points), ids: points.ids } };
}

/** Whether the messages still say what the columns say, attributes apart. */
export function isAsSent(points: PointColumns): points is PointColumns & { readonly sent: SentPoints } {
  const { sent } = points;
  if (sent === undefined) return false;
  const columns = columnsOf(points);
  for (const name in columns) if (columns[name] !== sent.columns[name]) return false;
  for (const name in sent.columns) if (columns[name] !== sent.columns[name]) return false;
  return true;
}

/** Whether the attributes are those of the messages, too. */
export function hasSentAttributes(metric: Metric): boolean {
  const { sent, ids } = metric.points;
  return sent !== undefined && sent.ids === ids && sent.series === metric.series;
}

/** For the rows of `points` that became `picked`. */
export function pickSentPoints<P extends PointColumns>(points: PointColumns, picked: P, rows: Rows): P {
  if (!isAsSent(points)) return picked;
  const { sources, source, start, end, series, ids } = points.sent;
  return {
    ...picked,
    sent: {
      sources,
      source: typeof source === 'number' ? source : pick(source, rows),
      start: pick(start, rows),
      end: pick(end, rows),
      columns: columnsOf(picked),
      series,
      ids: ids === points.ids ? picked.ids : pick(ids, rows),
    },
  };
}

/** For points that became `joined`, one behind the other. Those of the same table only. */
export function concatSentPoints<P extends PointColumns>(parts: readonly PointColumns[], joined: P): P {
  const kept = parts.map((part) => (isAsSent(part) ? part.sent : undefined));
  const known = kept.find((sent) => sent !== undefined);
  if (known === undefined) return joined;
  const sameIds = parts.every((part, i) => kept[i] === undefined || kept[i].ids === part.ids);
  if (kept.some((sent) => sent !== undefined && sent.series !== known.series)) return joined;
  const sources: Uint8Array[] = [];
  const source = new Uint32Array(joined.length).fill(NOT_SENT);
  let row = 0;
  for (const [i, sent] of kept.entries()) {
    const { length } = parts[i]!;
    if (sent !== undefined) {
      const base = sources.length;
      sources.push(...sent.sources);
      for (let k = 0; k < length; k++) {
        const own = typeof sent.source === 'number' ? sent.source : sent.source[k]!;
        if (own !== NOT_SENT) source[row + k] = base + own;
      }
    }
    row += length;
  }
  const zeros = (i: number): Uint32Array => new Uint32Array(parts[i]!.length);
  return {
    ...joined,
    sent: {
      sources,
      source,
      start: concat(kept.map((sent, i) => sent?.start ?? zeros(i))),
      end: concat(kept.map((sent, i) => sent?.end ?? zeros(i))),
      columns: columnsOf(joined),
      series: known.series,
      ids: sameIds ? joined.ids : concat(kept.map((sent, i) => sent?.ids ?? zeros(i))),
    },
  };
}

function columnsOf(points: PointColumns): Record<string, unknown> {
  const { length: _length, ids: _ids, sent: _sent, ...columns } = points;
  return columns;
}
