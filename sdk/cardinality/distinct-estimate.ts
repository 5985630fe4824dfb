/** 2^10 registers: one kilobyte, and a standard error of 1.04 / 32 = 3.3 %. */
const REGISTER_BITS = 10;
const REGISTERS = 1 << REGISTER_BITS;

/**
 * About how many distinct keys were seen, in constant memory: HyperLogLog (Flajolet and others, 2007) with linear counting while
 * it is emptyish. Keys are whole and evenly spread below 2^53.
 */
export class DistinctEstimate {
  readonly #registers = new Uint8Array(REGISTERS);
  #empty = REGISTERS;
  /** Sum of 2^-register. */
  #sum = REGISTERS;

  add(key: number): void {
    const low = key >>> 0;
    const register = low & (REGISTERS - 1);
    const high = (key - low) / 0x1_0000_0000;
    const rest = low >>> REGISTER_BITS;
    const rank = rest !== 0 ? Math.clz32(rest) - REGISTER_BITS + 1 : 23 + Math.min(Math.clz32(high) - 11, 21);
    const before = this.#registers[register]!;
    if (rank <= before) return;
    if (before === 0) this.#empty--;
    this.#registers[register] = rank;
    this.#sum += 2 ** -rank - 2 ** -before;
  }

  get value(): number {
    const raw = ((0.7213 / (1 + 1.079 / REGISTERS)) * REGISTERS * REGISTERS) / this.#sum;
    if (raw <= 2.5 * REGISTERS && this.#empty > 0) return Math.round(REGISTERS * Math.log(REGISTERS / this.#empty));
    return Math.round(raw);
  }
}
