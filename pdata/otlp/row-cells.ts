import type { FlagColumn, TimeColumn } from '../metrics.ts';

/** A column of times from the places of fixed64 fields. */
export class TimeCells {
  readonly #source: Uint8Array;
  readonly #times: BigUint64Array<ArrayBuffer>;
  /** The same memory; times are copied byte by byte, so the machine must be little-endian as protobuf is. */
  readonly #bytes: Uint8Array;

  constructor(source: Uint8Array, rows: number) {
    this.#source = source;
    this.#times = new BigUint64Array(rows);
    this.#bytes = new Uint8Array(this.#times.buffer);
  }

  set(row: number, at: number): void {
    for (let i = 0; i < 8; i++) this.#bytes[row * 8 + i] = this.#source[at + i]!;
  }

  /** One value where all are the same. */
  build(): TimeColumn {
    const times = this.#times;
    const [first = 0n] = times;
    return times.every((time) => time === first) ? first : times;
  }

  all(): BigUint64Array {
    return this.#times;
  }
}

/** A column of unsigned 32-bit values; made when the first one that is not 0 comes. */
export class CountCells {
  readonly #length: number;
  #values: Uint32Array | undefined;

  constructor(rows: number, width = 1) {
    this.#length = rows * width;
  }

  set(at: number, value: number): void {
    if (value === 0 && this.#values === undefined) return;
    this.#values ??= new Uint32Array(this.#length);
    this.#values[at] = value;
  }

  /** Undefined when all are 0. */
  build(): Uint32Array | undefined {
    return this.#values;
  }

  flags(): FlagColumn {
    const values = this.#values;
    if (values === undefined) return 0;
    const first = values[0]!;
    return values.every((value) => value === first) ? first : values;
  }
}

/** A column of ids from their places. Ids of another length are left out. */
export class IdCells {
  readonly #source: Uint8Array;
  readonly #rows: number;
  readonly #width: number;
  #ids: Uint8Array | undefined;

  constructor(source: Uint8Array, rows: number, width: number) {
    this.#source = source;
    this.#rows = rows;
    this.#width = width;
  }

  set(row: number, start: number, end: number): void {
    if (end - start !== this.#width) return;
    this.#ids ??= new Uint8Array(this.#rows * this.#width);
    for (let i = 0; i < this.#width; i++) this.#ids[row * this.#width + i] = this.#source[start + i]!;
  }

  /** Undefined when there is none. */
  build(): Uint8Array | undefined {
    return this.#ids;
  }

  all(): Uint8Array {
    return this.#ids ?? new Uint8Array(this.#rows * this.#width);
  }
}
