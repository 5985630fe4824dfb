import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

/**
 * Every point, record and span of the requests in a sink's dump, as digests with how often each came. A digest covers
 * the item and all that stands around it: resource, scope, schema URLs, the metric's name, unit and kind. So two dumps
 * are equal when the same items arrived, however they were cut into requests. Read by a walk of the wire format that
 * shares no code with the agent.
 */
export async function itemsOfDump(path: string): Promise<ReadonlyMap<string, number>> {
  const items = new Map<string, number>();
  for await (const line of createInterface({ input: createReadStream(path) })) {
    const { signal, hex } = JSON.parse(line) as { signal: Signal; hex: string };
    for (const item of itemsOfRequest(signal, Buffer.from(hex, 'hex'))) {
      const digest = createHash('md5').update(item).digest('base64');
      items.set(digest, (items.get(digest) ?? 0) + 1);
    }
  }
  return items;
}

type Signal = 'metrics' | 'logs' | 'traces';

/** One text for each point (with its metric), record or span. */
export function* itemsOfRequest(signal: Signal, request: Buffer): Generator<string> {
  for (const perResource of parts(fields(request), 1)) {
    const resource = canonical(without(perResource, 2), RESOURCE_ITEMS);
    for (const perScope of parts(perResource, 2)) {
      const around = `${resource}|${canonical(without(perScope, 2), SCOPE_ITEMS)}`;
      for (const entry of parts(perScope, 2)) {
        if (signal === 'metrics') yield* points(entry, around);
        else yield `${around}|${canonical(entry, signal === 'logs' ? LOG_RECORD : SPAN)}`;
      }
    }
  }
}

/** A metric without points is an item too. */
function* points(metric: Message, around: string): Generator<string> {
  const header = canonical(
    metric.filter(({ number }) => !METRIC_DATA.has(number)),
    METRIC,
  );
  for (const field of metric) {
    const point = METRIC_DATA.get(field.number);
    if (point === undefined) continue;
    const data = fields(field.bytes);
    const kind = `${around}|${header}|${field.number} ${canonical(without(data, 1), {})}`;
    const all = parts(data, 1);
    if (all.length === 0) yield kind;
    for (const one of all) yield `${kind}|${canonical(one, point)}`;
  }
}

interface Field {
  readonly number: number;
  readonly wire: number;
  /** The value as it stands on the wire; of a length-delimited field without the length. */
  readonly bytes: Buffer;
}
type Message = readonly Field[];

/** Which fields are messages, and of what. The others are scalars, strings and bytes. */
interface Shape {
  readonly [field: number]: Shape;
}

// AnyValue: array_value 5 { values 1 }, kvlist_value 6 { values 1 }. KeyValue: value 2.
const ANY_VALUE: { 5: Shape; 6: Shape } = { 5: {}, 6: {} };
const KEY_VALUE: Shape = { 2: ANY_VALUE };
ANY_VALUE[5] = { 1: ANY_VALUE };
ANY_VALUE[6] = { 1: KEY_VALUE };
// Exemplar: filtered_attributes 7.
const EXEMPLAR: Shape = { 7: KEY_VALUE };
const METRIC: Shape = { 12: KEY_VALUE };
// Metric: gauge 5, sum 7, histogram 9, exponential_histogram 10, summary 11, with the shape of their points.
const METRIC_DATA: ReadonlyMap<number, Shape> = new Map<number, Shape>([
  [5, { 5: EXEMPLAR, 7: KEY_VALUE }],
  [7, { 5: EXEMPLAR, 7: KEY_VALUE }],
  [9, { 8: EXEMPLAR, 9: KEY_VALUE }],
  [10, { 1: KEY_VALUE, 8: {}, 9: {}, 11: EXEMPLAR }],
  [11, { 6: {}, 7: KEY_VALUE }],
]);
const RESOURCE_ITEMS: Shape = { 1: { 1: KEY_VALUE, 3: {} } };
const SCOPE_ITEMS: Shape = { 1: { 3: KEY_VALUE } };
const LOG_RECORD: Shape = { 5: ANY_VALUE, 6: KEY_VALUE };
const SPAN: Shape = { 9: KEY_VALUE, 11: { 3: KEY_VALUE }, 13: { 4: KEY_VALUE }, 15: {} };

/** Fields in the order of their numbers; of one number in the order on the wire. */
function canonical(message: Message, shape: Shape): string {
  const texts = message
    .toSorted((a, b) => a.number - b.number)
    .map(({ number, wire, bytes }) => {
      const inner = shape[number];
      return `${number}:${wire}=${inner === undefined ? bytes.toString('hex') : `(${canonical(fields(bytes), inner)})`}`;
    });
  return texts.join(',');
}

function parts(message: Message, number: number): Message[] {
  return message.filter((field) => field.number === number).map(({ bytes }) => fields(bytes));
}

function without(message: Message, number: number): Message {
  return message.filter((field) => field.number !== number);
}

/** Throws for what is no message. */
function fields(bytes: Buffer): Message {
  const found: Field[] = [];
  for (let at = 0; at < bytes.length; ) {
    const [tag, afterTag] = varint(bytes, at);
    const number = Number(tag >> 3n);
    const wire = Number(tag & 7n);
    let start = afterTag;
    if (wire === 0) at = varint(bytes, afterTag)[1];
    else if (wire === 1) at = afterTag + 8;
    else if (wire === 5) at = afterTag + 4;
    else if (wire === 2) {
      const [length, afterLength] = varint(bytes, afterTag);
      start = afterLength;
      at = afterLength + Number(length);
    } else throw new Error(`wire type ${wire} at ${at}`);
    if (at > bytes.length) throw new Error(`field ${number} ends at ${at} of ${bytes.length}`);
    found.push({ number, wire, bytes: bytes.subarray(start, at) });
  }
  return found;
}

function varint(bytes: Buffer, from: number): readonly [bigint, number] {
  let value = 0n;
  for (let at = from, shift = 0n; at < bytes.length; at++, shift += 7n) {
    value |= BigInt(bytes[at]! & 0x7f) << shift;
    if (bytes[at]! < 0x80) return [value, at + 1];
  }
  throw new Error(`no end of the number at ${from}`);
}
