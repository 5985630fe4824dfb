/** Wire types of protocol buffers. */
export const VARINT = 0;
export const FIXED64 = 1;
export const DELIMITED = 2;
export const FIXED32 = 5;

/** Bytes that are no valid message. */
export class WireError extends Error {
  override readonly name = 'WireError';
  /** Where in the given bytes reading failed. */
  readonly offset: number;

  constructor(problem: string, offset: number) {
    super(`Malformed protobuf at byte ${offset}: ${problem}.`);
    this.offset = offset;
  }
}

/** Reads protobuf fields from a range of bytes, without copying. Throws {@link WireError}; never reads past the end. */
export class WireReader {
  readonly bytes: Uint8Array;
  position: number;
  end: number;
  #view: DataView | undefined;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.position = start;
    this.end = end;
  }

  get done(): boolean {
    return this.position >= this.end;
  }

  /** The next field's tag: number × 8 + wire type. Field number 0 is refused. */
  tag(): number {
    const start = this.position;
    const tag = this.varint();
    if (tag > 0xffff_ffff || tag < 8) throw new WireError(`tag ${tag} is no field`, start);
    return tag;
  }

  /** A varint as a number; what lies beyond 2^53 is rounded. */
  varint(): number {
    const { bytes, end } = this;
    const start = this.position;
    let value = 0;
    let scale = 1;
    for (let position = start; position < end; position++) {
      const byte = bytes[position]!;
      if (position - start === 9 && byte > 1) throw new WireError('a varint has more than 64 bits', start);
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        this.position = position + 1;
        return value;
      }
      scale *= 128;
    }
    throw new WireError('a varint is cut off', start);
  }

  /** A signed 64-bit varint, exact: a number where it is safe, else a bigint. */
  int64(): number | bigint {
    const start = this.position;
    const rounded = this.varint();
    if (rounded <= Number.MAX_SAFE_INTEGER) return rounded;
    let value = 0n;
    for (let position = this.position - 1; position >= start; position--) {
      value = (value << 7n) | BigInt(this.bytes[position]! & 0x7f);
    }
    const signed = BigInt.asIntN(64, value);
    const number = Number(signed);
    return Number.isSafeInteger(number) ? number : signed;
  }

  fixed64(): bigint {
    return this.#dataView().getBigUint64(this.#advance(8), true);
  }

  fixed32(): number {
    return this.#dataView().getUint32(this.#advance(4), true);
  }

  double(): number {
    return this.#dataView().getFloat64(this.#advance(8), true);
  }

  /** Reads the length of a delimited field and returns where the field ends; the position is at its first byte. */
  delimited(): number {
    const start = this.position;
    const length = this.varint();
    const left = this.end - this.position;
    if (length > left) throw new WireError(`a field has ${length} bytes, ${left} follow`, start);
    return this.position + length;
  }

  /** Passes over the value of a field whose tag was just read. Groups are refused. */
  skip(tag: number): void {
    switch (tag & 7) {
      case VARINT:
        this.varint();
        return;
      case FIXED64:
        this.#advance(8);
        return;
      case DELIMITED:
        this.position = this.delimited();
        return;
      case FIXED32:
        this.#advance(4);
        return;
      default:
        throw new WireError(`wire type ${tag & 7} is not supported`, this.position);
    }
  }

  #advance(length: number): number {
    const start = this.position;
    const left = this.end - start;
    if (length > left) throw new WireError(`a value has ${length} bytes, ${left} follow`, start);
    this.position = start + length;
    return start;
  }

  #dataView(): DataView {
    this.#view ??= new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
    return this.#view;
  }
}

/** Writes protobuf fields into a buffer that grows and is reused. */
export class WireWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView;
  #length = 0;
  readonly #encoder = new TextEncoder();

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get length(): number {
    return this.#length;
  }

  /** Everything written so far, copied. The writer is empty afterwards. */
  take(): Uint8Array<ArrayBuffer> {
    const bytes = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    return bytes;
  }

  /** Forgets what was written. */
  clear(): void {
    this.#length = 0;
  }

  tag(field: number, type: number): void {
    this.varint(field * 8 + type);
  }

  /** `value` is a whole number from 0 to 2^53. */
  varint(value: number): void {
    this.#reserve(10);
    let rest = value;
    while (rest > 0x7f) {
      this.#bytes[this.#length++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#length++] = rest;
  }

  /** A signed 64-bit varint; negative ones take ten bytes. */
  int64(value: number | bigint): void {
    if (typeof value === 'number' && value >= 0) {
      this.varint(value);
      return;
    }
    this.#reserve(10);
    let rest = BigInt.asUintN(64, BigInt(value));
    while (rest > 0x7fn) {
      this.#bytes[this.#length++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#bytes[this.#length++] = Number(rest);
  }

  fixed64(value: bigint): void {
    this.#reserve(8);
    this.#view.setBigUint64(this.#length, value, true);
    this.#length += 8;
  }

  /** A signed 64-bit number of fixed width; `value` is a safe integer. */
  sfixed64(value: number): void {
    this.#reserve(8);
    this.#view.setUint32(this.#length, value, true);
    this.#view.setInt32(this.#length + 4, Math.floor(value / 0x1_0000_0000), true);
    this.#length += 8;
  }

  fixed32(value: number): void {
    this.#reserve(4);
    this.#view.setUint32(this.#length, value, true);
    this.#length += 4;
  }

  double(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  /** A whole string field; what is no valid UTF-16 becomes U+FFFD. */
  string(field: number, text: string): void {
    const mark = this.begin(field);
    this.#reserve(text.length * 3);
    this.#length += this.#encoder.encodeInto(text, this.#bytes.subarray(this.#length)).written;
    this.end(mark);
  }

  /** A whole bytes field, or an encoded message. */
  bytes(field: number, bytes: Uint8Array): void {
    this.tag(field, DELIMITED);
    this.varint(bytes.length);
    this.raw(bytes);
  }

  /** Bytes as they are. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** The bytes from `start` to `end`, as they are. Short ranges are copied faster than by {@link raw}. */
  range(bytes: Uint8Array, start: number, end: number): void {
    this.#reserve(end - start);
    const target = this.#bytes;
    let at = this.#length;
    for (let i = start; i < end; i++) target[at++] = bytes[i]!;
    this.#length = at;
  }

  /** Begins a nested message; what is written until {@link end} is its content. */
  begin(field: number): number {
    this.tag(field, DELIMITED);
    this.#reserve(1);
    return ++this.#length;
  }

  /** Ends the message that `begin` returned this mark for. */
  end(mark: number): void {
    const size = this.#length - mark;
    if (size <= 0x7f) {
      this.#bytes[mark - 1] = size;
      return;
    }
    let extra = 0;
    for (let rest = size; rest > 0x7f; rest = Math.floor(rest / 128)) extra++;
    this.#reserve(extra + 10);
    this.#bytes.copyWithin(mark + extra, mark, this.#length);
    this.#length = mark - 1;
    this.varint(size);
    this.#length += size;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}
