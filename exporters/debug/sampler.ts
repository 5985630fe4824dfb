/** Lets through the first of every second (all, if that number is negative), then every so-many-th. */
export class Sampler {
  readonly #initial: number;
  readonly #thereafter: number;
  #second = Number.NaN;
  #seen = 0;

  constructor(initial: number, thereafter: number) {
    this.#initial = initial < 0 ? Number.POSITIVE_INFINITY : initial;
    this.#thereafter = thereafter;
  }

  /** `nowMs` is monotonic. */
  take(nowMs: number): boolean {
    const second = Math.floor(nowMs / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#seen = 0;
    }
    this.#seen++;
    if (this.#seen <= this.#initial) return true;
    return this.#thereafter > 0 && (this.#seen - this.#initial) % this.#thereafter === 0;
  }
}
