import { DELIMITED, FIXED32, FIXED64, VARINT, WireError } from './wire.ts';

/**
 * Reads protobuf at given places, 64-bit values in halves. Methods leave the position behind what they read; they throw
 * {@link WireError}.
 */
export class ProtoCursor {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  position = 0;
  /** The last value read, 32 bits each. */
  low = 0;
  high = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Reads 64 bits into both halves. */
  fixed64(at: number, end: number): void {
    if (at + 8 > end) throw cutOff(at);
    this.low = this.view.getUint32(at, true);
    this.high = this.view.getUint32(at + 4, true);
  }

  /** Reads a varint into both halves. */
  int64(start: number, end: number): void {
    const bytes = this.bytes;
    let low = 0;
    let high = 0;
    for (let at = start, shift = 0; at < end; at++, shift += 7) {
      const byte = bytes[at]!;
      if (shift === 63 && byte > 1) break;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << (shift - 32);
      if (byte < 0x80) {
        this.position = at + 1;
        this.low = low >>> 0;
        this.high = high >>> 0;
        return;
      }
    }
    throw cutOff(start);
  }

  /** The tag at `at`. The position is behind it. */
  tag(at: number, end: number): number {
    const tag = this.bytes[at]!;
    if (tag >= 0x80) return this.varint(at, end);
    this.position = at + 1;
    return tag;
  }

  /** A tag or a length. The position is behind it. */
  varint(start: number, end: number): number {
    this.int64(start, end);
    if (this.high !== 0) throw new WireError('a tag or a length has more than 32 bits', start);
    return this.low;
  }

  /** Where the delimited value at `start` ends. The position is at its content. */
  delimited(start: number, end: number): number {
    let length = start < end ? this.bytes[start]! : 0x80;
    if (length < 0x80) {
      this.position = start + 1;
    } else {
      length = this.varint(start, end);
    }
    if (length > end - this.position) throw cutOff(start);
    return this.position + length;
  }

  /** Where the value at `at`, of the field with this tag, ends. */
  skip(tag: number, at: number, end: number): number {
    if (tag < 8) throw new WireError(`tag ${tag} is no field`, at);
    let next: number;
    switch (tag & 7) {
      case DELIMITED:
        return this.delimited(at, end);
      case FIXED64:
        next = at + 8;
        break;
      case FIXED32:
        next = at + 4;
        break;
      case VARINT:
        next = at + 1;
        if (at < end && this.bytes[at]! >= 0x80) {
          this.int64(at, end);
          next = this.position;
        }
        break;
      default:
        throw new WireError(`wire type ${tag & 7} is not supported`, at);
    }
    if (next > end) throw cutOff(at);
    return next;
  }
}

export function cutOff(at: number): WireError {
  return new WireError('a value is cut off', at);
}
