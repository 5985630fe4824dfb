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

/** What of a message matters beyond its bytes. */
interface Shape {
  /** Fields that are messages, and of what. The others are scalars, strings and bytes. */
  readonly messages?: { readonly [field: number]: Shape };
  /** Those of them that are not repeated: an empty one says what an absent one says. */
  readonly single?: readonly number[];
  /** Scalars that say something by being there, even when zero: members of a oneof, and optional ones. */
  readonly present?: readonly number[];
}

// AnyValue: a oneof of 1 to 7; array_value 5 { values 1 }, kvlist_value 6 { values 1 }. KeyValue: value 2.
const VALUES: { [field: number]: Shape } = {};
const ANY_VALUE: Shape = { messages: VALUES, present: [1, 2, 3, 4, 7] };
const KEY_VALUE: Shape = { messages: { 2: ANY_VALUE }, single: [2] };
VALUES[5] = { messages: { 1: ANY_VALUE } };
VALUES[6] = { messages: { 1: KEY_VALUE } };
// Exemplar: as_double 3, as_int 6, filtered_attributes 7.
const EXEMPLAR: Shape = { messages: { 7: KEY_VALUE }, present: [3, 6] };
// Metric: metadata 12.
const METRIC: Shape = { messages: { 12: KEY_VALUE } };
const NUMBER: Shape = { messages: { 5: EXEMPLAR, 7: KEY_VALUE }, present: [4, 6] };
// Metric: gauge 5, sum 7, histogram 9, exponential_histogram 10, summary 11, with the shape of their points.
const METRIC_DATA: ReadonlyMap<number, Shape> = new Map<number, Shape>([
  [5, NUMBER],
  [7, NUMBER],
  // sum 5, exemplars 8, attributes 9, min 11, max 12
  [9, { messages: { 8: EXEMPLAR, 9: KEY_VALUE }, present: [5, 11, 12] }],
  // attributes 1, sum 4, positive 8, negative 9, exemplars 11, min 12, max 13
  [10, { messages: { 1: KEY_VALUE, 8: {}, 9: {}, 11: EXEMPLAR }, single: [8, 9], present: [4, 12, 13] }],
  // quantile_values 6, attributes 7
  [11, { messages: { 6: {}, 7: KEY_VALUE } }],
]);
const RESOURCE_ITEMS: Shape = { messages: { 1: { messages: { 1: KEY_VALUE, 3: {} } } }, single: [1] };
const SCOPE_ITEMS: Shape = { messages: { 1: { messages: { 3: KEY_VALUE } } }, single: [1] };
const LOG_RECORD: Shape = { messages: { 5: ANY_VALUE, 6: KEY_VALUE }, single: [5] };
// attributes 9, events 11, links 13, status 15
const SPAN: Shape = {
  messages: { 9: KEY_VALUE, 11: { messages: { 3: KEY_VALUE } }, 13: { messages: { 4: KEY_VALUE } }, 15: {} },
  single: [15],
};

/** Fields in the order of their numbers, of one number in the order on the wire; without those that say nothing. */
function canonical(message: Message, { messages = {}, single = [], present = [] }: Shape): string {
  const texts: string[] = [];
  for (const { number, wire, bytes } of message.toSorted((a, b) => a.number - b.number)) {
    const inner = messages[number];
    const text = inner === undefined ? scalar(bytes) : canonical(fields(bytes), inner);
    const isZero = wire === 2 ? text === '' : bytes.every((byte) => byte === 0);
    const isKept = inner === undefined ? present.includes(number) : !single.includes(number);
    if (!isZero || isKept) texts.push(`${number}:${wire}=(${text})`);
  }
  return texts.join(',');
}

/** As hex. Go's NaN has another payload than the NaN that JavaScript writes; both read alike. */
function scalar(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  return hex === '010000000000f87f' ? '000000000000f87f' : hex;
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
