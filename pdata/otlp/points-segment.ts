import type { Metric } from '../metrics.ts';
import { hasSentAttributes, isAsSent, type SentPoints } from '../sent-points.ts';
import { NOT_SENT } from '../sent-rows.ts';
import { encodePoints } from './points-encode.ts';
import { NumberSegment } from './points-number-encode.ts';
import { RenamedSegment, SentSegment } from './points-sent.ts';
import { WireWriter } from './wire.ts';

/** `data_points` fields whose length is known before they are written. */
export interface Segment {
  /** Bytes. */
  readonly length: number;
  /** Writes them from `at` on; there is room. */
  write(target: Uint8Array, view: DataView, at: number): void;
}

/** The points in these rows (undefined: all) as `data_points` fields (1) of their metric's kind. */
export function pointsSegments(metric: Metric, rows: Uint32Array | undefined): Segment[] {
  const { points } = metric;
  if (!isAsSent(points)) return [fromColumns(metric, rows)];
  const { sent } = points;
  const [came, made] = partition(sent, rows);
  const segments: Segment[] = [];
  if (came === undefined || came.length > 0) {
    segments.push(hasSentAttributes(metric) ? new SentSegment(sent, came) : new RenamedSegment(metric, sent, came));
  }
  if (made.length > 0) segments.push(fromColumns(metric, made));
  return segments;
}

function fromColumns(metric: Metric, rows: Uint32Array | undefined): Segment {
  if ((metric.kind === 'gauge' || metric.kind === 'sum') && metric.points.exemplars === undefined) {
    return new NumberSegment(metric, rows);
  }
  const writer = new WireWriter(256);
  encodePoints(writer, metric, rows);
  return new BytesSegment(writer.take());
}

/** Rows that came as bytes (undefined: all), and those that did not. */
function partition(sent: SentPoints, rows: Uint32Array | undefined): [Uint32Array | undefined, Uint32Array] {
  const { source } = sent;
  if (typeof source === 'number') return [rows, NONE];
  const list = rows ?? Uint32Array.from(source.keys());
  const made = list.filter((row) => source[row] === NOT_SENT);
  return made.length === 0 ? [rows, NONE] : [list.filter((row) => source[row] !== NOT_SENT), made];
}

const NONE = new Uint32Array(0);

class BytesSegment implements Segment {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get length(): number {
    return this.#bytes.length;
  }

  write(target: Uint8Array, _view: DataView, at: number): void {
    target.set(this.#bytes, at);
  }
}
