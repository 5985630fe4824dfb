import type { Metric } from '../metrics.ts';
import type { SentPoints } from '../sent-points.ts';
import { attributesLength, writeAttributesBefore } from '../series-interner.ts';
import { FieldCursor } from './field-cursor.ts';
import type { Segment } from './points-segment.ts';
import { DATA_POINT, varintLength, writeVarint } from './varint.ts';
import { DELIMITED } from './wire.ts';

/** Points that go on as they came. */
export class SentSegment implements Segment {
  readonly length: number;
  readonly #sent: SentPoints;
  readonly #rows: Uint32Array | undefined;

  constructor(sent: SentPoints, rows: Uint32Array | undefined) {
    this.#sent = sent;
    this.#rows = rows;
    const { start, end } = sent;
    const count = rows?.length ?? start.length;
    let length = 0;
    for (let i = 0; i < count; i++) {
      const row = rows === undefined ? i : rows[i]!;
      const size = end[row]! - start[row]!;
      length += 1 + varintLength(size) + size;
    }
    this.length = length;
  }

  write(target: Uint8Array, _view: DataView, from: number): void {
    const { sources, source, start, end } = this.#sent;
    const rows = this.#rows;
    const count = rows?.length ?? start.length;
    let at = from;
    for (let i = 0; i < count; i++) {
      const row = rows === undefined ? i : rows[i]!;
      const bytes = sources[typeof source === 'number' ? source : source[row]!]!;
      const size = end[row]! - start[row]!;
      target[at++] = DATA_POINT;
      at = writeVarint(target, at, size);
      target.set(bytes.subarray(start[row]!, end[row]!), at);
      at += size;
    }
  }
}

/** Points that go on as they came, but for their attributes, which are those of their series now. */
export class RenamedSegment implements Segment {
  readonly length: number;
  readonly #metric: Metric;
  readonly #sent: SentPoints;
  readonly #rows: Uint32Array | undefined;
  readonly #tag: number;
  readonly #fields: readonly FieldCursor[];
  /** Bytes of each point. */
  readonly #sizes: Uint32Array;

  constructor(metric: Metric, sent: SentPoints, rows: Uint32Array | undefined) {
    this.#metric = metric;
    this.#sent = sent;
    this.#rows = rows;
    this.#tag = ATTRIBUTES[metric.kind] * 8 + DELIMITED;
    this.#fields = sent.sources.map((source) => new FieldCursor(source));
    const count = rows?.length ?? sent.start.length;
    this.#sizes = new Uint32Array(count);
    let length = 0;
    for (let i = 0; i < count; i++) {
      const row = rows === undefined ? i : rows[i]!;
      const size = this.#othersLength(row) + attributesLength(metric.series, metric.points.ids[row]!);
      this.#sizes[i] = size;
      length += 1 + varintLength(size) + size;
    }
    this.length = length;
  }

  write(target: Uint8Array, view: DataView, from: number): void {
    const { series, points } = this.#metric;
    const rows = this.#rows;
    let at = from;
    for (let i = 0; i < this.#sizes.length; i++) {
      const row = rows === undefined ? i : rows[i]!;
      const id = points.ids[row]!;
      target[at++] = DATA_POINT;
      at = writeVarint(target, at, this.#sizes[i]!);
      at = this.#writeOthers(target, at, row);
      at += attributesLength(series, id);
      writeAttributesBefore(series, id, target, view, at, this.#tag);
    }
  }

  #othersLength(row: number): number {
    const field = this.#enter(row);
    let length = 0;
    for (let from = this.#sent.start[row]!; field.next(); from = field.end) {
      if (field.tag !== this.#tag) length += field.end - from;
    }
    return length;
  }

  #writeOthers(target: Uint8Array, start: number, row: number): number {
    const bytes = this.#sent.sources[this.#sourceOf(row)]!;
    const field = this.#enter(row);
    let at = start;
    for (let from = this.#sent.start[row]!; field.next(); from = field.end) {
      if (field.tag !== this.#tag) for (let i = from; i < field.end; i++) target[at++] = bytes[i]!;
    }
    return at;
  }

  #enter(row: number): FieldCursor {
    const field = this.#fields[this.#sourceOf(row)]!;
    field.enter(this.#sent.start[row]!, this.#sent.end[row]!);
    return field;
  }

  #sourceOf(row: number): number {
    const { source } = this.#sent;
    return typeof source === 'number' ? source : source[row]!;
  }
}

/** Numbers of the attributes' fields. */
const ATTRIBUTES: { readonly [K in Metric['kind']]: number } = {
  gauge: 7,
  sum: 7,
  histogram: 9,
  exponential_histogram: 1,
  summary: 7,
};
