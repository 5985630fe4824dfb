import type { BpfMap } from 'bpflow/sdk';
import { tracepointsMiss } from './preemption.ts';

/** Entries that the buffers hold at first; they double until a whole pass fits. */
const FIRST_ENTRIES = 256;

/**
 * A map's entries in buffers that are kept from pass to pass.
 *
 *     keys    │ entry 0 │ entry 1 │ …        keySize each
 *     values  │ entry 0: CPU 0, CPU 1, … │ … cpuBytes for each CPU
 */
export class MapEntries {
  readonly map: BpfMap;
  /** Bytes of one CPU's value. */
  readonly cpuBytes: number;
  /** CPUs whose values an entry has: 1 for maps that are not per CPU. */
  readonly cpus: number;
  readonly #batch: boolean;
  /** Where trace events are counted, each moment of the agent off its CPU in the middle of a reading would be one without counts. */
  readonly #unpreempted = tracepointsMiss();
  #keys: Uint8Array<ArrayBuffer>;
  #values: Uint8Array<ArrayBuffer>;
  #capacity: number;

  constructor(map: BpfMap, options: { readonly batch: boolean }) {
    this.map = map;
    const cpuBytes = Math.ceil(map.valueSize / 8) * 8;
    this.cpus = map.type.startsWith('percpu') || map.type.startsWith('lru_percpu') ? map.stride / cpuBytes : 1;
    this.cpuBytes = this.cpus === 1 ? map.stride : cpuBytes;
    this.#batch = options.batch;
    this.#capacity = Math.min(FIRST_ENTRIES, map.maxEntries);
    this.#keys = new Uint8Array(this.#capacity * map.keySize);
    this.#values = new Uint8Array(this.#capacity * map.stride);
  }

  /** Others after a reading that found more than fit. */
  get keys(): Uint8Array<ArrayBuffer> {
    return this.#keys;
  }

  get values(): Uint8Array<ArrayBuffer> {
    return this.#values;
  }

  /** Copies the whole map; returns its number of entries. */
  read(): number {
    for (;;) {
      const entries = this.map.readInto(this.#keys, this.#values, {
        batch: this.#batch,
        unpreempted: this.#unpreempted,
      });
      if (entries < this.#capacity || this.#capacity === this.map.maxEntries) return entries;
      this.#capacity = Math.min(this.#capacity * 2, this.map.maxEntries);
      this.#keys = new Uint8Array(this.#capacity * this.map.keySize);
      this.#values = new Uint8Array(this.#capacity * this.map.stride);
    }
  }
}
