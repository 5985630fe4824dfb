import type { AttributeSet, InstrumentationScope, Resource, SeriesId, SeriesInterner, SeriesTable } from 'bpflow/sdk';
import type { Gate } from '../filters/gate.ts';

/** Who a series is about, as it is told apart in the pipeline. */
export interface SeriesIdentity {
  readonly resource: Resource;
  readonly attributes: AttributeSet;
  /** Whether it is handed on; undefined: always. */
  readonly gate?: Gate;
}

/**
 * The series of one metric under dense numbers. Several keys of the kernel may feed one series (they differ in what is not
 * a label); it ends when the last of them has ended and is free for another one after its end was handed on.
 */
export class SeriesSet {
  readonly #interner: SeriesInterner;
  readonly #scope: InstrumentationScope;
  readonly #byKey = new Map<string, number>();
  readonly #entries: { key: string; identity: SeriesIdentity; feeders: number; id: SeriesId }[] = [];
  readonly #free: number[] = [];
  readonly #ended = new Set<number>();
  /** Whether any series may have to wait. */
  #gated = false;
  /** The table that the ids belong to. */
  #table: SeriesTable | undefined;

  constructor(interner: SeriesInterner, scope: InstrumentationScope) {
    this.#interner = interner;
    this.#scope = scope;
  }

  /** Numbers in use, ended ones included, are below this. */
  get size(): number {
    return this.#entries.length;
  }

  /** Numbers below {@link size} that no series has. */
  get free(): ReadonlySet<number> {
    return new Set(this.#free);
  }

  /** Series without a feeder, whose end was not handed on yet. */
  get ended(): ReadonlySet<number> {
    return this.#ended;
  }

  /** The number of the series with this key, which gets one more feeder; `identify` is called only for a new one. */
  open(key: string, identify: () => SeriesIdentity): number {
    const known = this.#byKey.get(key);
    if (known !== undefined) {
      this.#entries[known]!.feeders++;
      this.#ended.delete(known);
      return known;
    }
    const number = this.#free.pop() ?? this.#entries.length;
    const identity = identify();
    if (identity.gate !== undefined) this.#gated = true;
    this.#entries[number] = { key, identity, feeders: 1, id: NOT_INTERNED };
    this.#byKey.set(key, number);
    return number;
  }

  /** Whether the series is handed on, or kept until that is known. */
  gate(number: number): Gate['state'] {
    return this.#entries[number]?.identity.gate?.state ?? 'open';
  }

  /** One feeder has ended. */
  close(number: number): void {
    const entry = this.#entries[number]!;
    if (--entry.feeders === 0) this.#ended.add(number);
  }

  /** Frees an ended series. */
  remove(number: number): void {
    this.#ended.delete(number);
    this.#byKey.delete(this.#entries[number]!.key);
    this.#free.push(number);
  }

  /** The series' handle in the interner's present table. */
  id(number: number): SeriesId {
    if (this.#table !== this.#interner.table) {
      this.#table = this.#interner.table;
      for (const entry of this.#entries) entry.id = NOT_INTERNED;
    }
    const entry = this.#entries[number]!;
    if (entry.id === NOT_INTERNED) {
      entry.id = this.#interner.intern(entry.identity.resource, this.#scope, entry.identity.attributes);
    }
    return entry.id;
  }

  /** Every series that lives, with its number. */
  identities(): readonly (readonly [number: number, identity: SeriesIdentity])[] {
    return [...this.#byKey.values()].map((number) => [number, this.#entries[number]!.identity] as const);
  }

  /** Series that wait to be handed on. */
  waiting(): number[] {
    return this.#gated ? [...this.#byKey.values()].filter((number) => this.gate(number) === 'waiting') : [];
  }

  get table(): SeriesTable {
    return this.#interner.table;
  }
}

const NOT_INTERNED = -1;
