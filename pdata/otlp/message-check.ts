import type { Signal } from '../signals.ts';
import { MAX_VALUE_DEPTH } from './any-value.ts';
import { type FieldTable, type MessageTable, REQUESTS, wireType } from './json-table.ts';
import { isUtf8 } from './utf8.ts';
import { DELIMITED, FIXED32, FIXED64, VARINT, WireError } from './wire.ts';

/**
 * Checks an export request down to its last field, without making anything of it, so that nothing that reads it later can fail:
 * lengths, tags, nesting of values, UTF-8 of strings, packed numbers. A field whose wire type is not OTLP's counts as unknown.
 * Returns how many data points, log records, spans or samples it holds. Throws {@link WireError}.
 */
export function checkRequest(signal: Signal, bytes: Uint8Array): number {
  const check = new Check(bytes);
  check.message(SHAPES[signal], 0, bytes.length);
  return check.items;
}

/** What a message's table says, as far as it matters here: a look-up of numbers for each field. */
interface Shape {
  /** What a delimited field of each number holds: {@link OPAQUE} and so on. */
  readonly contents: Uint8Array;
  readonly messages: readonly (Shape | undefined)[];
  readonly names: readonly string[];
  /** 1 for a data point, a log record, a span, a sample. */
  readonly items: number;
  /** 1 for the values that hold values. */
  readonly levels: number;
}

const OPAQUE = 0;
const TEXT = 1;
const MESSAGE = 2;
const KEY_VALUE = 3;
/** Packed numbers of 8 bytes. */
const WORDS = 4;
/** Packed varints. */
const VARINTS = 5;

const ITEMS: ReadonlySet<string> = new Set([
  ...['NumberDataPoint', 'HistogramDataPoint', 'ExponentialHistogramDataPoint', 'SummaryDataPoint'],
  ...['LogRecord', 'Span', 'Sample'],
]);
const NESTING: ReadonlySet<string> = new Set(['ArrayValue', 'KeyValueList']);

const SHAPES: { readonly [S in Signal]: Shape } = shapes();

function shapes(): typeof SHAPES {
  const known = new Map<MessageTable, Shape>();
  const shapeOf = (table: MessageTable): Shape => {
    const found = known.get(table);
    if (found !== undefined) return found;
    const contents = new Uint8Array(table.slots.length);
    const messages: (Shape | undefined)[] = Array.from(contents, () => undefined);
    const names = Array.from(contents, () => '');
    const items = ITEMS.has(table.name) ? 1 : 0;
    const shape: Shape = { contents, messages, names, items, levels: NESTING.has(table.name) ? 1 : 0 };
    known.set(table, shape);
    for (const field of table.fields) {
      contents[field.number] = contentOf(field);
      messages[field.number] = field.message && shapeOf(field.message);
      names[field.number] = field.name;
    }
    return shape;
  };
  return {
    metrics: shapeOf(REQUESTS.metrics),
    logs: shapeOf(REQUESTS.logs),
    traces: shapeOf(REQUESTS.traces),
    profiles: shapeOf(REQUESTS.profiles),
  };
}

function contentOf({ kind, message, repeated }: FieldTable): number {
  if (message !== undefined) return message.name === 'KeyValue' ? KEY_VALUE : MESSAGE;
  if (kind === 'string') return TEXT;
  if (!repeated) return OPAQUE;
  return wireType(kind) === FIXED64 ? WORDS : VARINTS;
}

/** 0.11 µs for a data point of 5 attributes, 171 bytes; 0.35 µs along the tables of the JSON codec, with each attribute looked into. */
class Check {
  items = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #position = 0;
  #valueDepth = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  message(shape: Shape, start: number, end: number): void {
    const bytes = this.#bytes;
    const { contents, levels } = shape;
    this.items += shape.items;
    this.#valueDepth += levels;
    if (this.#valueDepth > MAX_VALUE_DEPTH) {
      throw new WireError(`a value is nested deeper than ${MAX_VALUE_DEPTH} levels`, start);
    }
    for (let at = start; at < end; ) {
      let tag = bytes[at++]!;
      if (tag >= 0x80) {
        tag = this.#varint(at - 1, end);
        at = this.#position;
      }
      if (tag < 8) throw new WireError(`tag ${tag} is no field`, at);
      const wire = tag & 7;
      if (wire === DELIMITED) {
        let length = at < end ? bytes[at]! : 0x80;
        if (length < 0x80) at++;
        else {
          length = this.#varint(at, end);
          at = this.#position;
        }
        const next = at + length;
        if (next > end) throw new WireError(`a field has ${length} bytes, ${end - at} follow`, at);
        const number = tag >>> 3;
        const content = number < contents.length ? contents[number]! : OPAQUE;
        if (content === KEY_VALUE) {
          if (!this.#isPlain(at, next)) this.message(shape.messages[number]!, at, next);
        } else if (content === MESSAGE) {
          this.message(shape.messages[number]!, at, next);
        } else if (content === TEXT) {
          if (!this.#isAscii(at, next)) this.#text(shape, number, at, next);
        } else if (content !== OPAQUE) {
          this.#packed(content, at, next);
        }
        at = next;
      } else if (wire === VARINT) {
        at = this.#pastVarint(at, end);
      } else if (wire === FIXED64) {
        at = past(at + 8, end);
      } else if (wire === FIXED32) {
        at = past(at + 4, end);
      } else {
        throw new WireError(`wire type ${wire} is not supported`, at);
      }
    }
    this.#valueDepth -= levels;
  }

  /** Whether this is the usual attribute, which needs no closer look: a short key and a short text, both ASCII. */
  #isPlain(start: number, end: number): boolean {
    const bytes = this.#bytes;
    // KeyValue: 1 key, 2 value. AnyValue: 1 string_value. Lengths below 128 are one byte.
    if (end - start >= 0x80 || end - start < 6 || bytes[start] !== 0x0a) return false;
    const value = start + 2 + bytes[start + 1]!;
    if (value + 4 > end || bytes[value] !== 0x12 || bytes[value + 1] !== end - value - 2) return false;
    if (bytes[value + 2] !== 0x0a || bytes[value + 3] !== end - value - 4) return false;
    return this.#isAscii(start, end);
  }

  #isAscii(start: number, end: number): boolean {
    let at = start;
    for (; at + 4 <= end; at += 4) if ((this.#view.getUint32(at) & 0x8080_8080) !== 0) return false;
    for (; at < end; at++) if (this.#bytes[at]! >= 0x80) return false;
    return true;
  }

  #text(shape: Shape, number: number, start: number, end: number): void {
    if (isUtf8(this.#bytes, start, end)) return;
    throw new WireError(`the string ${shape.names[number]} is not valid UTF-8`, start);
  }

  #packed(content: number, start: number, end: number): void {
    if (content === WORDS) {
      if (((end - start) & 7) !== 0) throw new WireError('a value is cut off', end);
      return;
    }
    for (let at = start; at < end; ) at = this.#pastVarint(at, end);
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
