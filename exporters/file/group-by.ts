import { posix } from 'node:path';
import { resourceFromBytes } from 'bpflow/sdk';
import { lengthOf } from './framing.ts';

/** Part of an export request: messages of its field 1 (ResourceMetrics, ResourceLogs, …), each with tag and length. */
export interface RequestPart {
  readonly parts: readonly Uint8Array[];
  readonly bytes: number;
}

const FIELD_1 = 0x0a;
const FIELD_2 = 0x12;

/**
 * Splits export requests by a resource attribute, without decoding what is below the resource. Under `undefined` stands
 * what has no such attribute, or none that is a string. All signals have the same outline, and of profiles every part has the
 * whole dictionary:
 *
 *     ExportXServiceRequest: 1 repeated ResourceX (2 dictionary)      ResourceX: 1 Resource, …
 */
export function splitByAttribute(
  requests: readonly Uint8Array[],
  attribute: string,
): ReadonlyMap<string | undefined, RequestPart> {
  const groups = new Map<string | undefined, Uint8Array[]>();
  const shared: Uint8Array[] = [];
  let lastResource: Uint8Array | undefined;
  let lastValue: string | undefined;
  for (const request of requests) {
    for (const { start, end } of fields(FIELD_2, request)) shared.push(request.subarray(start, end));
    for (const entry of fields(FIELD_1, request)) {
      const resource = fields(FIELD_1, request, entry.body, entry.end).next().value;
      const bytes = resource === undefined ? EMPTY : request.subarray(resource.body, resource.end);
      // Senders repeat one resource in a row.
      if (lastResource === undefined || !sameBytes(lastResource, bytes)) {
        lastResource = bytes;
        const value = resourceFromBytes(bytes).attributes.get(attribute);
        lastValue = typeof value === 'string' ? value : undefined;
      }
      const group = groups.get(lastValue);
      const whole = request.subarray(entry.start, entry.end);
      if (group === undefined) groups.set(lastValue, [whole]);
      else group.push(whole);
    }
  }
  const partOf = (own: readonly Uint8Array[]): RequestPart => {
    const parts = shared.length === 0 ? own : [...own, ...shared];
    return { parts, bytes: lengthOf(parts) };
  };
  return new Map(Array.from(groups, ([value, own]) => [value, partOf(own)]));
}

/** The path of a group. A value cannot lead out of where the pattern's fixed part leads: as in the Collector. */
export function groupPath(pattern: string, value: string): string {
  const [before = '', suffix = ''] = pattern.split('*');
  const cleaned = posix.normalize(before);
  const prefix = before.endsWith('/') && !cleaned.endsWith('/') ? `${cleaned}/` : cleaned;
  const safe = value.replaceAll('\0', '_');
  const segment = safe.startsWith('./') ? safe.slice(1) : safe.startsWith('../') ? safe.slice(2) : safe;
  const path = posix.normalize(prefix + segment + suffix);
  return path.startsWith(prefix) ? path : posix.join(prefix, posix.join('/', segment + suffix));
}

const EMPTY = new Uint8Array(0);

interface Field {
  /** At its tag. */
  readonly start: number;
  readonly body: number;
  readonly end: number;
}

/** The fields with this tag, of delimited ones, in a well-formed message. */
function* fields(wanted: number, bytes: Uint8Array, from = 0, end = bytes.length): Generator<Field> {
  for (let at = from; at < end; ) {
    const start = at;
    const [tag, afterTag] = varint(bytes, at);
    switch (tag & 7) {
      case 0:
        at = varint(bytes, afterTag)[1];
        break;
      case 1:
        at = afterTag + 8;
        break;
      case 5:
        at = afterTag + 4;
        break;
      default: {
        const [length, body] = varint(bytes, afterTag);
        at = body + length;
        if (tag === wanted) yield { start, body, end: at };
      }
    }
  }
}

function varint(bytes: Uint8Array, from: number): [value: number, next: number] {
  let value = 0;
  let scale = 1;
  let at = from;
  for (; at < bytes.length && bytes[at]! >= 0x80; at++) {
    value += (bytes[at]! & 0x7f) * scale;
    scale *= 128;
  }
  return [value + (bytes[at] ?? 0) * scale, at + 1];
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
