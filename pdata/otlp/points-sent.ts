import type { SentPoints } from '../sent-points.ts';
import { NOT_SENT } from '../sent-rows.ts';
import type { Segment } from './points-segment.ts';
import { DATA_POINT, varintLength, writeVarint } from './varint.ts';

/** Points that go on as they came. */
export class SentSegment implements Segment {
  readonly length: number;
  readonly #sent: SentPoints;
  readonly #rows: Uint32Array | undefined;

  private constructor(sent: SentPoints, rows: Uint32Array | undefined, length: number) {
    this.#sent = sent;
    this.#rows = rows;
    this.length = length;
  }

  /** Undefined when one of them did not come as bytes. */
  static of(sent: SentPoints, rows: Uint32Array | undefined): SentSegment | undefined {
    const { source, start, end } = sent;
    const count = rows?.length ?? start.length;
    let length = 0;
    for (let i = 0; i < count; i++) {
      const row = rows === undefined ? i : rows[i]!;
      if (typeof source !== 'number' && source[row] === NOT_SENT) return undefined;
      const size = end[row]! - start[row]!;
      length += 1 + varintLength(size) + size;
    }
    return new SentSegment(sent, rows, length);
  }

  write(target: Uint8Array, _view: DataView, start: number): void {
    const sent = this.#sent;
    const rows = this.#rows;
    const count = rows?.length ?? sent.start.length;
    let at = start;
    for (let i = 0; i < count; i++) {
      const row = rows === undefined ? i : rows[i]!;
      const bytes = sent.sources[typeof sent.source === 'number' ? sent.source : sent.source[row]!]!;
      const from = sent.start[row]!;
      const to = sent.end[row]!;
      target[at++] = DATA_POINT;
      at = writeVarint(target, at, to - from);
      target.set(bytes.subarray(from, to), at);
      at += to - from;
    }
  }
}
