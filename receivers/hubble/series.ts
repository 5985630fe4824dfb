import {
  type Attributes,
  attributeSet,
  EMPTY_RESOURCE,
  type InstrumentationScope,
  type SeriesId,
  type SeriesInterner,
  type SeriesTable,
} from 'bpflow/sdk';
import { type Contexts, OVERFLOW_CONTEXT } from './contexts.ts';
import { PairTable } from './pair-table.ts';

/** Stands for a context where a metric has no context labels. */
export const NO_CONTEXT = -1;
/** The series that takes what found no room. */
export const OVERFLOW = 0;

/** What all metrics of a receiver share. */
export interface SeriesContext {
  readonly contexts: Contexts;
  readonly interner: SeriesInterner;
  readonly scope: InstrumentationScope;
  /** Series of one metric; what is above is added up in one more, which says so. */
  readonly maxSeries: number;
  /** Flushes without a change after which a series ends. */
  readonly idleFlushes: number;
}

/** Attributes of a series besides its context, from the number they were packed into. */
export type Describe = (packed: number) => Attributes;

/**
 * The series of one metric under dense numbers, found by two integers: the context, and the other labels packed into one. Numbers
 * hold until {@link compact}.
 */
export class Series {
  /** Times that {@link number} had no room. */
  overflowed = 0;
  readonly #shared: SeriesContext;
  readonly #describe: Describe;
  readonly #table = new PairTable();
  #ids = new Int32Array(64).fill(NOT_INTERNED);
  /** Flush at which each changed last. */
  #changed = new Int32Array(64);
  #interned: SeriesTable | undefined;
  #flush = 0;

  constructor(shared: SeriesContext, describe: Describe) {
    this.#shared = shared;
    this.#describe = describe;
    this.#table.add(OVERFLOW_CONTEXT, ALL);
  }

  /** Numbers are below this; 0 is the overflow. */
  get size(): number {
    return this.#table.size;
  }

  get table(): SeriesTable {
    return this.#shared.interner.table;
  }

  number(context: number, packed: number): number {
    const known = this.#table.find(context, packed);
    if (known >= 0) return known;
    if (this.#table.size > this.#shared.maxSeries) {
      this.overflowed++;
      return OVERFLOW;
    }
    const number = this.#table.add(context, packed);
    if (number === this.#ids.length) {
      this.#ids = longer(this.#ids, NOT_INTERNED);
      this.#changed = longer(this.#changed, 0);
    }
    this.#ids[number] = NOT_INTERNED;
    this.#changed[number] = this.#flush;
    return number;
  }

  /** Begins a flush: which series {@link isIdle} is counted from here. */
  begin(): void {
    this.#flush++;
  }

  /** The series has changed since the last flush. */
  touch(number: number): void {
    this.#changed[number] = this.#flush;
  }

  /** Whether nothing came for so long that the series ends. */
  isIdle(number: number): boolean {
    return number !== OVERFLOW && this.#flush - this.#changed[number]! >= this.#shared.idleFlushes;
  }

  /** The series' handle in the interner's present table. */
  id(number: number): SeriesId {
    if (this.#interned !== this.table) {
      this.#interned = this.table;
      this.#ids.fill(NOT_INTERNED);
    }
    let id = this.#ids[number]!;
    if (id === NOT_INTERNED) {
      id = this.#shared.interner.intern(EMPTY_RESOURCE, this.#shared.scope, attributeSet(this.#attributes(number)));
      this.#ids[number] = id;
    }
    return id;
  }

  /** Removes series, numbering the others anew. */
  compact(ended: ReadonlySet<number>, moved: (from: number, to: number) => void): void {
    this.#table.compact(
      (number) => !ended.has(number),
      (from, to) => {
        this.#ids[to] = this.#ids[from]!;
        this.#changed[to] = this.#changed[from]!;
        if (from !== to) moved(from, to);
      },
    );
  }

  /** Adds the contexts that are in use. */
  addContexts(used: Set<number>): void {
    for (let number = 0; number < this.#table.size; number++) used.add(this.#table.first(number));
  }

  renumberContexts(next: (context: number) => number): void {
    this.#table.renumberFirst((context) => (context <= OVERFLOW_CONTEXT ? context : next(context)));
  }

  /** Tells the packed labels of each series but the overflow. */
  addPacked(used: (packed: number) => void): void {
    for (let number = OVERFLOW + 1; number < this.#table.size; number++) used(this.#table.second(number));
  }

  /** Replaces the packed labels of each series but the overflow. What they become must leave all series distinct. */
  renumberPacked(next: (packed: number) => number): void {
    this.#table.renumberSecond(next, OVERFLOW + 1);
  }

  #attributes(number: number): Attributes {
    const context = this.#table.first(number);
    const packed = this.#table.second(number);
    const own = packed === ALL && number === OVERFLOW ? {} : this.#describe(packed);
    if (context === NO_CONTEXT) return own;
    if (context === OVERFLOW_CONTEXT) return { ...own, 'otel.metric.overflow': true };
    return { ...this.#shared.contexts.attributesOf(context), ...own };
  }
}

const NOT_INTERNED = -1;
/** In place of packed labels: the overflow has none. */
const ALL = -1;

function longer(from: Int32Array<ArrayBuffer>, fill: number): Int32Array<ArrayBuffer> {
  const to = new Int32Array(from.length * 2).fill(fill);
  to.set(from);
  return to;
}
