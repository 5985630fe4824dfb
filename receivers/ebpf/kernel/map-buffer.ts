import type { BpfMap } from 'bpflow/sdk';
import { tracepointsMiss } from './preemption.ts';

/** Entries that the buffers hold at first; they double until a whole pass fits. */
const FIRST_ENTRIES = 256;

/**
 * A map's entries in buffers that are kept from pass to pass, as words: the kernel is little-endian wherever this runs, so
 * a u64 is two words, the lower first.
 *
 *     keys    │ entry 0 │ entry 1 │ …        keyWords each
 *     values  │ entry 0: CPU 0, CPU 1, … │ … cpuWords for each CPU
 */
export class MapBuffer {
  readonly map: BpfMap;
  readonly keyWords: number;
  /** Words of one CPU's value. */
  readonly cpuWords: number;
  /** CPUs whose values an entry has: 1 for maps that are not per CPU. */
  readonly cpus: number;
  readonly #batch: boolean;
  /** Where trace events are counted, each moment of the agent off its CPU in the middle of a reading would be one without counts. */
  readonly #unpreempted = tracepointsMiss();
  #keys: Uint32Array<ArrayBuffer>;
  #values: Uint32Array<ArrayBuffer>;
  #capacity: number;

  constructor(map: BpfMap, options: { readonly batch: boolean }) {
    this.map = map;
    this.keyWords = map.keySize / 4;
    const cpuBytes = Math.ceil(map.valueSize / 8) * 8;
    this.cpus = map.type.startsWith('percpu') || map.type.startsWith('lru_percpu') ? map.stride / cpuBytes : 1;
    this.cpuWords = this.cpus === 1 ? map.stride / 4 : cpuBytes / 4;
    this.#batch = options.batch;
    this.#capacity = Math.min(FIRST_ENTRIES, map.maxEntries);
    this.#keys = new Uint32Array(this.#capacity * this.keyWords);
    this.#values = new Uint32Array((this.#capacity * map.stride) / 4);
  }

  get keys(): Uint32Array<ArrayBuffer> {
    return this.#keys;
  }

  get values(): Uint32Array<ArrayBuffer> {
    return this.#values;
  }

  /** Words of one entry in {@link values}. */
  get entryWords(): number {
    return this.cpuWords * this.cpus;
  }

  /** Copies the whole map; returns its number of entries. */
  read(): number {
    for (;;) {
      const entries = this.#readOnce();
      if (entries < this.#capacity || this.#capacity === this.map.maxEntries) return entries;
      this.#capacity = Math.min(this.#capacity * 2, this.map.maxEntries);
      this.#keys = new Uint32Array(this.#capacity * this.keyWords);
      this.#values = new Uint32Array((this.#capacity * this.map.stride) / 4);
    }
  }

  #readOnce(): number {
    const keys = new Uint8Array(this.#keys.buffer);
    return this.map.readInto(keys, new Uint8Array(this.#values.buffer), {
      batch: this.#batch,
      unpreempted: this.#unpreempted,
    });
  }
}
