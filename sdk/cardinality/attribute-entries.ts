import type { AttributeSet } from '../../pdata/attribute-set.ts';
import { attributeSet, trustedAttributes } from '../../pdata/encoded-attributes.ts';
import { readKeyValue } from '../../pdata/otlp/any-value.ts';
import { WireReader } from '../../pdata/otlp/wire.ts';
import type { Keys } from './keys.ts';

/** Attributes of a set. Of several of one name the first counts. */
export interface AttributeEntries {
  /** In order. */
  readonly names: readonly string[];
  /** Keys of the values. */
  readonly values: readonly number[];
  /** Where each entry begins in the bytes, later ones of a name included, and where the last one ends. */
  readonly starts: readonly number[];
  /** Index of each entry's name. */
  readonly nameOf: readonly number[];
}

/** Reads attribute bytes in the form of `AttributeSet.bytes`. */
export function attributeEntries(bytes: Uint8Array, keys: Keys): AttributeEntries {
  const reader = new WireReader(bytes);
  const names: string[] = [];
  const values: number[] = [];
  const starts: number[] = [];
  const nameOf: number[] = [];
  while (!reader.done) {
    starts.push(reader.position);
    reader.tag();
    const end = reader.delimited();
    const { key, valueStart, valueEnd } = readKeyValue(bytes, reader.position, end);
    reader.position = end;
    const known = names.indexOf(key);
    nameOf.push(known < 0 ? names.length : known);
    if (known >= 0) continue;
    names.push(key);
    values.push(keys.ofBytes(bytes, valueStart, valueEnd));
  }
  starts.push(bytes.length);
  return { names, values, starts, nameOf };
}

/** Encoded attributes that are remembered. */
const MAX_REMEMBERED = 1024;

/** Attributes in the making: some values of a set replaced by the overflow value. The memory is reused. */
export class OverflowForm {
  bytes = new Uint8Array(256);
  length = 0;
  #count = 0;
  readonly #overflowValue: string;
  readonly #entries = new Map<string, Uint8Array>();

  constructor(overflowValue: string) {
    this.#overflowValue = overflowValue;
  }

  /** Takes the place of what it was before. */
  make(set: AttributeSet, { names, starts, nameOf }: AttributeEntries, replaced: readonly boolean[]): void {
    this.length = 0;
    this.#count = 0;
    const written = new Set<number>();
    for (const [i, name] of nameOf.entries()) {
      if (replaced[name] !== true) {
        this.#append(set.bytes, starts[i]!, starts[i + 1]!);
      } else if (!written.has(name)) {
        written.add(name);
        const entry = this.#entry(names[name]!);
        this.#append(entry, 0, entry.length);
      }
    }
  }

  /** A copy that lasts. */
  toSet(): AttributeSet {
    return trustedAttributes(this.bytes.slice(0, this.length), this.#count);
  }

  #entry(name: string): Uint8Array {
    let entry = this.#entries.get(name);
    if (entry === undefined) {
      entry = attributeSet(Object.fromEntries([[name, this.#overflowValue]])).bytes;
      if (this.#entries.size < MAX_REMEMBERED) this.#entries.set(name, entry);
    }
    return entry;
  }

  #append(from: Uint8Array, start: number, end: number): void {
    const length = this.length + end - start;
    if (length > this.bytes.length) {
      const longer = new Uint8Array(length * 2);
      longer.set(this.bytes.subarray(0, this.length));
      this.bytes = longer;
    }
    for (let i = start, to = this.length; i < end; i++) this.bytes[to++] = from[i]!;
    this.length = length;
    this.#count++;
  }
}
