import { labelText } from '../metrics/dns/names.ts';
import { addressText } from './address.ts';

/** What a message of DNS says, as far as a copy of its beginning goes. */
export interface DnsMessage {
  readonly id: number;
  readonly opcode: number;
  readonly isTruncated: boolean;
  /** Undefined where there is no question, or none that can be read. */
  readonly question: { readonly name: string; readonly type: number } | undefined;
  /** Records that the header announces. */
  readonly answerCount: number;
  /** Addresses of the answer, as text. */
  readonly addresses: readonly string[];
}

/** Reads a message of RFC 1035. Undefined when it has no whole header. Whatever the bytes are, it ends soon and throws nothing. */
export function readDnsMessage(bytes: Uint8Array): DnsMessage | undefined {
  if (bytes.length < HEADER) return undefined;
  const flags = u16(bytes, 2);
  const answerCount = u16(bytes, 6);
  const asked = u16(bytes, 4);
  const first = asked > 0 ? readName(bytes, HEADER) : undefined;
  const hasType = first !== undefined && first.end + 4 <= bytes.length;
  return {
    id: u16(bytes, 0),
    opcode: (flags >> 11) & 0xf,
    isTruncated: (flags & TRUNCATED) !== 0,
    question: hasType ? { name: first.name, type: u16(bytes, first.end) } : undefined,
    answerCount,
    addresses: hasType || asked === 0 ? readAddresses(bytes, afterQuestions(bytes, asked), answerCount) : [],
  };
}

const HEADER = 12;
const TRUNCATED = 0x0200;
const TYPE_A = 1;
const TYPE_AAAA = 28;
/** Labels and pointers that are followed for a name, at most. */
const MOST_STEPS = 128;
const MOST_NAME = 255;
/** Records and questions that are looked at, at most. */
const MOST_RECORDS = 64;

interface ReadName {
  readonly name: string;
  /** Where the name ends in the message. */
  readonly end: number;
}

/** A name, its pointers followed: each must point back behind the one before, so it ends. */
function readName(bytes: Uint8Array, start: number): ReadName | undefined {
  const labels: string[] = [];
  let end: number | undefined;
  let lowest = start;
  let length = 1;
  for (let step = 0, at = start; step < MOST_STEPS; step++) {
    const size = bytes[at];
    if (size === undefined) return undefined;
    if (size === 0) return { name: labels.length === 0 ? '.' : labels.join('.'), end: end ?? at + 1 };
    if (size >= 0xc0) {
      if (at + 1 >= bytes.length) return undefined;
      end ??= at + 2;
      at = u16(bytes, at) & 0x3fff;
      if (at >= lowest) return undefined;
      lowest = at;
    } else {
      length += size + 1;
      if (size > 63 || length > MOST_NAME || at + 1 + size > bytes.length) return undefined;
      labels.push(labelText(bytes.subarray(at + 1, at + 1 + size)));
      at += size + 1;
    }
  }
  return undefined;
}

function afterQuestions(bytes: Uint8Array, count: number): number | undefined {
  let at = HEADER;
  for (let i = 0; i < count; i++) {
    const name = i < MOST_RECORDS ? readName(bytes, at) : undefined;
    if (name === undefined) return undefined;
    at = name.end + 4;
  }
  return at;
}

function readAddresses(bytes: Uint8Array, from: number | undefined, count: number): string[] {
  const addresses: string[] = [];
  let at = from;
  for (let i = 0; at !== undefined && i < Math.min(count, MOST_RECORDS); i++) {
    const name = readName(bytes, at);
    if (name === undefined || name.end + 10 > bytes.length) break;
    const type = u16(bytes, name.end);
    const size = u16(bytes, name.end + 8);
    const data = name.end + 10;
    if (data + size > bytes.length) break;
    if (type === TYPE_A && size === 4) addresses.push(textOf(bytes, data, 4));
    if (type === TYPE_AAAA && size === 16) addresses.push(textOf(bytes, data, 16));
    at = data + size;
  }
  return addresses;
}

function textOf(bytes: Uint8Array, at: number, size: 4 | 16): string {
  const words = new Uint32Array(4);
  new Uint8Array(words.buffer).set(bytes.subarray(at, at + size));
  return addressText(words, 0, size === 4 ? 4 : 6);
}

function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}
