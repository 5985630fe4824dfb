import type { AttributeScratch } from '../series-interner.ts';

/** Attributes of a point brought together, each behind the tag of field 1: the form in which series are known. */
export class AttributeRun implements AttributeScratch {
  bytes: Uint8Array = new Uint8Array(512);
  view: DataView = new DataView(this.bytes.buffer);
  length = 0;

  /** Adds the `KeyValue` in `[start, end)`. */
  add(source: DataView, start: number, end: number): void {
    const size = end - start;
    if (this.length + size + 6 > this.bytes.length) this.#grow(size + 6);
    const { bytes, view } = this;
    let at = this.length;
    bytes[at++] = 0x0a;
    let rest = size;
    for (; rest > 0x7f; rest >>>= 7) bytes[at++] = (rest & 0x7f) | 0x80;
    bytes[at++] = rest;
    let from = start;
    for (const last = end - 4; from <= last; from += 4, at += 4) view.setInt32(at, source.getInt32(from, true), true);
    for (; from < end; from++) bytes[at++] = source.getUint8(from);
    this.length = at;
  }

  #grow(more: number): void {
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.length + more));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }
}
