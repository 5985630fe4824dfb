import { constants } from 'node:os';
import type { StructMember } from 'bpflow/sdk';
import type { DescribedLabel, TextForm } from './description.ts';
import { isNumber, numberAt } from './number.ts';

/** The text of a label from the bytes of a key. */
export type TextOf = (key: DataView) => string;

/** Throws an Error for a form that the member's type does not have. */
export function textOf(member: StructMember, { as, names }: DescribedLabel): TextOf {
  const told = as === undefined ? plain(member) : FORMS[as](member);
  return names === undefined ? told : (key) => nameOf(told(key), names);
}

function nameOf(text: string, names: Readonly<Record<string, string>>): string {
  return Object.hasOwn(names, text) ? names[text]! : text;
}

function plain(member: StructMember): TextOf {
  if (member.kind === 'char') return (key) => cText(bytesOf(key, member));
  if (member.kind === 'bool') return (key) => String(key.getUint8(member.offset) !== 0);
  if (isNumber(member)) return (key) => String(numberAt(key, member, 0));
  throw unfit(member, 'is neither a number nor a text: name one of its members, or say as: hex');
}

const FORMS: Readonly<Record<TextForm, (member: StructMember) => TextOf>> = {
  hex: (member) => (key) => Buffer.from(bytesOf(key, member)).toString('hex'),
  errno: (member) => {
    if (!isNumber(member)) throw unfit(member, 'is no number, which as: errno takes');
    return (key) => errnoName(Math.abs(Number(numberAt(key, member, 0))));
  },
  big_endian: (member) => {
    if (!isNumber(member)) throw unfit(member, 'is no number, which as: big_endian takes');
    return (key) => String(bytesOf(key, member).reduce((value, byte) => (value << 8n) | BigInt(byte), 0n));
  },
  mac: (member) => {
    if (member.size !== 6) throw unfit(member, `has ${member.size} bytes; as: mac takes 6`);
    return (key) => Array.from(bytesOf(key, member), hexByte).join(':');
  },
  ip: (member) => {
    if (member.size === 4) return (key) => bytesOf(key, member).join('.');
    if (member.size === 16) return (key) => ipv6(bytesOf(key, member));
    throw unfit(member, `has ${member.size} bytes; as: ip takes 4 or 16, in network order`);
  },
};

/** An IPv4 address inside an IPv6 one is told as what it is. */
function ipv6(bytes: Uint8Array): string {
  const isMapped = bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  if (isMapped) return bytes.subarray(12).join('.');
  const words = Array.from({ length: 8 }, (_, i) => ((bytes[i * 2]! << 8) | bytes[i * 2 + 1]!).toString(16));
  // The URL parser knows the shortest form.
  return new URL(`http://[${words.join(':')}]`).hostname.slice(1, -1);
}

function bytesOf(key: DataView, { offset, size }: StructMember): Uint8Array {
  return new Uint8Array(key.buffer, key.byteOffset + offset, size);
}

function cText(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString();
}

function hexByte(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}

/** 0 is no error. */
function errnoName(number: number): string {
  const found = Object.entries(constants.errno).find(([, known]) => known === number);
  return found === undefined ? String(number) : found[0];
}

function unfit({ name, type }: StructMember, why: string): Error {
  return new Error(`${name === '' ? 'the key' : name} (${type}) ${why}`);
}
