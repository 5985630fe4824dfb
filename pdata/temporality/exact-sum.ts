const LARGEST = 2n ** 63n - 1n;
const SMALLEST = -(2n ** 63n);

/**
 * Totals by row. Integers are exact: beyond 2^53 they are kept as bigint. Doubles are summed with Neumaier's compensation, so
 * that the order hardly matters and small additions to a large total are not lost.
 */
export class ExactSums {
  #totals = new Float64Array(0);
  /** What rounding has taken from each double total; absent while there are none. */
  #lost: Float64Array | undefined;
  readonly #wide = new Map<number, bigint>();
  #isDouble = new Uint8Array(0);

  grow(capacity: number): void {
    this.#totals = resized(this.#totals, new Float64Array(capacity));
    this.#isDouble = resized(this.#isDouble, new Uint8Array(capacity));
    if (this.#lost !== undefined) this.#lost = resized(this.#lost, new Float64Array(capacity));
  }

  clear(row: number): void {
    this.set(row, 0, true);
  }

  set(row: number, value: number | bigint, integer: boolean): void {
    if (this.#wide.size > 0) this.#wide.delete(row);
    if (this.#lost !== undefined) this.#lost[row] = 0;
    this.#isDouble[row] = integer ? 0 : 1;
    if (typeof value === 'bigint') this.#setBig(row, value);
    else this.#totals[row] = value;
  }

  /** Adds; false, and nothing done, when an integer total would leave 64 bits. */
  add(row: number, value: number | bigint, integer: boolean): boolean {
    if (!integer || this.#isDouble[row] === 1) {
      this.#addDouble(row, Number(value));
      return true;
    }
    if (typeof value === 'number' && (this.#wide.size === 0 || !this.#wide.has(row))) {
      const total = this.#totals[row]! + value;
      if (Number.isSafeInteger(total)) {
        this.#totals[row] = total;
        return true;
      }
    }
    const total = this.exact(row) + BigInt(value);
    if (total > LARGEST || total < SMALLEST) return false;
    this.#setBig(row, total);
    return true;
  }

  /** The total, rounded to a double where it is wider. */
  get(row: number): number {
    return this.#lost === undefined ? this.#totals[row]! : this.#totals[row]! + this.#lost[row]!;
  }

  isDouble(row: number): boolean {
    return this.#isDouble[row] === 1;
  }

  /** The total when a double cannot hold it. */
  wide(row: number): bigint | undefined {
    return this.#wide.size === 0 ? undefined : this.#wide.get(row);
  }

  /** An integer total. */
  exact(row: number): bigint {
    return this.#wide.get(row) ?? BigInt(this.#totals[row]!);
  }

  move(from: number, to: number): void {
    const wide = this.#wide.get(from);
    this.#totals[to] = this.#totals[from]!;
    this.#isDouble[to] = this.#isDouble[from]!;
    if (this.#lost !== undefined) this.#lost[to] = this.#lost[from]!;
    if (wide === undefined) this.#wide.delete(to);
    else this.#wide.set(to, wide);
  }

  truncate(length: number): void {
    for (const row of this.#wide.keys()) if (row >= length) this.#wide.delete(row);
  }

  #addDouble(row: number, value: number): void {
    this.#lost ??= new Float64Array(this.#totals.length);
    if (this.#isDouble[row] === 0) {
      this.#totals[row] = Number(this.exact(row));
      this.#wide.delete(row);
      this.#isDouble[row] = 1;
    }
    const before = this.#totals[row]!;
    const total = before + value;
    const lost = Math.abs(before) >= Math.abs(value) ? before - total + value : value - total + before;
    this.#lost[row] = Number.isFinite(total) ? this.#lost[row]! + lost : 0;
    this.#totals[row] = total;
  }

  #setBig(row: number, value: bigint): void {
    const rounded = Number(value);
    this.#totals[row] = rounded;
    if (Number.isSafeInteger(rounded)) this.#wide.delete(row);
    else this.#wide.set(row, value);
  }
}

function resized<T extends Float64Array | Uint8Array>(from: T, to: T): T {
  to.set(from.length <= to.length ? from : (from.subarray(0, to.length) as T));
  return to;
}
