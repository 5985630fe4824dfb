import type { Metric } from '../metrics.ts';
import { hasSentAttributes, isAsSent } from '../sent-points.ts';
import { encodePoints } from './points-encode.ts';
import { NumberSegment } from './points-number-encode.ts';
import { SentSegment } from './points-sent.ts';
import { WireWriter } from './wire.ts';

/** `data_points` fields whose length is known before they are written. */
export interface Segment {
  /** Bytes. */
  readonly length: number;
  /** Writes them from `at` on; there is room. */
  write(target: Uint8Array, view: DataView, at: number): void;
}

/** The points in these rows (undefined: all) as `data_points` fields (1) of their metric's kind. */
export function pointsSegment(metric: Metric, rows: Uint32Array | undefined): Segment {
  const { points } = metric;
  if (isAsSent(points) && hasSentAttributes(metric)) {
    const segment = SentSegment.of(points.sent, rows);
    if (segment !== undefined) return segment;
  } else if ((metric.kind === 'gauge' || metric.kind === 'sum') && NumberSegment.takes(metric)) {
    return new NumberSegment(metric, rows);
  }
  const writer = new WireWriter(256);
  encodePoints(writer, metric, rows);
  return new BytesSegment(writer.take());
}

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
