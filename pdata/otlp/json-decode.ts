import type { Signal } from '../signals.ts';
import { MAX_VALUE_DEPTH } from './any-value.ts';
import { base64Bytes, hexBytes } from './json-bytes.ts';
import { parseDouble, parseInteger } from './json-numbers.ts';
import { CLOSE_LIST, CLOSE_OBJECT, COLON, COMMA, JsonSource, OPEN_LIST, OPEN_OBJECT, QUOTE } from './json-source.ts';
import { type FieldTable, type MessageTable, REQUESTS, wireType } from './json-table.ts';
import { DELIMITED, WireWriter } from './wire.ts';

/**
 * An OTLP/JSON document (text, or UTF-8 bytes) as the protobuf of the signal's export request. As liberal as the Collector:
 * names in lowerCamelCase or snake_case, 64-bit integers as strings or numbers, enums by number or name; and base64 of both
 * alphabets, `null` for absent. Fields that OTLP does not know are passed over, as its specification demands.
 * Throws `OtlpJsonError`, with the path, for everything else.
 */
export function otlpFromJson(signal: Signal, text: string | Uint8Array): Uint8Array {
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text;
  const reading = new Reading(new JsonSource(bytes), new WireWriter(Math.max(256, bytes.length >> 1)));
  reading.message(REQUESTS[signal]);
  reading.source.end();
  return reading.writer.take();
}

class Reading {
  readonly source: JsonSource;
  readonly writer: WireWriter;
  #valueDepth = 0;

  constructor(source: JsonSource, writer: WireWriter) {
    this.source = source;
    this.writer = writer;
  }

  /** Writes the fields of the object that begins here. */
  message(table: MessageTable): void {
    const { source } = this;
    const nests = table.name === 'ArrayValue' || table.name === 'KeyValueList';
    if (nests && ++this.#valueDepth > MAX_VALUE_DEPTH) {
      source.fail(`a value is nested deeper than ${MAX_VALUE_DEPTH} levels`);
    }
    source.expect(OPEN_OBJECT, 'an object');
    if (source.peek() === CLOSE_OBJECT) {
      source.position++;
    } else {
      do {
        const field = this.#fieldName(table);
        source.expect(COLON, 'a colon');
        if (field === undefined) source.skip();
        else this.#field(field);
      } while (this.#more(CLOSE_OBJECT, 'a comma or "}"'));
    }
    if (nests) this.#valueDepth--;
  }

  /** Whether a comma follows; else the closing byte must. */
  #more(close: number, wanted: string): boolean {
    const { source } = this;
    if (source.peek() === COMMA) {
      source.position++;
      return true;
    }
    source.expect(close, wanted);
    return false;
  }

