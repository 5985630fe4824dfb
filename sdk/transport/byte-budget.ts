/** A bound on bytes that many hold at a time: requests that are being received, inflated, handled. */
export class ByteBudget {
  /** Bytes that may be held at a time. */
  readonly limit: number;
  #used = 0;
  #peak = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** False, and nothing taken, when there are not so many left. */
  take(bytes: number): boolean {
    if (this.#used + bytes > this.limit) return false;
    this.#used += bytes;
    if (this.#used > this.#peak) this.#peak = this.#used;
    return true;
  }

  give(bytes: number): void {
    this.#used -= bytes;
  }

  /** Bytes held now. */
  get used(): number {
    return this.#used;
  }

  /** The most that was held at a time. */
  get peak(): number {
    return this.#peak;
  }
}
