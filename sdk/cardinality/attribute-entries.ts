import { readKeyValue } from '../../pdata/otlp/any-value.ts';
import { WireReader } from '../../pdata/otlp/wire.ts';
import type { Keys } from './keys.ts';

/** Attributes of a set, in order. */
export interface AttributeEntries {
  readonly names: readonly string[];
  /** Keys of the values. */
  readonly values: readonly number[];
}

/** Reads attribute bytes in the form of `AttributeSet.bytes`. Of two attributes of one name the first counts. */
export function attributeEntries(bytes: Uint8Array, keys: Keys): AttributeEntries {
  const reader = new WireReader(bytes);
  const names: string[] = [];
  const values: number[] = [];
  while (!reader.done) {
    reader.tag();
    const end = reader.delimited();
    const { key, valueStart, valueEnd } = readKeyValue(bytes, reader.position, end);
    reader.position = end;
    if (names.includes(key)) continue;
    names.push(key);
    values.push(keys.ofBytes(bytes, valueStart, valueEnd));
  }
  return { names, values };
}
