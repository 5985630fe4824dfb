import { OtlpJsonError } from './json-error.ts';
import { isUtf8 } from './utf8.ts';

/** How many lists and objects may be in one another in what is passed over. */
const MAX_SKIPPED_DEPTH = 1000;

/**
 * Reads JSON text token by token, from UTF-8 bytes, without making objects of it. Keeps the path of what is being read for
 * the errors: all methods throw {@link OtlpJsonError}.
 */
export class JsonSource {
  readonly bytes: Uint8Array;
  position = 0;
  /** Names of the open fields and places in the open lists. */
  readonly path: (string | number)[] = [];
  /** What {@link integer} has read, 32 bits each. */
  low = 0;
  high = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** The next byte that is no white space, still to be read; 0 at the end. */
  peek(): number {
    const { bytes } = this;
    let at = this.position;
    let byte = bytes[at];
    while (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) byte = bytes[++at];
    this.position = at;
    return byte ?? 0;
  }

  /** Reads this byte, or fails for want of `wanted`. */
  expect(byte: number, wanted: string): void {
    if (this.peek() !== byte) this.fail(`expected ${wanted}, found ${this.found()}`);
    this.position++;
  }

  /** Reads `null` if it is next. */
  tryNull(): boolean {
    if (this.peek() !== 0x6e) return false;
    this.literal('null');
    return true;
  }

  literal(text: string): void {
    for (let i = 0; i < text.length; i++) {
      if (this.bytes[this.position + i] !== text.charCodeAt(i)) this.fail(`expected ${text}, found something else`);
    }
    this.position += text.length;
  }

  /** Passes over a string and returns whether it is plain: without escapes. Its content is between the quotes. */
  string(): boolean {
    this.expect(QUOTE, 'a string');
    const { bytes } = this;
    const start = this.position;
    let plain = true;
    let ascii = true;
    let at = start;
    for (; ; at++) {
      const byte = bytes[at];
      if (byte === QUOTE) break;
      if (byte === undefined || byte < 0x20) {
        this.position = at;
        this.fail(byte === undefined ? 'a string does not end' : 'a string holds a control character');
      }
      if (byte === BACKSLASH) {
        plain = false;
        at++;
      } else if (byte >= 0x80) {
        ascii = false;
      }
    }
    if (!ascii && !isUtf8(bytes, start, at)) this.fail('a string is not valid UTF-8');
    this.position = at + 1;
    return plain;
  }

  /** A string as JavaScript has it. A lone surrogate stays one. */
  text(): string {
    this.peek();
    const start = this.position;
    const plain = this.string();
    const raw = this.bytes.subarray(start, this.position);
    const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(raw);
    if (plain) return text.slice(1, -1);
    try {
      return String(JSON.parse(text));
    } catch {
      this.position = start;
      return this.fail('a string has an escape that JSON does not know');
    }
  }

  /** The text of a number, in JSON's grammar. */
  number(): string {
    const { bytes } = this;
    const start = this.position;
    let at = start;
    let text = '';
    for (; ; at++) {
      const byte = bytes[at] ?? 0;
      if (!isNumeric(byte)) break;
      text += String.fromCharCode(byte);
    }
    if (!/^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(text)) this.fail(`expected a number, found ${this.found()}`);
    this.position = at;
    return text;
  }

  /**
   * Reads an unsigned integer of at most 19 digits, in quotes or not, into both halves. False, and nothing is read, for any other
   * number.
   */
  integer(): boolean {
    const { bytes } = this;
    this.peek();
    const quoted = bytes[this.position] === QUOTE;
    const start = quoted ? this.position + 1 : this.position;
    let end = start;
    while (isDigit(bytes[end]) && end < start + 20) end++;
    const length = end - start;
    const next = bytes[end];
    const ends = quoted ? next === QUOTE : next === COMMA || next === CLOSE_OBJECT || next === CLOSE_LIST;
    if (!ends || length === 0 || length > 19 || (length > 1 && bytes[start] === ZERO)) return false;
    this.position = quoted ? end + 1 : end;
    if (length < 16) {
      const value = decimal(bytes, start, end);
      this.low = value % 0x1_0000_0000;
      this.high = Math.floor(value / 0x1_0000_0000);
      return true;
    }
    // head × 10^9 + tail, with head in pieces of 16 bits: nothing exceeds 2^53.
    const head = decimal(bytes, start, end - 9);
    const upper = Math.floor(head / 0x1_0000) * BILLION;
    const lower = (head % 0x1_0000) * BILLION + decimal(bytes, end - 9, end) + (upper % 0x1_0000) * 0x1_0000;
    this.low = lower % 0x1_0000_0000;
    this.high = Math.floor(upper / 0x1_0000) + Math.floor(lower / 0x1_0000_0000);
    return true;
  }

