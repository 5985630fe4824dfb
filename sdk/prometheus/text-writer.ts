import { Buffer } from 'node:buffer';
import { formatFloat, formatInteger } from 'bpflow/sdk';

/** Room that any number needs at most, digits of a 64-bit integer or of a float. */
export const NUMBER_BYTES = 32;

/**
 * Writes a page into one growing buffer. Texts are *byte strings* (see {@link byteString}): one character a byte, so that
 * writing them is a copy. The caller reserves room before it writes.
 *
 * 100,000 lines of 90 bytes with a nine-digit counter take 5 ms; joined as JavaScript strings, 34 ms (Node 24).
 */
export class TextWriter {
  buffer: Buffer;
  length = 0;

  constructor(buffer: Buffer) {
    this.buffer = buffer;
  }

  /** Makes sure that so many more bytes fit. */
  reserve(bytes: number): void {
    if (this.length + bytes <= this.buffer.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.buffer.length * 2, this.length + bytes));
    this.buffer.copy(grown, 0, 0, this.length);
    this.buffer = grown;
  }

  text(bytes: string): void {
    this.length += this.buffer.write(bytes, this.length, 'latin1');
  }

  line(bytes: string): void {
    this.text(bytes);
    this.byte(10);
  }

  byte(value: number): void {
    this.buffer[this.length++] = value;
  }

  bytes(source: Buffer, length: number): void {
    source.copy(this.buffer, this.length, 0, length);
    this.length += length;
  }

  /** A whole number with all its digits; a line ends after it and what else belongs to it. */
  integerLine(value: number, ending = ''): void {
    if (value >= 0 && value <= Number.MAX_SAFE_INTEGER) this.length = writeDigits(this.buffer, this.length, value);
    else this.text(formatInteger(value));
    if (ending !== '') this.text(ending);
    this.buffer[this.length++] = 10;
  }

  /** A number as {@link formatFloat} prints it; a line ends after it and what else belongs to it. */
  floatLine(value: number, ending = ''): void {
    if (value >= 0 && value < 1e6 && value === Math.floor(value)) {
      this.length = writeDigits(this.buffer, this.length, value);
    } else {
      this.text(formatFloat(value));
    }
    if (ending !== '') this.text(ending);
    this.buffer[this.length++] = 10;
  }
}

/** Text as one character per byte of its UTF-8 form; itself when it is ASCII. */
export function byteString(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: every ASCII character stands for itself.
  return /^[\x00-\x7f]*$/.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}

/** Writes a whole number from 0 to 2^53 − 1 and returns the position behind it. */
function writeDigits(out: Uint8Array, position: number, value: number): number {
  if (value < 1e9) return writeShort(out, position, value | 0);
  const high = Math.floor(value / 1e9);
  const start = writeShort(out, position, high);
  let low = (value - high * 1e9) | 0;
  for (let at = start + 8; at >= start; at--) {
    const rest = (low / 10) | 0;
    out[at] = 48 + low - rest * 10;
    low = rest;
  }
  return start + 9;
}

/** Writes a whole number below 10^9. */
function writeShort(out: Uint8Array, position: number, value: number): number {
  let end = position + 1;
  for (let limit = 10; limit <= value && limit <= 1e8; limit *= 10) end++;
  let rest = value;
  for (let at = end - 1; at >= position; at--) {
    const next = (rest / 10) | 0;
    out[at] = 48 + rest - next * 10;
    rest = next;
  }
  return end;
}
