import type { AttributeSet } from './attribute-set.ts';
import type { Attributes, AttributeValue } from './attributes.ts';
import { LogColumnBuilder } from './log-column-builder.ts';
import { encodeValue } from './log-columns.ts';
import type { LogColumn } from './logs.ts';
import { EMPTY_RESOURCE, EMPTY_SCOPE } from './resource.ts';
import type { InstrumentationScope, Resource } from './series-table.ts';

/** What each record or span comes from. */
export interface Origin {
  readonly resource: Resource;
  readonly scope: InstrumentationScope;
}

/** The rows of one batch, while they are collected. */
export interface RowColumns<Item, B> {
  readonly length: number;
  /** Throws for a value that OTLP cannot carry; nothing is added then. */
  add(item: Item & Origin): void;
  build(): B;
}

/** Collects items into the columns of a batch. Reusable. */
export class BatchBuilder<Item extends Partial<Origin>, B> {
  readonly #defaults: Origin & Partial<Item>;
  readonly #begin: () => RowColumns<Item, B>;
  #rows: RowColumns<Item, B>;

  protected constructor(begin: () => RowColumns<Item, B>, defaults: Partial<Item>) {
    this.#defaults = { resource: EMPTY_RESOURCE, scope: EMPTY_SCOPE, ...defaults };
    this.#begin = begin;
    this.#rows = begin();
  }

  get length(): number {
    return this.#rows.length;
  }

  /** Throws RangeError or TypeError for a value that OTLP cannot carry; nothing is added then. */
  add(item: Item): void {
    this.#rows.add({ ...this.#defaults, ...item });
  }

  /** Everything so far, `undefined` when there is nothing; the builder is empty afterwards. */
  take(): B | undefined {
    const rows = this.#rows;
    if (rows.length === 0) return undefined;
    this.#rows = this.#begin();
    return rows.build();
  }
}

/** Attributes, a column for each key. */
export class AttributeColumns {
  readonly #columns = new Map<string, LogColumnBuilder>();

  set(row: number, attributes: Iterable<readonly [string, AttributeValue]>): void {
    for (const [key, value] of attributes) {
      let column = this.#columns.get(key);
      if (column === undefined) {
        column = new LogColumnBuilder();
        this.#columns.set(key, column);
      }
      column.set(row, value);
    }
  }

  build(length: number): Map<string, LogColumn> {
    return new Map(Array.from(this.#columns, ([key, column]) => [key, column.build(length)]));
  }
}

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
