/**
 * What an attribute can hold. `number` that is an integer stands for an int, any other `number` for a double;
 * {@link double} makes a double of a whole number; `bigint` is for ints beyond 2^53.
 * This is a view: the canonical form of attributes are their OTLP bytes ({@link AttributeSet.bytes}).
 */
export type AttributeValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | Uint8Array
  | Double
  | readonly AttributeValue[]
  | { readonly [key: string]: AttributeValue };

export type Attributes = Readonly<Record<string, AttributeValue>>;

/** A double even where its value is whole. */
export class Double {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

export function double(value: number): Double {
  return new Double(value);
}
