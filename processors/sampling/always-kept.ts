import { type Clock, type MatchProperties, matchItems } from 'bpflow/sdk';
import type { KeepConfig } from './config.ts';
import { FirstSeen } from './first-seen.ts';
import { attributeKey, type RowBatch, type Rows, type RowTest, type RowText } from './rows.ts';

/** Why an item is kept whatever the policy says. */
export type KeepReason = 'error' | 'keep' | 'first_seen';

/** Finds what is always kept. */
export class AlwaysKept<B extends RowBatch> {
  readonly #isError: RowTest<B> | undefined;
  readonly #matches: RowTest<B> | undefined;
  readonly #key: RowText<B>;
  readonly #seen: FirstSeen | undefined;
  /** Kinds that this batch has had already; undefined where keys are no kinds. */
  readonly #kinds: Set<number> | undefined;
  readonly #kindNumber: Rows<B>['kindNumber'];
  #fresh: string[] = [];

  constructor(config: KeepConfig, rows: Rows<B>, clock: Clock) {
    const { attributes, max_keys, forget_after } = config.first_seen;
    this.#isError = config.errors ? rows.isError : undefined;
    this.#matches = anyOf(config.match, rows);
    this.#key = attributes.length === 0 ? rows.kind : attributeKey(attributes);
    this.#kinds = attributes.length === 0 ? new Set() : undefined;
    this.#kindNumber = rows.kindNumber;
    this.#seen = max_keys === 0 ? undefined : new FirstSeen(clock, max_keys, forget_after);
  }

  /** Keys that are remembered. */
  get keys(): number {
    return this.#seen?.size ?? 0;
  }

  /** Before the rows of a batch. */
  begin(): void {
    this.#seen?.turn();
    this.#kinds?.clear();
    this.#fresh = [];
  }

  reason(batch: B, row: number): KeepReason | undefined {
    const isNew = this.#seen !== undefined && this.#isNew(this.#seen, batch, row);
    if (this.#isError?.(batch, row)) return 'error';
    if (this.#matches?.(batch, row)) return 'keep';
    return isNew ? 'first_seen' : undefined;
  }

  /** Keys that were new since {@link begin}; for {@link takeBack} when their items were not taken after all. */
  get fresh(): readonly string[] {
    return this.#fresh;
  }

  takeBack(fresh: readonly string[]): void {
    this.#seen?.forget(fresh);
  }

  #isNew(seen: FirstSeen, batch: B, row: number): boolean {
    if (this.#kinds !== undefined) {
      const kind = this.#kindNumber(batch, row);
      if (this.#kinds.has(kind)) return false;
      this.#kinds.add(kind);
    }
    const key = this.#key(batch, row);
    if (!seen.isNew(key)) return false;
    this.#fresh.push(key);
    return true;
  }
}

/**
 * Whether a row matches one of these; undefined for none. A match by what only another signal has, such as `span_names` for log
 * records, matches nothing. Throws SyntaxError for a bad pattern.
 */
export function anyOf<B extends RowBatch>(matches: readonly MatchProperties[], rows: Rows<B>): RowTest<B> | undefined {
  if (matches.length === 0) return undefined;
  const tests = matches.filter(rows.concerns).map((match) => rows.matches(matchItems(match, undefined)!));
  return (batch, row) => tests.some((test) => test(batch, row));
}
