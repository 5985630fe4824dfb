/** What the little DNS server and its clients of these tests need of the format (RFC 1035). */

const HEADER = 12;
const CLASS_IN = 1;
const OPT = 41;

export interface Query {
  readonly id: number;
  readonly name: string;
  readonly type: number;
  /** With an OPT record (EDNS). */
  readonly edns?: boolean;
}

export function encodeQuery({ id, name, type, edns = false }: Query): Buffer {
  const header = Buffer.alloc(HEADER);
  header.writeUInt16BE(id, 0);
  header.writeUInt16BE(0x0100, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(edns ? 1 : 0, 10);
  const kind = Buffer.from([type >> 8, type & 0xff, 0, CLASS_IN]);
  return Buffer.concat([header, encodeName(name), kind, ...(edns ? [optRecord(0)] : [])]);
}

export interface Answer {
  readonly rcode: number;
  readonly isTruncated?: boolean;
  readonly withoutQuestion?: boolean;
  /** IPv4 addresses. */
  readonly addresses?: readonly string[];
}

/** The answer to a query that {@link encodeQuery} made. Codes above 15 are in an OPT record. */
export function encodeAnswer(query: Buffer, { rcode, isTruncated = false, withoutQuestion, addresses = [] }: Answer) {
  const header = Buffer.from(query.subarray(0, HEADER));
  header.writeUInt16BE(0x8180 | (isTruncated ? 0x0200 : 0) | (rcode & 0xf), 2);
  header.writeUInt16BE(withoutQuestion ? 0 : 1, 4);
  header.writeUInt16BE(addresses.length, 6);
  header.writeUInt16BE(rcode > 15 ? 1 : 0, 10);
  const records = addresses.map((address) =>
    Buffer.from([0xc0, HEADER, 0, 1, 0, CLASS_IN, 0, 0, 0, 60, 0, 4, ...address.split('.').map(Number)]),
  );
  const question = withoutQuestion ? [] : [query.subarray(HEADER, readQuery(query)!.end)];
  return Buffer.concat([header, ...question, ...records, ...(rcode > 15 ? [optRecord(rcode >> 4)] : [])]);
}

/** Undefined for what is no query. */
export function readQuery(query: Buffer): { readonly name: string; readonly end: number } | undefined {
  const labels: string[] = [];
  let at = HEADER;
  while (query[at] !== 0) {
    if (at >= query.length || at > HEADER + 255 || query[at]! > 63) return undefined;
    labels.push(query.toString('latin1', at + 1, at + 1 + query[at]!));
    at += query[at]! + 1;
  }
  return { name: labels.join('.'), end: at + 5 };
}

/** Behind its length, as TCP wants it. */
export function framed(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length, 0);
  return Buffer.concat([length, message]);
}

/** Takes the whole messages from the front of what came. */
export function takeFrames(bytes: Buffer): { readonly messages: readonly Buffer[]; readonly rest: Buffer } {
  const messages: Buffer[] = [];
  let rest = bytes;
  while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
    const end = 2 + rest.readUInt16BE(0);
    messages.push(rest.subarray(2, end));
    rest = rest.subarray(end);
  }
  return { messages, rest };
}

function encodeName(name: string): Buffer {
  const labels = name.split('.').map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  return Buffer.concat([...labels, Buffer.alloc(1)]);
}

function optRecord(upper: number): Buffer {
  return Buffer.from([0, 0, OPT, 0x04, 0xd0, upper, 0, 0, 0, 0, 0]);
}
