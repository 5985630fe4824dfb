import { WireError } from 'bpflow/sdk';
import type { Range } from './flow.ts';
import type { Words } from './words.ts';

/** Names of an address that are kept. */
const MAX_NAMES = 16;

/**
 * A message in own memory, and the place up to which it was read. Each method reads what comes next, up to `end`, and throws WireError where
 * it does not fit.
 */
export class MessageCursor {
  /** The message, from 0 to {@link length}. Longer: what earlier ones left. */
  bytes: Buffer = Buffer.alloc(16 * 1024);
  /** The same, for words of 32 bits. */
  view: DataView = viewOf(this.bytes);
  length = 0;
  at = 0;
  readonly words: Words;

  constructor(words: Words) {
    this.words = words;
  }

  /** Copies a message here, and begins at its first byte. */
  load(message: Uint8Array): void {
    this.length = message.length;
    if (message.length > this.bytes.length) {
      this.bytes = Buffer.alloc(message.length + 1024);
      this.view = viewOf(this.bytes);
    }
    this.bytes.set(message);
    this.at = 0;
  }

  /** Whether the text at `start`, in any case, is this lower-case one. */
  isText(start: number, text: string): boolean {
    for (let i = 0; i < text.length; i++) {
      const byte = this.bytes[start + i]!;
      const lower = byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
      if (lower !== text.charCodeAt(i)) return false;
    }
    return true;
  }

  /** A number of one or two digits; -1 for anything else. */
  smallNumber(start: number, end: number): number {
    if (end - start < 1 || end - start > 2) return -1;
    let value = 0;
    for (let at = start; at < end; at++) {
      const digit = this.bytes[at]! - 0x30;
      if (digit < 0 || digit > 9) return -1;
      value = value * 10 + digit;
    }
    return value;
  }

  /** A string as a word number. */
  word(end: number): number {
    const until = this.delimited(end);
    const word = this.words.id(this.bytes, this.at, until);
    this.at = until;
    return word;
  }

  /** One more of a list of strings that are kept as one word, with commas between. */
  joined(word: number, end: number, words = this.words): number {
    const until = this.delimited(end);
    const next = words.id(this.bytes, this.at, until);
    this.at = until;
    if (word === 0) return next;
    const text = words.text(word);
    return text.split(',', MAX_NAMES).length >= MAX_NAMES ? word : words.idOf(`${text},${words.text(next)}`);
  }

  /** Where a delimited value lies. */
  range(range: Range, end: number): void {
    const until = this.delimited(end);
    range.start = this.at;
    range.end = until;
    this.at = until;
  }

  /** A varint as a number; what lies beyond 2^53 is rounded. */
  varint(end: number): number {
    const at = this.at;
    if (at < end) {
      const byte = this.bytes[at]!;
      if (byte < 0x80) {
        this.at = at + 1;
        return byte;
      }
    }
    return this.#longVarint(end);
  }

  #longVarint(end: number): number {
    const start = this.at;
    let value = 0;
    let scale = 1;
    for (let at = start; at < end && at < start + 10; at++) {
      const byte = this.bytes[at]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        this.at = at + 1;
        return value;
      }
      scale *= 128;
    }
    throw new WireError('a varint is cut off', start);
  }

  /** The low 32 bits of a varint, signed. */
  int32(end: number): number {
    const start = this.at;
    if (start < end) {
      const byte = this.bytes[start]!;
      if (byte < 0x80) {
        this.at = start + 1;
        return byte;
      }
    }
    let value = 0;
    for (let at = start, shift = 0; at < end && at < start + 10; at++, shift += 7) {
      const byte = this.bytes[at]!;
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        this.at = at + 1;
        return value;
      }
    }
    throw new WireError('a varint is cut off', start);
  }

  /** Where the delimited value ends whose length comes now. */
  delimited(end: number): number {
    const length = this.varint(end);
    if (length > end - this.at) throw new WireError(`a field has ${length} bytes, ${end - this.at} follow`, this.at);
    return this.at + length;
  }

  /** Passes over the value of a field. */
  skip(tag: number, end: number): void {
    if (tag < 8 || tag > 0xffff_ffff) throw new WireError(`tag ${tag} is no field`, this.at);
    switch (tag & 7) {
      case 0:
        this.varint(end);
        return;
      case 1:
        this.at += 8;
        break;
      case 2:
        this.at = this.delimited(end);
        return;
      case 5:
        this.at += 4;
        break;
      default:
        throw new WireError(`wire type ${tag & 7} is not supported`, this.at);
    }
    if (this.at > end) throw new WireError('a value is cut off', end);
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
