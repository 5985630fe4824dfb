import { hashBytes } from '../hash-bytes.ts';
import type { DictionaryColumn } from '../logs.ts';
import { decodeUtf8 } from './any-value.ts';

/** Places that are tried before a word is taken for new, so that chosen hashes cost no more than others. */
const MAX_PROBES = 32;

/** A dictionary column from words in bytes: each word is decoded once. Code 0 is the empty string. */
export class ByteWords {
  readonly #bytes: Uint8Array;
  readonly #codes: Uint32Array;
  readonly #starts: number[] = [0];
  readonly #ends: number[] = [0];
  /** Open addressing: codes, 0 for a free place. */
  #table = new Uint32Array(16);
  #last = 0;

  constructor(bytes: Uint8Array, rows: number) {
    this.#bytes = bytes;
    this.#codes = new Uint32Array(rows);
  }

  set(row: number, start: number, end: number): void {
    if (start !== end) this.#codes[row] = this.#same(this.#last, start, end) ? this.#last : this.#code(start, end);
  }

  build(): DictionaryColumn {
    const words = this.#starts.map((start, code) => decodeUtf8(this.#bytes, start, this.#ends[code]!));
    return { codes: this.#codes, words };
  }

  #code(start: number, end: number): number {
    if (this.#starts.length * 2 > this.#table.length) this.#grow();
    const mask = this.#table.length - 1;
    const place = hashBytes(this.#bytes, start, end, 0);
    for (let probe = 0; probe < MAX_PROBES; probe++) {
      const code = this.#table[(place + probe) & mask]!;
      if (code === 0) {
        this.#table[(place + probe) & mask] = this.#starts.length;
        break;
      }
      if (this.#same(code, start, end)) {
        this.#last = code;
        return code;
      }
    }
    this.#starts.push(start);
    this.#last = this.#ends.push(end) - 1;
    return this.#last;
  }

  #same(code: number, start: number, end: number): boolean {
    const own = this.#starts[code]!;
    const length = end - start;
    if (this.#ends[code]! - own !== length) return false;
    const bytes = this.#bytes;
    for (let i = 0; i < length; i++) if (bytes[own + i] !== bytes[start + i]) return false;
    return true;
  }

  #grow(): void {
    this.#table = new Uint32Array(this.#table.length * 4);
    const mask = this.#table.length - 1;
    for (let code = 1; code < this.#starts.length; code++) {
      const place = hashBytes(this.#bytes, this.#starts[code]!, this.#ends[code]!, 0);
      for (let probe = 0; probe < MAX_PROBES; probe++) {
        if (this.#table[(place + probe) & mask] !== 0) continue;
        this.#table[(place + probe) & mask] = code;
        break;
      }
    }
  }
}
