import type { Attributes, AttributeValue } from './attributes.ts';

/**
 * Attributes as their OTLP bytes, with a lazy view. The bytes are a sequence of `KeyValue` messages, each behind the tag
 * of field 1 (0x0A) and its length, as in `Resource.attributes`; they are the identity, so order matters.
 * Own attributes are sorted by key when they are made; foreign ones keep the sender's order.
 */
export interface AttributeSet {
  readonly bytes: Uint8Array;
  /** Number of attributes. */
  readonly size: number;
  /** The value of the first attribute of this key. */
  get(key: string): AttributeValue | undefined;
  has(key: string): boolean;
  keys(): readonly string[];
  /** All of them, decoded once and kept. */
  toObject(): Attributes;
  /** A set with these attributes replaced or added. Untouched values keep their bytes. */
  with(changes: Attributes): AttributeSet;
  /** A set without these keys; itself when it has none of them. */
  without(keys: Iterable<string>): AttributeSet;
  equals(other: AttributeSet): boolean;
}