  /** Passes over a value of any kind. */
  skip(): void {
    const open: number[] = [];
    do {
      const byte = this.peek();
      if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
        if (open.length === MAX_SKIPPED_DEPTH) this.fail(`a value is nested deeper than ${MAX_SKIPPED_DEPTH} levels`);
        this.position++;
        const close = byte + 2;
        if (this.peek() !== close) {
          open.push(close);
          if (close === CLOSE_OBJECT) this.#key();
          continue;
        }
        this.position++;
      } else {
        this.#scalar(byte);
      }
      this.#afterValue(open);
    } while (open.length > 0);
  }

  /** Fails unless only white space is left. */
  end(): void {
    if (this.peek() !== 0 || this.position < this.bytes.length) this.fail(`expected the end, found ${this.found()}`);
  }

  /** What begins here, for a message. */
  found(): string {
    const byte = this.peek();
    if (this.position >= this.bytes.length) return 'the end';
    if (byte === OPEN_OBJECT) return 'an object';
    if (byte === OPEN_LIST) return 'a list';
    if (byte === QUOTE) return 'a string';
    if (byte === 0x74 || byte === 0x66) return 'a boolean';
    if (byte === 0x6e) return 'null';
    if (isNumeric(byte)) return 'a number';
    return byte > 0x20 && byte < 0x7f ? `"${String.fromCharCode(byte)}"` : `the byte ${byte}`;
  }

  fail(problem: string): never {
    let path = '';
    for (const part of this.path) {
      if (typeof part === 'number') path += `[${part}]`;
      else path += path === '' ? part : `.${part}`;
    }
    throw new OtlpJsonError(problem, path, this.position);
  }

  #scalar(byte: number): void {
    if (byte === QUOTE) this.text();
    else if (byte === 0x74) this.literal('true');
    else if (byte === 0x66) this.literal('false');
    else if (byte === 0x6e) this.literal('null');
    else if (isNumeric(byte)) this.number();
    else this.fail(`expected a value, found ${this.found()}`);
  }

  #key(): void {
    this.text();
    this.expect(COLON, 'a colon');
  }

  /** Closes what ends here; stands before the next value if there is one. */
  #afterValue(open: number[]): void {
    while (open.length > 0) {
      const close = open.at(-1)!;
      const next = this.peek();
      if (next === COMMA) {
        this.position++;
        if (close === CLOSE_OBJECT) this.#key();
        return;
      }
      this.expect(close, close === CLOSE_OBJECT ? 'a comma or "}"' : 'a comma or "]"');
      open.pop();
    }
  }
}

export const QUOTE = 0x22;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const OPEN_OBJECT = 0x7b;
export const CLOSE_OBJECT = 0x7d;
export const OPEN_LIST = 0x5b;
export const CLOSE_LIST = 0x5d;
const BACKSLASH = 0x5c;
const ZERO = 0x30;
const BILLION = 1_000_000_000;

/** A digit, a sign, a point or an exponent's letter. */
function isNumeric(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || byte === 0x2d || byte === 0x2b || byte === 0x2e || (byte | 0x20) === 0x65;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= ZERO + 9;
}

function decimal(bytes: Uint8Array, start: number, end: number): number {
  let value = 0;
  for (let at = start; at < end; at++) value = value * 10 + bytes[at]! - ZERO;
  return value;
}