  /** Reads a name; undefined when the message has no field of this name. */
  #fieldName(table: MessageTable): FieldTable | undefined {
    const { source } = this;
    source.peek();
    const start = source.position + 1;
    if (source.string()) return namedField(table, source.bytes, start, source.position - 1);
    source.position = start - 1;
    const name = new TextEncoder().encode(source.text());
    return namedField(table, name, 0, name.length);
  }

  #field(field: FieldTable): void {
    const { source } = this;
    source.path.push(field.name);
    if (!source.tryNull()) {
      if (field.repeated) this.#list(field);
      else if (field.message !== undefined) this.#nested(field, field.message);
      else this.#scalar(field);
    }
    source.path.pop();
  }

  #nested(field: FieldTable, message: MessageTable): void {
    const mark = this.writer.begin(field.number);
    this.message(message);
    this.writer.end(mark);
  }

  #list(field: FieldTable): void {
    const { source, writer } = this;
    source.expect(OPEN_LIST, 'a list');
    if (source.peek() === CLOSE_LIST) {
      source.position++;
      return;
    }
    const isPacked = field.message === undefined && field.kind !== 'string';
    const mark = isPacked ? writer.begin(field.number) : 0;
    const place = source.path.push(0) - 1;
    do {
      if (field.message !== undefined) this.#item(field, field.message);
      else if (isPacked) this.#number(field);
      else this.#string(field.number);
      source.path[place] = (source.path[place] as number) + 1;
    } while (this.#more(CLOSE_LIST, 'a comma or "]"'));
    source.path.pop();
    if (isPacked) writer.end(mark);
  }

  /** A message in a list: one that is `null` is empty. */
  #item(field: FieldTable, message: MessageTable): void {
    if (this.source.tryNull()) this.writer.end(this.writer.begin(field.number));
    else this.#nested(field, message);
  }

  #scalar(field: FieldTable): void {
    const { source, writer } = this;
    switch (field.kind) {
      case 'string':
        this.#string(field.number);
        return;
      case 'id':
        this.#id(field);
        return;
      case 'bytes': {
        const start = this.source.position;
        const bytes = base64Bytes(source.text());
        if (bytes === undefined) {
          source.position = start;
          source.fail('expected base64');
        } else writer.bytes(field.number, bytes);
        return;
      }
      default:
        writer.tag(field.number, wireType(field.kind));
        this.#number(field);
    }
  }

  #string(field: number): void {
    const { source, writer } = this;
    source.peek();
    const start = source.position;
    if (source.string()) {
      const length = source.position - start - 2;
      writer.tag(field, DELIMITED);
      writer.varint(length);
      if (length < LONG) writer.range(source.bytes, start + 1, start + 1 + length);
      else writer.raw(source.bytes.subarray(start + 1, start + 1 + length));
    } else {
      source.position = start;
      writer.string(field, source.text());
    }
  }

  #id(field: FieldTable): void {
    const { source, writer } = this;
    source.peek();
    const start = source.position;
    const plain = source.string();
    const digits = source.position - start - 2;
    if (digits === 0) return;
    const id = new Uint8Array(field.length);
    if (!plain || digits !== field.length * 2 || !hexBytes(source.bytes, start + 1, id)) {
      source.position = start;
      source.fail(`expected an id of ${field.length * 2} hex digits`);
    }
    writer.bytes(field.number, id);
  }

  /** Writes a number or a boolean, without a tag. */
  #number(field: FieldTable): void {
    const source: JsonSource = this.source;
    const { writer } = this;
    const { kind } = field;
    const first = source.peek();
    const start = source.position;
    if (kind === 'bool') {
      if (first !== 0x74 && first !== 0x66) source.fail(`expected true or false, found ${source.found()}`);
      source.literal(first === 0x74 ? 'true' : 'false');
      writer.varint(first === 0x74 ? 1 : 0);
      return;
    }
    const quoted = first === QUOTE;
    if (kind !== 'enum' && source.integer()) {
      if (this.#halves(kind)) return;
      source.position = start;
    }
    const text = quoted ? source.text() : source.number();
    const named = quoted ? field.values?.get(text) : undefined;
    const value = named ?? (kind === 'double' ? parseDouble(text) : parseInteger(text, kind));
    if (value === undefined || (quoted && kind === 'enum' && named === undefined)) {
      source.position = start;
      source.fail(`expected ${WANTED[kind] ?? 'a 32-bit integer'}, found ${clip(text)}`);
    }
    this.#write(kind, value);
  }

  /** Writes the integer that the source has just read; false where the kind has no such value. */
  #halves(kind: FieldTable['kind']): boolean {
    const { writer } = this;
    const { low, high } = this.source;
    if (kind === 'fixed64') {
      writer.fixed32(low);
      writer.fixed32(high);
      return true;
    }
    if (high >= 0x20_0000) return false;
    const value = high * 0x1_0000_0000 + low;
    if (value > (LARGEST[kind] ?? 0x7fff_ffff)) return false;
    this.#write(kind, value);
    return true;
  }

  #write(kind: FieldTable['kind'], value: number | bigint): void {
    const { writer } = this;
    switch (kind) {
      case 'double':
        writer.double(Number(value));
        return;
      case 'fixed64':
      case 'sfixed64':
        if (typeof value === 'number') writer.sfixed64(value);
        else writer.fixed64(BigInt.asUintN(64, value));
        return;
      case 'fixed32':
        writer.fixed32(Number(value));
        return;
      case 'sint32':
        writer.varint(((Number(value) << 1) ^ (Number(value) >> 31)) >>> 0);
        return;
      default:
        writer.int64(value);
    }
  }
}

/** Bytes from which copying at once is faster than one by one. */
const LONG = 64;

/** The largest value that is exact as a number, where it is not that of 32 bits. */
const LARGEST: { readonly [K in FieldTable['kind']]?: number } = {
  double: Number.MAX_SAFE_INTEGER,
  uint32: 0xffff_ffff,
  fixed32: 0xffff_ffff,
  int64: Number.MAX_SAFE_INTEGER,
  sfixed64: Number.MAX_SAFE_INTEGER,
  uint64: Number.MAX_SAFE_INTEGER,
  fixed64: Number.MAX_SAFE_INTEGER,
};

/** What a field takes, for messages. */
const WANTED: { readonly [K in FieldTable['kind']]?: string } = {
  double: 'a number, "NaN", "Infinity" or "-Infinity"',
  enum: 'the number or the name of an enum value',
  uint32: 'an unsigned 32-bit integer',
  fixed32: 'an unsigned 32-bit integer',
  int64: 'a 64-bit integer',
  sfixed64: 'a 64-bit integer',
  uint64: 'an unsigned 64-bit integer',
  fixed64: 'an unsigned 64-bit integer',
};

function clip(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}

/** The field whose name is in `[start, end)`. */
function namedField(table: MessageTable, source: Uint8Array, start: number, end: number): FieldTable | undefined {
  const candidates = table.named[end - start];
  if (candidates === undefined) return undefined;
  next: for (const { bytes, field } of candidates) {
    for (let i = 0; i < bytes.length; i++) if (source[start + i] !== bytes[i]) continue next;
    return field;
  }
  return undefined;
}
