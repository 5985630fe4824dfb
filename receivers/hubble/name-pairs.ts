import { PairTable } from './pair-table.ts';
import type { Series } from './series.ts';
import { Words } from './words.ts';

/** Bits that a number takes where labels are packed into one. */
const BITS = 14;
const MASK = 2 ** BITS - 1;
/** So many that nobody needs any more are forgotten together. */
const FORGOTTEN_TOGETHER = 1024;
/** The number of all pairs that found no room: `other` and nothing. */
const OTHER = 0;

interface User {
  readonly series: Series;
  /** Where its packed labels have numbers of pairs. */
  readonly shifts: readonly number[];
}

/**
 * Two names each under a dense number of 14 bits, for labels that are packed into one integer: a service with its namespace, a gRPC
 * method with its service, a DNS name with its type. Those that no series has any more are forgotten by {@link forget}.
 */
export class NamePairs {
  /** Pairs that found no room, counted at each flow. */
  refused = 0;
  readonly #limit: number;
  #words: Words;
  #pairs = new PairTable();
  readonly #users: User[] = [];

  constructor(limit = MASK + 1) {
    this.#limit = limit;
    this.#words = new Words(limit * 2);
    this.#pairs.add(this.#words.idOf('other'), 0);
  }

  get size(): number {
    return this.#pairs.size;
  }

  /** The pair's number, until {@link forget}. */
  number(first: string, second: string): number {
    const a = this.#words.idOf(first);
    const b = this.#words.idOf(second);
    const known = this.#pairs.find(a, b);
    if (known >= 0) return known;
    if (this.#pairs.size >= this.#limit) {
      this.refused++;
      return OTHER;
    }
    return this.#pairs.add(a, b);
  }

  first(number: number): string {
    return this.#words.text(this.#pairs.first(number));
  }

  second(number: number): string {
    return this.#words.text(this.#pairs.second(number));
  }

  /** Declares that the packed labels of a metric's series have numbers of pairs from these bits on. */
  usedBy({ series }: { readonly series: Series }, ...shifts: readonly number[]): void {
    this.#users.push({ series, shifts });
  }

  /** Forgets what no series has, when that is worth it: true says that all other numbers are new, also in the series. */
  forget(): boolean {
    if (this.#pairs.size <= FORGOTTEN_TOGETHER) return false;
    const used = new Set([OTHER]);
    for (const { series, shifts } of this.#users) {
      series.addPacked((packed) => {
        for (const shift of shifts) used.add((packed >>> shift) & MASK);
      });
    }
    if (this.#pairs.size - used.size < FORGOTTEN_TOGETHER) return false;
    this.#renumber(used);
    return true;
  }

  #renumber(used: ReadonlySet<number>): void {
    const [words, pairs] = [this.#words, this.#pairs];
    this.#words = new Words(this.#limit * 2);
    this.#pairs = new PairTable();
    const next = new Int32Array(pairs.size);
    for (let number = 0; number < pairs.size; number++) {
      if (!used.has(number)) continue;
      const first = this.#words.idOf(words.text(pairs.first(number)));
      next[number] = this.#pairs.add(first, this.#words.idOf(words.text(pairs.second(number))));
    }
    for (const { series, shifts } of this.#users) {
      series.renumberPacked((packed) => {
        let moved = packed;
        for (const shift of shifts) moved = (moved & ~(MASK << shift)) | (next[(packed >>> shift) & MASK]! << shift);
        return moved;
      });
    }
  }
}
