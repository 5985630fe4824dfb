import type { AttributeValue } from '../../pdata/attributes.ts';
import { editAttributeColumns } from '../../pdata/edit-attributes.ts';
import type { DictionaryColumn, LogColumn } from '../../pdata/logs.ts';
import { valueText } from '../matching/values.ts';
import { AttributeBudget } from './attribute-budget.ts';
import type { AttributeReport } from './cardinality-limiter.ts';
import { Keys } from './keys.ts';
import type { AttributeLimit, Strategy } from './options.ts';

export interface ColumnLimiterOptions {
  readonly attributes: ReadonlyMap<string, AttributeLimit>;
  readonly strategy: Strategy;
  /** A value that did not come for so long gives its name up, ms. */
  readonly idleTimeoutMs: number;
  readonly overflowValue: string;
}

/** Attributes of log records or spans behind their limits. Strings are decided once a batch and value, not once a row. */
export class ColumnLimiter {
  readonly #values: readonly LimitedValues[];

  constructor(options: ColumnLimiterOptions) {
    const keys = new Keys();
    this.#values = [...options.attributes].map(([key, limit]) => new LimitedValues(key, limit, options, keys));
  }

  /** The columns with what has no name replaced; the same columns when everything has one. `nowMs` is monotonic. */
  limit(columns: ReadonlyMap<string, LogColumn>, length: number, nowMs: number): ReadonlyMap<string, LogColumn> {
    let limited = columns;
    for (const values of this.#values) {
      const column = limited.get(values.key);
      if (column === undefined) continue;
      if (values.drops || column.kind === 'string') {
        const changed = column.kind === 'string' && !values.drops ? values.ofWords(column, length, nowMs) : undefined;
        if (changed === column) continue;
        const next = new Map(limited);
        if (changed === undefined) next.delete(values.key);
        else next.set(values.key, changed);
        limited = next;
      } else {
        limited = editAttributeColumns(limited, length, (editor) => {
          const value = editor.get(values.key);
          if (value === undefined) return;
          const named = values.of(value, 1, nowMs);
          if (named !== value) editor.set(values.key, named);
        });
      }
    }
    return limited;
  }

  /** To be called every few seconds. */
  tick(nowMs: number): void {
    for (const values of this.#values) values.tick(nowMs);
  }

  report(): readonly AttributeReport[] {
    return this.#values.map(({ budget }) => ({
      attribute: budget.key,
      values: budget.distinct.value,
      named: budget.seats?.taken,
      folded: budget.folded,
    }));
  }
}

type Words = Extract<LogColumn, { readonly kind: 'string' }>;

class LimitedValues {
  readonly key: string;
  readonly drops: boolean;
  readonly budget: AttributeBudget;
  readonly #limit: AttributeLimit;
  readonly #options: ColumnLimiterOptions;
  readonly #keys: Keys;
  /** When a value that has a name last came, ms. */
  readonly #seen = new Map<number, number>();

  constructor(key: string, limit: AttributeLimit, options: ColumnLimiterOptions, keys: Keys) {
    this.key = key;
    this.drops = limit.drop === true;
    this.budget = new AttributeBudget(key, limit, options.strategy);
    this.#limit = limit;
    this.#options = options;
    this.#keys = keys;
  }

  /** What stands for a value that came in so many rows. */
  of(value: AttributeValue, rows: number, nowMs: number): AttributeValue {
    const { overflowValue } = this.#options;
    const rewritten = this.#limit.rewrite?.(value) ?? value;
    if (rewritten === overflowValue) return rewritten;
    const { budget } = this;
    const key = this.#keys.ofText(
      typeof rewritten === 'string' ? rewritten : `${typeof rewritten} ${valueText(rewritten)}`,
    );
    budget.distinct.add(key);
    const { seats } = budget;
    if (seats === undefined) return rewritten;
    if (!seats.admits(key)) {
      seats.hitters?.add(key, rows);
      budget.folded += rows;
      return overflowValue;
    }
    if (!this.#seen.has(key)) seats.take(key);
    this.#seen.set(key, nowMs);
    seats.hitters?.add(key, rows);
    return rewritten;
  }

  ofWords(column: Words, length: number, nowMs: number): Words {
    const { codes, words } = column.values;
    const rows = new Uint32Array(words.length);
    for (let row = 0; row < length; row++) {
      if (column.present === undefined || column.present[row] === 1) rows[codes[row]!]!++;
    }
    const named = words.map((word, code) => (rows[code] === 0 ? word : this.of(word, rows[code]!, nowMs)));
    if (named.every((value, code) => value === words[code])) return column;
    return { ...column, values: recoded(codes, named.map(String)) };
  }

  tick(nowMs: number): void {
    const { seats } = this.budget;
    if (seats === undefined) return;
    const { idleTimeoutMs } = this.#options;
    for (const key of seats.review(0.5 ** (10_000 / idleTimeoutMs))) this.#free(key);
    for (const [key, seen] of this.#seen) if (nowMs - seen > idleTimeoutMs) this.#free(key);
  }

  #free(key: number): void {
    if (this.#seen.delete(key)) this.budget.seats!.leave(key);
  }
}

/** A column of words some of which became equal. */
function recoded(codes: Uint32Array, words: readonly string[]): DictionaryColumn {
  const codeOf = new Map<string, number>();
  const newCodes = Uint32Array.from(words, (word) => {
    const code = codeOf.get(word) ?? codeOf.size;
    codeOf.set(word, code);
    return code;
  });
  return { codes: codes.map((code) => newCodes[code]!), words: [...codeOf.keys()] };
}
