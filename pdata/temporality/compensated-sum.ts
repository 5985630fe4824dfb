/** A sum of doubles with Neumaier's compensation: what rounding takes from each addition is kept and added at the end. */
export class CompensatedSum {
  #total = 0;
  #lost = 0;

  get value(): number {
    return this.#total + this.#lost;
  }

  set(value: number): void {
    this.#total = value;
    this.#lost = 0;
  }

  add(value: number): void {
    const before = this.#total;
    const total = before + value;
    const lost = Math.abs(before) >= Math.abs(value) ? before - total + value : value - total + before;
    this.#lost = Number.isFinite(total) ? this.#lost + lost : 0;
    this.#total = total;
  }
}
