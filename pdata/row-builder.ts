import type { AttributeSet } from './attribute-set.ts';
import type { Attributes, AttributeValue } from './attributes.ts';
import { encodeValue } from './log-columns.ts';

/** Distinct objects and, for each row, which one. */
export class References<T> {
  readonly codes: number[] = [];
  readonly #codeOf = new Map<T, number>();

  get items(): readonly T[] {
    return [...this.#codeOf.keys()];
  }

  add(item: T): void {
    let code = this.#codeOf.get(item);
    if (code === undefined) {
      code = this.#codeOf.size;
      this.#codeOf.set(item, code);
    }
    this.codes.push(code);
  }
}

/** Attributes as an object, whichever form they have. */
export function plainAttributes(attributes: Attributes | AttributeSet): Attributes {
  return typeof attributes['toObject'] === 'function'
    ? (attributes as AttributeSet).toObject()
    : (attributes as Attributes);
}

/** Throws TypeError for a value that OTLP cannot carry. */
export function checkValue(value: AttributeValue, key: string): void {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return;
  try {
    encodeValue(value);
  } catch (cause) {
    throw new TypeError(`${JSON.stringify(key)}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** The bytes of an id in hex digits. Throws RangeError for another number of bytes. */
export function hexBytes(hex: string, length: number): Uint8Array {
  if (hex.length !== length * 2 || !/^[0-9a-fA-F]*$/.test(hex)) {
    throw new RangeError(`${JSON.stringify(hex)} is not an id of ${length * 2} hex digits.`);
  }
  return Uint8Array.from({ length }, (_, i) => Number.parseInt(hex.slice(i * 2, i * 2 + 2), 16));
}
