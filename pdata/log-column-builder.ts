import type { AttributeValue } from './attributes.ts';
import { Double } from './attributes.ts';
import { encodeValue, sparseBelow } from './log-columns.ts';
import type { DictionaryColumn, LogColumn } from './logs.ts';

type Kind = Exclude<LogColumn['kind'], 'sparse'>;

/** Collects one attribute over the rows of a batch. The column has the one kind that all values share, else `encoded`. */
export class LogColumnBuilder {
  readonly #rows: number[] = [];
  readonly #values: AttributeValue[] = [];
  #kind: Kind | undefined;

  /** Rows must ascend. */
  set(row: number, value: AttributeValue): void {
    const kind = kindOf(value);
    this.#kind = this.#kind === undefined || this.#kind === kind ? kind : 'encoded';
    this.#rows.push(row);
    this.#values.push(value);
  }

  build(length: number): LogColumn {
    if (this.#rows.length < sparseBelow(length)) {
      return {
        kind: 'sparse',
        rows: Uint32Array.from(this.#rows),
        values: this.#values.map((value) => encodeValue(value)),
      };
    }
    const kind = this.#kind ?? 'encoded';
    if (kind === 'encoded') {
      const values = new Array<Uint8Array | undefined>(length).fill(undefined);
      this.#each((row, value) => {
        values[row] = encodeValue(value);
      });
      return { kind, values };
    }
    const present = this.#rows.length === length ? {} : { present: this.#presence(length) };
    if (kind === 'string') {
      const words = new WordsBuilder();
      this.#each((row, value) => words.set(row, value as string));
      return { kind, values: words.build(length), ...present };
    }
    if (kind === 'bool') {
      const values = new Uint8Array(length);
      this.#each((row, value) => {
        values[row] = value === true ? 1 : 0;
      });
      return { kind, values, ...present };
    }
    const values = new Float64Array(length);
    this.#each((row, value) => {
      values[row] = value instanceof Double ? value.value : (value as number);
    });
    return { kind, values, ...present };
  }

  #each(visit: (row: number, value: AttributeValue) => void): void {
    for (const [i, row] of this.#rows.entries()) visit(row, this.#values[i]!);
  }

  #presence(length: number): Uint8Array {
    const present = new Uint8Array(length);
    for (const row of this.#rows) present[row] = 1;
    return present;
  }
}

/** Collects a dictionary column. Rows not set hold the empty string. */
export class WordsBuilder {
  readonly #codeOf = new Map<string, number>();
  readonly #codes: number[] = [];

  set(row: number, word: string): void {
    while (this.#codes.length < row) this.#codes.push(this.#code(''));
    this.#codes[row] = this.#code(word);
  }

  build(length: number): DictionaryColumn {
    if (this.#codes.length < length || length === 0) this.#code('');
    const codes = new Uint32Array(length);
    if (this.#codes.length < length) codes.fill(this.#code(''));
    codes.set(this.#codes);
    return { codes, words: [...this.#codeOf.keys()] };
  }

  #code(word: string): number {
    let code = this.#codeOf.get(word);
    if (code === undefined) {
      code = this.#codeOf.size;
      this.#codeOf.set(word, code);
    }
    return code;
  }
}

function kindOf(value: AttributeValue): Kind {
  switch (typeof value) {
    case 'string':
      return 'string';
    case 'boolean':
      return 'bool';
    case 'number':
      return Number.isSafeInteger(value) ? 'int' : 'double';
    case 'object':
      return value instanceof Double ? 'double' : 'encoded';
    default:
      return 'encoded';
  }
}
