import { type AttributeValue, Double } from '../attributes.ts';
import { DELIMITED, FIXED64, VARINT, WireError, WireReader, type WireWriter } from './wire.ts';

/** Levels of lists and maps inside a value. Deeper ones are refused, on the way in and out. */
export const MAX_VALUE_DEPTH = 32;

/**
 * Writes the content of an `AnyValue`.
 * AnyValue: 1 string_value, 2 bool_value, 3 int_value, 4 double_value, 5 array_value, 6 kvlist_value, 7 bytes_value.
 * ArrayValue: 1 values. KeyValueList: 1 values.
 */
export function writeAnyValue(writer: WireWriter, value: AttributeValue, depth = 0): void {
  switch (typeof value) {
    case 'string':
      writer.string(1, value);
      return;
    case 'boolean':
      writer.tag(2, VARINT);
      writer.varint(value ? 1 : 0);
      return;
    case 'number':
      if (Number.isSafeInteger(value)) writeInt(writer, value === 0 ? 0 : value);
      else writeDouble(writer, value);
      return;
    case 'bigint':
      if (BigInt.asIntN(64, value) !== value) throw new RangeError(`${value} has more than 64 bits.`);
      writeInt(writer, value);
      return;
    case 'object':
      writeObject(writer, value, depth);
      return;
    default:
      throw new TypeError(`A ${typeof value} cannot be an attribute value.`);
  }
}

/** Writes a whole `KeyValue` field. KeyValue: 1 key, 2 value. */
export function writeKeyValue(writer: WireWriter, field: number, key: string, value: AttributeValue, depth = 0): void {
  const entry = writer.begin(field);
  writer.string(1, key);
  const content = writer.begin(2);
  writeAnyValue(writer, value, depth);
  writer.end(content);
  writer.end(entry);
}

/** Reads the content of an `AnyValue`; empty or unknown content is `null`. Of several values the last counts. */
export function readAnyValue(bytes: Uint8Array, start = 0, end = bytes.length, depth = 0): AttributeValue {
  const reader = new WireReader(bytes, start, end);
  let value: AttributeValue = null;
  while (!reader.done) {
    const tag = reader.tag();
    switch (tag) {
      case 1 * 8 + DELIMITED:
        value = readString(reader);
        break;
      case 2 * 8 + VARINT:
        value = reader.varint() !== 0;
        break;
      case 3 * 8 + VARINT:
        value = reader.int64();
        break;
      case 4 * 8 + FIXED64: {
        const number = reader.double();
        value = Number.isInteger(number) ? new Double(number) : number;
        break;
      }
      case 5 * 8 + DELIMITED:
        value = readList(reader, below(depth, reader));
        break;
      case 6 * 8 + DELIMITED:
        value = readMap(reader, below(depth, reader));
        break;
      case 7 * 8 + DELIMITED: {
        const until = reader.delimited();
        value = bytes.slice(reader.position, until);
        reader.position = until;
        break;
      }
      default:
        reader.skip(tag);
    }
  }
  return value;
}

/** What a `KeyValue` holds, and where. */
export interface KeyValueParts {
  readonly key: string;
  /** Content of the value's AnyValue; both 0 without one. */
  readonly valueStart: number;
  readonly valueEnd: number;
}

export function readKeyValue(bytes: Uint8Array, start: number, end: number): KeyValueParts {
  const reader = new WireReader(bytes, start, end);
  let key = '';
  let valueStart = 0;
  let valueEnd = 0;
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === 1 * 8 + DELIMITED) {
      key = readString(reader);
    } else if (tag === 2 * 8 + DELIMITED) {
      valueEnd = reader.delimited();
      valueStart = reader.position;
      reader.position = valueEnd;
    } else {
      reader.skip(tag);
    }
  }
  return { key, valueStart, valueEnd };
}

/** Walks a `KeyValue` without making anything of it. Throws {@link WireError} where it, or anything inside, is malformed. */
export function checkKeyValue(bytes: Uint8Array, start: number, end: number, depth = 0): void {
  const reader = new WireReader(bytes, start, end);
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === 2 * 8 + DELIMITED) {
      const until = reader.delimited();
      checkAnyValue(bytes, reader.position, until, depth);
      reader.position = until;
    } else {
      reader.skip(tag);
    }
  }
}

