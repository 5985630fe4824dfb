import type { AttributeSet } from './attribute-set.ts';
import type { Attributes, AttributeValue } from './attributes.ts';
import { checkKeyValue, readAnyValue, readKeyValue, writeKeyValue } from './otlp/any-value.ts';
import { WireError, WireReader, WireWriter } from './otlp/wire.ts';

/** Tag of field 1, delimited: what each attribute begins with. */
const ENTRY = 0x0a;

/**
 * Attributes of our own, sorted by key (in the order of UTF-16 code units) and encoded. With `sorted` the caller vouches
 * that they are in this order. Throws TypeError or RangeError for a value that OTLP cannot carry.
 */
export function attributeSet(attributes: Attributes, options?: { readonly sorted?: boolean }): AttributeSet {
  const keys = Object.keys(attributes);
  if (keys.length === 0) return EMPTY_ATTRIBUTES;
  if (options?.sorted !== true) keys.sort();
  const writer = new WireWriter();
  for (const key of keys) writeEntry(writer, key, attributes[key]!);
  return new EncodedAttributes(writer.take(), keys.length);
}

/**
 * Foreign attributes from their bytes, in the form of {@link AttributeSet.bytes}. Everything is checked once, so the view
 * never fails; unknown fields survive. The set keeps the array: copy it before if it is part of a larger one or will be written to.
 * Throws WireError for malformed bytes and for values nested too deeply.
 */
export function attributeSetFromBytes(bytes: Uint8Array): AttributeSet {
  return bytes.length === 0 ? EMPTY_ATTRIBUTES : new EncodedAttributes(bytes, countAttributes(bytes));
}

/** Checks attribute bytes in `[start, end)` and returns how many attributes they hold. Throws WireError. */
export function countAttributes(bytes: Uint8Array, start = 0, end = bytes.length): number {
  const reader = new WireReader(bytes, start, end);
  let count = 0;
  while (!reader.done) {
    const at = reader.position;
    if (reader.tag() !== ENTRY) throw new WireError('an attribute does not begin with the tag of field 1', at);
    const until = reader.delimited();
    checkKeyValue(bytes, reader.position, until);
    reader.position = until;
    count++;
  }
  return count;
}

/** The set over bytes that were checked before. */
export function trustedAttributes(bytes: Uint8Array, size: number): AttributeSet {
  return size === 0 ? EMPTY_ATTRIBUTES : new EncodedAttributes(bytes, size);
}

/** Whether two byte arrays have the same content. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

interface Index {
  readonly keys: readonly string[];
  /** Entry i is `bytes[starts[i] … starts[i + 1])`, its tag included. */
  readonly starts: Uint32Array;
}

class EncodedAttributes implements AttributeSet {
  readonly bytes: Uint8Array;
  readonly size: number;
  #index: Index | undefined;
  #object: Attributes | undefined;

  constructor(bytes: Uint8Array, size: number) {
    this.bytes = bytes;
    this.size = size;
  }

  get(key: string): AttributeValue | undefined {
    if (this.#object !== undefined) return Object.hasOwn(this.#object, key) ? this.#object[key] : undefined;
    const at = this.#indexed().keys.indexOf(key);
    return at < 0 ? undefined : this.#value(at);
  }

  has(key: string): boolean {
    return this.#indexed().keys.includes(key);
  }

  keys(): readonly string[] {
    return this.#indexed().keys;
  }

  toObject(): Attributes {
    if (this.#object === undefined) {
      const values = new Map<string, AttributeValue>();
      for (const [i, key] of this.keys().entries()) if (!values.has(key)) values.set(key, this.#value(i));
      this.#object = Object.freeze(Object.fromEntries(values));
    }
    return this.#object;
  }

  with(changes: Attributes): AttributeSet {
    const added = Object.keys(changes).sort();
    if (added.length === 0) return this;
    const { keys } = this.#indexed();
    const sorted = isSorted(keys);
    const written = new Set<string>();
    const writer = new WireWriter(this.bytes.length + 64);
    let size = 0;
    const write = (key: string): void => {
      if (written.has(key)) return;
      written.add(key);
      writeEntry(writer, key, changes[key]!);
      size++;
    };
    let next = 0;
    for (const [i, key] of keys.entries()) {
      if (sorted) while (next < added.length && added[next]! < key) write(added[next++]!);
      if (Object.hasOwn(changes, key)) {
        write(key);
      } else {
        writer.raw(this.#entry(i));
        size++;
      }
    }
    for (const key of added) write(key);
    const bytes = writer.take();
    return sameBytes(bytes, this.bytes) ? this : new EncodedAttributes(bytes, size);
  }

  without(keys: Iterable<string>): AttributeSet {
    const unwanted = new Set(typeof keys === 'string' ? [keys] : keys);
    const kept = this.keys().flatMap((key, i) => (unwanted.has(key) ? [] : [i]));
    if (kept.length === this.size) return this;
    const writer = new WireWriter(this.bytes.length);
    for (const i of kept) writer.raw(this.#entry(i));
    return trustedAttributes(writer.take(), kept.length);
  }

  equals(other: AttributeSet): boolean {
    return this === other || sameBytes(this.bytes, other.bytes);
  }

  #entry(i: number): Uint8Array {
    const { starts } = this.#indexed();
    return this.bytes.subarray(starts[i]!, starts[i + 1]!);
  }

  #value(i: number): AttributeValue {
    const { starts } = this.#indexed();
    const reader = new WireReader(this.bytes, starts[i]! + 1, starts[i + 1]!);
    const end = reader.delimited();
    const { valueStart, valueEnd } = readKeyValue(this.bytes, reader.position, end);
    return readAnyValue(this.bytes, valueStart, valueEnd);
  }

  #indexed(): Index {
    if (this.#index === undefined) {
      const reader = new WireReader(this.bytes);
      const keys: string[] = [];
      const starts = new Uint32Array(this.size + 1);
      while (!reader.done) {
        starts[keys.length] = reader.position;
        reader.tag();
        const end = reader.delimited();
        keys.push(readKeyValue(this.bytes, reader.position, end).key);
        reader.position = end;
      }
      starts[this.size] = this.bytes.length;
      this.#index = { keys, starts };
    }
    return this.#index;
  }
}

export const EMPTY_ATTRIBUTES: AttributeSet = new EncodedAttributes(new Uint8Array(0), 0);

function writeEntry(writer: WireWriter, key: string, value: AttributeValue): void {
  try {
    writeKeyValue(writer, 1, key, value);
  } catch (cause) {
    const message = `Attribute ${JSON.stringify(key)}: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw cause instanceof RangeError ? new RangeError(message, { cause }) : new TypeError(message, { cause });
  }
}

function isSorted(keys: readonly string[]): boolean {
  for (let i = 1; i < keys.length; i++) if (keys[i - 1]! >= keys[i]!) return false;
  return true;
}
