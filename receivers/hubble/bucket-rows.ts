const ROWS = 64;

/** Rows of counts, one for each series: 64 of them share an array, which is made with the first one. */
export class BucketRows {
  /** Counts in a row. */
  readonly width: number;
  readonly #chunks: Float64Array[] = [];

  constructor(width: number) {
    this.width = width;
  }

  /** The array that the row lies in, from {@link at} on. */
  chunk(row: number): Float64Array {
    const number = row >>> 6;
    while (number >= this.#chunks.length) this.#chunks.push(new Float64Array(ROWS * this.width));
    return this.#chunks[number]!;
  }

  at(row: number): number {
    return (row % ROWS) * this.width;
  }

  clear(row: number): void {
    const at = this.at(row);
    this.chunk(row).fill(0, at, at + this.width);
  }

  /** Lets go of the arrays behind the first rows. */
  keep(rows: number): void {
    this.#chunks.length = Math.min(this.#chunks.length, Math.ceil(rows / ROWS));
  }
}
