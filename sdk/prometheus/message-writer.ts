import { Buffer } from 'node:buffer';
import { TextWriter } from './text-writer.ts';

const VARINT = 0;
const FIXED64 = 1;
const DELIMITED = 2;

/** Writes protobuf fields with field numbers up to 15 in one byte, all others in two. */
export class MessageWriter {
  readonly out: TextWriter;
  #nested: MessageWriter | undefined;

  constructor(out: TextWriter) {
    this.out = out;
  }

  uint(field: number, value: number): void {
    this.out.reserve(16);
    this.#tag(field, VARINT);
    this.varint(value);
  }

  /** A signed integer in zigzag form. */
  sint(field: number, value: number): void {
    this.uint(field, value < 0 ? -2 * value - 1 : 2 * value);
  }

  double(field: number, value: number): void {
    this.out.reserve(16);
    this.#tag(field, FIXED64);
    this.out.length = this.out.buffer.writeDoubleLE(value, this.out.length);
  }

  /** A text as a byte string. */
  string(field: number, bytes: string): void {
    this.out.reserve(bytes.length + 16);
    this.#tag(field, DELIMITED);
    this.varint(bytes.length);
    this.out.text(bytes);
  }

  /** LabelPair: 1 name, 2 value, as field 1 of what holds it. */
  labelPair(name: string, value: string): void {
    const message = labelPairMessage(name, value);
    this.out.reserve(message.length);
    this.out.text(message);
  }

  message(field: number, write: (message: MessageWriter) => void): void {
    this.#nested ??= new MessageWriter(new TextWriter(Buffer.allocUnsafe(1024)));
    const { out } = this.#nested;
    out.length = 0;
    write(this.#nested);
    this.begin(field, out.length);
    this.out.bytes(out.buffer, out.length);
  }

  /** A message whose content, of so many bytes, the caller writes next; there is room for it then. */
  begin(field: number, length: number): void {
    this.out.reserve(length + 16);
    this.#tag(field, DELIMITED);
    this.varint(length);
  }

  /** A number from 0 to 2^53. */
  varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.out.byte((rest % 128) | 0x80);
      rest = Math.floor(rest / 128);
    }
    this.out.byte(rest);
  }

  #tag(field: number, wireType: number): void {
    this.varint(field * 8 + wireType);
  }
}

/** Bytes of a varint. */
export function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 128)) size++;
  return size;
}

/** A LabelPair as field 1, as a byte string. */
export function labelPairMessage(name: string, value: string): string {
  const pair = `\x0a${varintText(name.length)}${name}\x12${varintText(value.length)}${value}`;
  return `\x0a${varintText(pair.length)}${pair}`;
}

/**
 * The LabelPair messages for what stands between the braces of a line, as byte strings both: `a="b","c.d"="e"`.
 */
export function labelMessages(text: string): string {
  let messages = '';
  for (let at = 0; at < text.length; at++) {
    let name: string;
    if (text.charCodeAt(at) === QUOTE) {
      const end = closingQuote(text, at + 1);
      name = unescaped(text.slice(at + 1, end));
      at = end + 1;
    } else {
      const end = text.indexOf('=', at);
      name = text.slice(at, end);
      at = end;
    }
    const end = closingQuote(text, at + 2);
    messages += labelPairMessage(name, unescaped(text.slice(at + 2, end)));
    at = end + 1;
  }
  return messages;
}

const QUOTE = 34;
const BACKSLASH = 92;

function closingQuote(text: string, from: number): number {
  let at = from;
  while (text.charCodeAt(at) !== QUOTE) at += text.charCodeAt(at) === BACKSLASH ? 2 : 1;
  return at;
}

function unescaped(text: string): string {
  return text.includes('\\') ? text.replace(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char)) : text;
}

function varintText(value: number): string {
  let text = '';
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) text += String.fromCharCode((rest % 128) | 0x80);
  return text + String.fromCharCode(rest);
}
