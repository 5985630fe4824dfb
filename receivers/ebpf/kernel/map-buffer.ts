import type { BpfMap } from 'bpflow/sdk';
import { MapEntries } from './map-entries.ts';

/**
 * A map's entries as words, which all keys and values of the agent's own maps are made of: the kernel is little-endian wherever this
 * runs, so a u64 is two words, the lower first.
 */
export class MapBuffer {
  readonly keyWords: number;
  /** Words of one CPU's value. */
  readonly cpuWords: number;
  readonly #entries: MapEntries;
  #keys: Uint32Array<ArrayBuffer>;
  #values: Uint32Array<ArrayBuffer>;

  constructor(map: BpfMap, options: { readonly batch: boolean }) {
    this.#entries = new MapEntries(map, options);
    this.keyWords = map.keySize / 4;
    this.cpuWords = this.#entries.cpuBytes / 4;
    this.#keys = new Uint32Array(this.#entries.keys.buffer);
    this.#values = new Uint32Array(this.#entries.values.buffer);
  }

  get map(): BpfMap {
    return this.#entries.map;
  }

  /** CPUs whose values an entry has: 1 for maps that are not per CPU. */
  get cpus(): number {
    return this.#entries.cpus;
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
    const entries = this.#entries.read();
    if (this.#keys.buffer !== this.#entries.keys.buffer) {
      this.#keys = new Uint32Array(this.#entries.keys.buffer);
      this.#values = new Uint32Array(this.#entries.values.buffer);
    }
    return entries;
  }
}
