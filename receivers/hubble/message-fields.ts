import { WireError } from 'bpflow/sdk';

export interface Field {
  readonly number: number;
  readonly delimited: boolean;
  /** Where a delimited value lies. */
  readonly start: number;
  readonly end: number;
  /** Of a varint, rounded beyond 2^53; 0 for others. */
  readonly value: number;
}

/** The fields of a message one by one: for what is rare. Throws WireError. */
export function* fields(bytes: Uint8Array, start: number, end: number): Generator<Field> {
  let at = start;
  const varint = (): number => {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 10 && at < end; i++) {
      const byte = bytes[at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw new WireError('a varint is cut off', at);
  };
  while (at < end) {
    const tag = varint();
    const number = Math.floor(tag / 8);
    if (number === 0 || tag > 0xffff_ffff) throw new WireError(`tag ${tag} is no field`, at);
    switch (tag % 8) {
      case 0:
        yield { number, delimited: false, start: at, end: at, value: varint() };
        break;
      case 1:
        at += 8;
        break;
      case 2: {
        const length = varint();
        if (length > end - at) throw new WireError(`a field has ${length} bytes, ${end - at} follow`, at);
        yield { number, delimited: true, start: at, end: at + length, value: 0 };
        at += length;
        break;
      }
      case 5:
        at += 4;
        break;
      default:
        throw new WireError(`wire type ${tag % 8} is not supported`, at);
    }
    if (at > end) throw new WireError('a value is cut off', at);
  }
}
