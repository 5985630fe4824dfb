import type { Range } from './flow.ts';
import type { FlowReader } from './flow-reader.ts';
import { PairTable } from './pair-table.ts';

/**
 * Values by the 5-tuple of a flow and what else tells connections apart: two hashes of them, 64 bits with a secret seed. A value has a
 * place, which is kept until the next `compact`.
 */
export class TupleTable<Value> {
  readonly #reader: FlowReader;
  readonly #places = new PairTable();
  #values: (Value | undefined)[] = [];
  #size = 0;
  #low = 0;
  #high = 0;
  readonly #seed = (Math.random() * 0x1_0000_0000) | 0;

  constructor(reader: FlowReader) {
    this.#reader = reader;
  }

  /** Values that are here. */
  get size(): number {
    return this.#size;
  }

  /** Places that are taken, those of deleted values too. */
  get places(): number {
    return this.#places.size;
  }

  /** The place of a tuple of the flow that was read last; -1 when it has none. `set` and `get` then go by it. */
  find(local: Range, localPort: number, peer: Range, peerPort: number, salt: number): number {
    this.#low = this.#hash(local, peer, localPort, peerPort, salt, this.#seed);
    this.#high = this.#hash(peer, local, peerPort, localPort, salt, ~this.#seed);
    return this.#places.find(this.#low, this.#high);
  }

  /** The value at a place; undefined when it was deleted, or for -1. */
  get(place: number): Value | undefined {
    return this.#values[place];
  }

  /** Puts a value at a place; for -1 at a new one, which is that of the tuple looked for last. */
  set(place: number, value: Value): void {
    const at = place < 0 ? this.#places.add(this.#low, this.#high) : place;
    if (this.#values[at] === undefined) this.#size++;
    this.#values[at] = value;
  }

  delete(place: number): void {
    if (this.#values[place] === undefined) return;
    this.#values[place] = undefined;
    this.#size--;
  }

  /** The oldest first. A value may be deleted meanwhile. */
  *[Symbol.iterator](): Generator<readonly [place: number, value: Value]> {
    for (const [place, value] of this.#values.entries()) if (value !== undefined) yield [place, value];
  }

  /** Frees the places of deleted values; those of others change. */
  compact(): void {
    const kept: (Value | undefined)[] = [];
    this.#places.compact(
      (place) => this.#values[place] !== undefined,
      (from) => kept.push(this.#values[from]),
    );
    this.#values = kept;
  }

  #hash(a: Range, b: Range, portA: number, portB: number, salt: number, seed: number): number {
    const { bytes } = this.#reader;
    let hash = seed;
    for (let at = a.start; at < a.end; at++) hash = Math.imul(hash ^ bytes[at]!, 0x0100_0193);
    hash = Math.imul(hash ^ portA, 0x9e37_79b1);
    hash ^= hash >>> 15;
    for (let at = b.start; at < b.end; at++) hash = Math.imul(hash ^ bytes[at]!, 0x0100_0193);
    hash = Math.imul(hash ^ portB, 0x85eb_ca6b);
    hash = Math.imul(hash ^ (hash >>> 13) ^ salt, 0xc2b2_ae35);
    return hash ^ (hash >>> 16);
  }
}