/** As {@link checkKeyValue}, for the content of an `AnyValue`. */
export function checkAnyValue(bytes: Uint8Array, start: number, end: number, depth = 0): void {
  const reader = new WireReader(bytes, start, end);
  while (!reader.done) {
    const tag = reader.tag();
    if (tag !== 5 * 8 + DELIMITED && tag !== 6 * 8 + DELIMITED) {
      reader.skip(tag);
      continue;
    }
    const until = reader.delimited();
    const inner = new WireReader(bytes, reader.position, until);
    const deeper = below(depth, reader);
    while (!inner.done) {
      const innerTag = inner.tag();
      if (innerTag !== 1 * 8 + DELIMITED) {
        inner.skip(innerTag);
        continue;
      }
      const itemEnd = inner.delimited();
      if (tag === 5 * 8 + DELIMITED) checkAnyValue(bytes, inner.position, itemEnd, deeper);
      else checkKeyValue(bytes, inner.position, itemEnd, deeper);
      inner.position = itemEnd;
    }
    reader.position = until;
  }
}

/** Text of UTF-8 bytes; a leading byte order mark is text, invalid bytes become U+FFFD. */
export function decodeUtf8(bytes: Uint8Array, start: number, end: number): string {
  if (end - start > 24) return decodeAny(bytes, start, end);
  let text = '';
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    if (byte >= 0x80) return decodeAny(bytes, start, end);
    text += String.fromCharCode(byte);
  }
  return text;
}

export function readString(reader: WireReader): string {
  const until = reader.delimited();
  const text = decodeUtf8(reader.bytes, reader.position, until);
  reader.position = until;
  return text;
}

function decodeAny(bytes: Uint8Array, start: number, end: number): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(start, end));
}

function readList(reader: WireReader, depth: number): AttributeValue[] {
  const until = reader.delimited();
  const inner = new WireReader(reader.bytes, reader.position, until);
  const values: AttributeValue[] = [];
  while (!inner.done) {
    const tag = inner.tag();
    if (tag === 1 * 8 + DELIMITED) {
      const end = inner.delimited();
      values.push(readAnyValue(inner.bytes, inner.position, end, depth));
      inner.position = end;
    } else {
      inner.skip(tag);
    }
  }
  reader.position = until;
  return values;
}

function readMap(reader: WireReader, depth: number): { readonly [key: string]: AttributeValue } {
  const until = reader.delimited();
  const inner = new WireReader(reader.bytes, reader.position, until);
  const entries = new Map<string, AttributeValue>();
  while (!inner.done) {
    const tag = inner.tag();
    if (tag === 1 * 8 + DELIMITED) {
      const end = inner.delimited();
      const { key, valueStart, valueEnd } = readKeyValue(inner.bytes, inner.position, end);
      if (!entries.has(key)) entries.set(key, readAnyValue(inner.bytes, valueStart, valueEnd, depth));
      inner.position = end;
    } else {
      inner.skip(tag);
    }
  }
  reader.position = until;
  return Object.fromEntries(entries);
}

function writeInt(writer: WireWriter, value: number | bigint): void {
  writer.tag(3, VARINT);
  writer.int64(value);
}

function writeDouble(writer: WireWriter, value: number): void {
  writer.tag(4, FIXED64);
  writer.double(value);
}

function writeObject(writer: WireWriter, value: AttributeValue & (object | null), depth: number): void {
  if (value === null) return;
  if (value instanceof Uint8Array) {
    writer.bytes(7, value);
    return;
  }
  if (value instanceof Double) {
    writeDouble(writer, value.value);
    return;
  }
  if (depth >= MAX_VALUE_DEPTH) throw new RangeError(`The value is nested deeper than ${MAX_VALUE_DEPTH} levels.`);
  const isList = Array.isArray(value);
  const mark = writer.begin(isList ? 5 : 6);
  if (isList) {
    for (const item of value as readonly AttributeValue[]) {
      const element = writer.begin(1);
      writeAnyValue(writer, item, depth + 1);
      writer.end(element);
    }
  } else {
    for (const [key, item] of Object.entries(value)) writeKeyValue(writer, 1, key, item as AttributeValue, depth + 1);
  }
  writer.end(mark);
}

function below(depth: number, reader: WireReader): number {
  if (depth < MAX_VALUE_DEPTH) return depth + 1;
  throw new WireError(`a value is nested deeper than ${MAX_VALUE_DEPTH} levels`, reader.position);
}
