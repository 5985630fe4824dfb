import type { Signal } from '../signals.ts';
import { MAX_VALUE_DEPTH } from './any-value.ts';
import { type FieldTable, type MessageTable, REQUESTS } from './json-table.ts';
import { isUtf8 } from './utf8.ts';
import { DELIMITED, FIXED32, FIXED64, VARINT, WireError } from './wire.ts';

/**
 * Checks an export request down to its last field, without making anything of it, so that nothing that reads it later can fail:
 * lengths, tags, nesting of values, UTF-8 of strings. A field whose wire type is not OTLP's counts as unknown.
 * Returns how many data points, log records or spans it holds. Throws {@link WireError}.
 */
export function checkRequest(signal: Signal, bytes: Uint8Array): number {
  const check = new Check(bytes, ITEMS[signal]);
  check.message(REQUESTS[signal], 0, bytes.length);
  return check.items;
}

const ITEMS: { readonly [S in Signal]: ReadonlySet<string> } = {
  metrics: new Set(['NumberDataPoint', 'HistogramDataPoint', 'ExponentialHistogramDataPoint', 'SummaryDataPoint']),
  logs: new Set(['LogRecord']),
  traces: new Set(['Span']),
};

class Check {
  /** Messages of the names that are counted. */
  items = 0;
  readonly #bytes: Uint8Array;
  readonly #counted: ReadonlySet<string>;
  #position = 0;
  #valueDepth = 0;

  constructor(bytes: Uint8Array, counted: ReadonlySet<string>) {
    this.#bytes = bytes;
    this.#counted = counted;
  }

  message(table: MessageTable, start: number, end: number): void {
    const { fields, slots, name } = table;
    if (this.#counted.has(name)) this.items++;
    const nests = name === 'ArrayValue' || name === 'KeyValueList';
    if (nests && ++this.#valueDepth > MAX_VALUE_DEPTH) {
      throw new WireError(`a value is nested deeper than ${MAX_VALUE_DEPTH} levels`, start);
    }
    const bytes = this.#bytes;
    for (let at = start; at < end; ) {
      let tag = bytes[at]!;
      if (tag < 0x80) this.#position = at + 1;
      else tag = this.#varint(at, end);
      const value = this.#position;
      at = this.#end(tag, value, end);
      if ((tag & 7) !== DELIMITED) continue;
      const number = tag >>> 3;
      const slot = number < slots.length ? slots[number]! : -1;
      if (slot >= 0) this.#content(fields[slot]!, this.#position, at);
    }
    if (nests) this.#valueDepth--;
  }

  #content(field: FieldTable, start: number, end: number): void {
    if (field.message !== undefined) {
      this.message(field.message, start, end);
    } else if (field.kind === 'string') {
      const bytes = this.#bytes;
      for (let at = start; at < end; at++) {
        if (bytes[at]! < 0x80) continue;
        if (!isUtf8(bytes, at, end)) throw new WireError(`the string ${field.name} is not valid UTF-8`, start);
        return;
      }
    }
  }

  /** Where the value at `at`, of a field with this tag, ends; the position is at the content of a delimited one. */
  #end(tag: number, at: number, end: number): number {
    if (tag < 8) throw new WireError(`tag ${tag} is no field`, at);
    switch (tag & 7) {
      case DELIMITED: {
        let length = at < end ? this.#bytes[at]! : 0x80;
        if (length < 0x80) this.#position = at + 1;
        else length = this.#varint(at, end);
        const left = end - this.#position;
        if (length > left) throw new WireError(`a field has ${length} bytes, ${left} follow`, at);
        return this.#position + length;
      }
      case VARINT:
        return this.#pastVarint(at, end);
      case FIXED64:
        return past(at + 8, end);
      case FIXED32:
        return past(at + 4, end);
      default:
        throw new WireError(`wire type ${tag & 7} is not supported`, at);
    }
  }

  #pastVarint(start: number, end: number): number {
    for (let at = start; at < end; at++) {
      const byte = this.#bytes[at]!;
      if (at - start === 9 && byte > 1) throw new WireError('a varint has more than 64 bits', start);
      if (byte < 0x80) return at + 1;
    }
    throw new WireError('a varint is cut off', start);
  }

  /** A tag or a length; the position is behind it. */
  #varint(start: number, end: number): number {
    const next = this.#pastVarint(start, end);
    let value = 0;
    for (let at = next - 1; at >= start; at--) value = value * 128 + (this.#bytes[at]! & 0x7f);
    if (value > 0xffff_ffff) throw new WireError('a tag or a length has more than 32 bits', start);
    this.#position = next;
    return value;
  }
}

function past(next: number, end: number): number {
  if (next > end) throw new WireError('a value is cut off', end);
  return next;
}
