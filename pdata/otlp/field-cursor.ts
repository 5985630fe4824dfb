import { DELIMITED, WireReader } from './wire.ts';

/** Goes from field to field of a message: the tag, and where the value is. Throws WireError. */
export class FieldCursor {
  tag = 0;
  /** Where the value begins; behind its length when it is delimited. */
  start = 0;
  end = 0;
  readonly #reader: WireReader;
  readonly #values: WireReader;

  constructor(bytes: Uint8Array) {
    this.#reader = new WireReader(bytes);
    this.#values = new WireReader(bytes);
  }

  enter(start: number, end: number): void {
    this.#reader.position = start;
    this.#reader.end = end;
  }

  /** False at the end of the message. */
  next(): boolean {
    const reader = this.#reader;
    if (reader.position >= reader.end) return false;
    const tag = reader.tag();
    this.tag = tag;
    if ((tag & 7) === DELIMITED) {
      this.end = reader.delimited();
      this.start = reader.position;
      reader.position = this.end;
    } else {
      this.start = reader.position;
      reader.skip(tag);
      this.end = reader.position;
    }
    return true;
  }

  /** The value as an unsigned 32-bit integer: of a larger varint the lower bits. */
  uint32(): number {
    this.#values.position = this.start;
    const value = this.#values.int64();
    return typeof value === 'number' && value >= 0 && value <= 0xffff_ffff
      ? value
      : Number(BigInt.asUintN(32, BigInt(value)));
  }

  fixed32(): number {
    this.#values.position = this.start;
    return this.#values.fixed32();
  }
}
