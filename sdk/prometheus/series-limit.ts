/** How many series there may be, in all families together. */
export class SeriesLimit {
  readonly max: number;
  #used = 0;
  #turn = 1;

  constructor(max: number) {
    this.max = max;
  }

  get isReached(): boolean {
    return this.#used >= this.max;
  }

  /** Changes when a series has left since: then it is worth to ask again. From 1 to 2^30. */
  get turn(): number {
    return this.#turn;
  }

  added(): void {
    this.#used++;
  }

  removed(): void {
    this.#used--;
    this.#turn = this.#turn === 1 << 30 ? 1 : this.#turn + 1;
  }
}
