import { reserveOf } from 'bpflow/sdk';

/** How many series there may be, in all families together. */
export class SeriesLimit {
  /** Places for series that others are folded into. */
  readonly reserve: number;
  readonly #own: number;
  #usedOwn = 0;
  #usedFolded = 0;
  #turn = 1;

  constructor(max: number) {
    this.reserve = reserveOf(max);
    this.#own = max - this.reserve;
  }

  /** Whether there is no room for one more, of those that stand for themselves or of those that others are folded into. */
  isReached(folded: boolean): boolean {
    return folded ? this.#usedFolded >= this.reserve : this.#usedOwn >= this.#own;
  }

  /** Changes when a series has left since: then it is worth to ask again. From 1 to 2^30. */
  get turn(): number {
    return this.#turn;
  }

  added(folded: boolean): void {
    if (folded) this.#usedFolded++;
    else this.#usedOwn++;
  }

  removed(folded: boolean): void {
    if (folded) this.#usedFolded--;
    else this.#usedOwn--;
    this.#turn = this.#turn === 1 << 30 ? 1 : this.#turn + 1;
  }
}
