import { DELIMITED, VARINT, WireError, WireReader } from '../../pdata/otlp/wire.ts';
import type { FieldType, Shape } from './shapes.ts';

/** A field left undecoded: a range of the bytes. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** The fields of a message that its shape names, as the API's JSON would have them. Throws WireError. */
export function readProtobuf(
  bytes: Buffer,
  shape: Shape,
  { start, end }: Span = { start: 0, end: bytes.length },
): object {
  return readMessage(new WireReader(bytes, start, end), bytes, shape, end);
}

type Message = Record<string, unknown>;

function readMessage(reader: WireReader, bytes: Buffer, shape: Shape, end: number): Message {
  const message: Message = {};
  while (reader.position < end) {
    const tag = reader.tag();
    const field = shape[Math.floor(tag / 8)];
    if (field === undefined) {
      reader.skip(tag);
      continue;
    }
    const [name, type, repeated] = field;
    if (type === 'map') {
      message[name] ??= {};
      readEntry(reader, bytes, tag, message[name] as Message);
      continue;
    }
    const value = readValue(reader, bytes, tag, type);
    if (repeated === undefined) message[name] = value;
    else if (message[name] === undefined) message[name] = [value];
    else (message[name] as unknown[]).push(value);
  }
  if (reader.position !== end) throw new WireError('a message ends within a field', reader.position);
  return message;
}

function readValue(reader: WireReader, bytes: Buffer, tag: number, type: Exclude<FieldType, 'map'>): unknown {
  const isVarint = type === 'number' || type === 'flag';
  if ((tag & 7) !== (isVarint ? VARINT : DELIMITED)) {
    throw new WireError(`wire type ${tag & 7} was not expected`, reader.position);
  }
  if (isVarint) return type === 'flag' ? reader.varint() !== 0 : Number(reader.int64());
  const end = reader.delimited();
  const start = reader.position;
  switch (type) {
    case 'text':
      reader.position = end;
      return bytes.toString('utf8', start, end);
    case 'span':
      reader.position = end;
      return { start, end };
    case 'time':
      return timeOf(readMessage(reader, bytes, TIME, end));
    default:
      return readMessage(reader, bytes, type, end);
  }
}

const TIME: Shape = { 1: ['seconds', 'number'] };

/** As in JSON: whole seconds. */
function timeOf({ seconds = 0 }: { seconds?: number }): string {
  const time = new Date(seconds * 1000);
  return Number.isNaN(time.getTime()) ? '' : time.toISOString().replace('.000Z', 'Z');
}

const ENTRY: Shape = { 1: ['key', 'text'], 2: ['value', 'text'] };

function readEntry(reader: WireReader, bytes: Buffer, tag: number, map: Message): void {
  if ((tag & 7) !== DELIMITED) throw new WireError(`wire type ${tag & 7} was not expected`, reader.position);
  const entry = readMessage(reader, bytes, ENTRY, reader.delimited());
  map[String(entry['key'] ?? '')] = entry['value'] ?? '';
}
