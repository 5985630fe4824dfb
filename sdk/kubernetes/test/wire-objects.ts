import type { Encoding } from '../encoding.ts';
import { ENDPOINT_SLICE, type FieldType, LIST, POD, type Shape, STATUS } from '../shapes.ts';

/** An event of a watch as a server writes it, with what stands around it. */
export function eventBytes(encoding: Encoding, type: string, object: object): Buffer {
  if (encoding === 'json') return Buffer.from(`${JSON.stringify({ type, object })}\n`);
  const raw = wrapped(message(object, type === 'ERROR' ? STATUS : shapeOf(object)));
  const event = Buffer.concat([delimited(1, Buffer.from(type)), delimited(2, delimited(1, raw))]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(event.length);
  return Buffer.concat([length, event]);
}

export function listBytes(
  encoding: Encoding,
  list: { readonly metadata: object; readonly items: readonly object[] },
): Buffer {
  if (encoding === 'json') return Buffer.from(JSON.stringify(list));
  return wrapped(message(list, { ...LIST, 2: ['items', shapeOf(list.items[0] ?? {}), 'repeated'] }));
}

export function objectBytes(encoding: Encoding, object: object): Buffer {
  return encoding === 'json' ? Buffer.from(JSON.stringify(object)) : wrapped(message(object, shapeOf(object)));
}

function shapeOf(object: object): Shape {
  return 'endpoints' in object ? ENDPOINT_SLICE : POD;
}

/** `k8s\0` and the envelope; it says more than is read of it. */
function wrapped(raw: Buffer): Buffer {
  const typeMeta = Buffer.concat([delimited(1, Buffer.from('v1')), delimited(2, Buffer.from('Pod'))]);
  return Buffer.concat([
    Buffer.from('k8s\0'),
    delimited(1, typeMeta),
    delimited(2, raw),
    delimited(3, Buffer.alloc(0)),
  ]);
}

function message(object: object, shape: Shape): Buffer {
  const fields = Object.entries(shape) as [string, Shape[number]][];
  const parts = fields.flatMap(([number, [name, type, repeated]]) => {
    const value = (object as Record<string, unknown>)[name];
    if (value === undefined) return [];
    const values = repeated === undefined ? [value] : (value as readonly unknown[]);
    return values.flatMap((each) => field(Number(number), each, type));
  });
  // A field that no shape names: managedFields, and the like.
  return Buffer.concat([...parts, delimited(17, Buffer.from('passed over'))]);
}

function field(number: number, value: unknown, type: FieldType): readonly Buffer[] {
  switch (type) {
    case 'text':
      return [delimited(number, Buffer.from(String(value)))];
    case 'number':
    case 'flag':
      return [varint(number * 8), varint(Number(value))];
    case 'time':
      return [delimited(number, Buffer.concat([varint(8), varint(Date.parse(String(value)) / 1000)]))];
    case 'map':
      return Object.entries(value as Record<string, string>).map(([key, text]) =>
        delimited(number, Buffer.concat([delimited(1, Buffer.from(key)), delimited(2, Buffer.from(text))])),
      );
    case 'span':
      throw new Error('A span has no value.');
    default:
      return [delimited(number, message(value as object, type))];
  }
}

function delimited(number: number, bytes: Buffer): Buffer {
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let left = value; ; left = Math.floor(left / 128)) {
    if (left < 128) return Buffer.from([...bytes, left]);
    bytes.push((left % 128) + 128);
  }
}
