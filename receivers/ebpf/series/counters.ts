import type { BpfMap } from 'bpflow/sdk';
import { MapBuffer } from '../kernel/map-buffer.ts';

const WORD = 2 ** 32;

/** Called for each entry that has grown; `key` has its words from `at`. */
export type GrownEntry = (row: number, key: Uint32Array, at: number) => void;

export interface CountersOptions {
  /** u64 counters at the start of each value; what follows them is not a counter. */
  readonly counters: number;
  readonly batch: boolean;
}

/**
 * What a map of counters has grown by since it was last read. Each key has a row that keeps its last reading (the sum over
 * all CPUs) as exact 64-bit integers and one number for the caller, its series. No row allocates after its first reading.
 *
 *     index (hash of the key) ──▶ row: key words │ last: (low, high) for each counter │ series
 *
 * A counter that reads less than before (the kernel's fallbacks may do that for a moment) has not grown.
 */
export class Counters {
  /** What the entry just visited has grown by, counter by counter: exact below 2^53. */
  readonly deltas: Float64Array;
  readonly #buffer: MapBuffer;
  readonly #counters: number;
  #index = new Int32Array(64);
  #keys: Uint32Array;
  #last: Uint32Array;
  #series: Int32Array;
  #rows = 0;
  #entries = 0;
  readonly #freeRows: number[] = [];
  #visit: GrownEntry | undefined;

  constructor(map: BpfMap, options: CountersOptions) {
    this.#buffer = new MapBuffer(map, options);
    this.#counters = options.counters;
    this.deltas = new Float64Array(options.counters);
    this.#keys = new Uint32Array(32 * this.#buffer.keyWords);
    this.#last = new Uint32Array(32 * options.counters * 2);
    this.#series = new Int32Array(32).fill(NO_SERIES);
  }

  get map(): BpfMap {
    return this.#buffer.map;
  }

  /** The entries as they were last read. */
  get buffer(): MapBuffer {
    return this.#buffer;
  }

  /** Keys that have a row. */
  get size(): number {
    return this.#rows - this.#freeRows.length;
  }

  /** Reads the whole map and visits what has grown. Returns the number of entries in the map. */
  collect(visit: GrownEntry): number {
    const buffer = this.#buffer;
    this.#visit = visit;
    this.#entries = buffer.read();
    const { keys, values, keyWords, entryWords } = buffer;
    for (let entry = 0; entry < this.#entries; entry++) {
      const key = entry * keyWords;
      const value = entry * entryWords;
      let row = this.#find(keys, key);
      if (row < 0) {
        if (this.#isUntouched(values, value)) continue;
        row = this.#insert(keys, key);
      }
      if (this.#advance(row, values, value)) visit(row, keys, key);
    }
    return this.#entries;
  }

  /**
   * Visits every entry that was read last and has a series once more, with {@link marker}s in place of what it has grown by.
   * `before` is told which entry comes. The visitor must add nothing.
   */
  replay(before: (entry: ReadEntry) => void): void {
    const { keys, keyWords, values, entryWords } = this.#buffer;
    for (let entry = 0; entry < this.#entries; entry++) {
      const at = entry * keyWords;
      const row = this.#find(keys, at);
      if (row < 0 || this.#series[row] === NO_SERIES) continue;
      before({
        counters: this,
        key: keys.slice(at, at + keyWords),
        value: values.slice(entry * entryWords, (entry + 1) * entryWords),
      });
      for (let counter = 0; counter < this.#counters; counter++) this.deltas[counter] = marker(counter);
      this.#visit?.(row, keys, at);
    }
  }

  /** The row's series, or {@link NO_SERIES}. */
  seriesOf(row: number): number {
    return this.#series[row]!;
  }

  setSeries(row: number, series: number): void {
    this.#series[row] = series;
  }

  /**
   * Deletes the entries that were read last and whose key word (the first one unless told) is chosen, here and in the kernel;
   * tells the series of each that had one.
   */
  forget(chosen: (keyWord: number) => boolean, ended: (series: number) => void, word = 0): void {
    const { keys, keyWords, map } = this.#buffer;
    const before = this.#freeRows.length;
    for (let entry = 0, at = 0; entry < this.#entries; entry++, at += keyWords) {
      if (!chosen(keys[at + word]!)) continue;
      map.delete(new Uint8Array(keys.slice(at, at + keyWords).buffer));
      const row = this.#find(keys, at);
      if (row < 0) continue;
      if (this.#series[row] !== NO_SERIES) ended(this.#series[row]!);
      this.#series[row] = NO_SERIES;
      this.#freeRows.push(row);
    }
    if (this.#freeRows.length > before) this.#reindex(this.#index.length);
  }

  /** Whether nothing was ever counted: every event adds to one of the first two counters before it adds to others. */
  #isUntouched(values: Uint32Array, at: number): boolean {
    const { cpus, cpuWords } = this.#buffer;
    const words = Math.min(this.#counters, 2) * 2;
    for (let cpu = 0, place = at; cpu < cpus; cpu++, place += cpuWords) {
      for (let word = 0; word < words; word++) if (values[place + word] !== 0) return false;
    }
    return true;
  }

  /** Takes over a row's new reading; whether any counter has grown. */
  #advance(row: number, values: Uint32Array, at: number): boolean {
    const { cpus, cpuWords } = this.#buffer;
    const last = this.#last;
    let grown = false;
    for (let counter = 0, place = row * this.#counters * 2; counter < this.#counters; counter++, place += 2) {
      let low = 0;
      let high = 0;
      for (let cpu = 0, word = at + counter * 2; cpu < cpus; cpu++, word += cpuWords) {
        low += values[word]!;
        high += values[word + 1]!;
      }
      const carry = Math.floor(low / WORD);
      low -= carry * WORD;
      high += carry;
      const delta = (high - last[place + 1]!) * WORD + (low - last[place]!);
      if (delta > 0) {
        last[place] = low;
        last[place + 1] = high;
        this.deltas[counter] = delta;
        grown = true;
      } else {
        this.deltas[counter] = 0;
      }
    }
    return grown;
  }

  #find(keys: Uint32Array, at: number): number {
    const { keyWords } = this.#buffer;
    const mask = this.#index.length - 1;
    let slot = hashOf(keys, at, keyWords) & mask;
    for (let row = this.#index[slot]! - 1; row >= 0; row = this.#index[slot]! - 1) {
      if (sameWords(this.#keys, row * keyWords, keys, at, keyWords)) return row;
      slot = (slot + 1) & mask;
    }
    return -1;
  }

  #insert(keys: Uint32Array, at: number): number {
    const row = this.#newRow(keys, at);
    if (this.size * 2 > this.#index.length) this.#reindex(this.#index.length * 2);
    else this.#place(row);
    return row;
  }

  #place(row: number): void {
    const { keyWords } = this.#buffer;
    const mask = this.#index.length - 1;
    let slot = hashOf(this.#keys, row * keyWords, keyWords) & mask;
    while (this.#index[slot] !== 0) slot = (slot + 1) & mask;
    this.#index[slot] = row + 1;
  }

  #newRow(keys: Uint32Array, at: number): number {
    const { keyWords } = this.#buffer;
    const row = this.#freeRows.pop() ?? this.#rows++;
    if (row === this.#series.length) this.#grow();
    for (let word = 0; word < keyWords; word++) this.#keys[row * keyWords + word] = keys[at + word]!;
    this.#last.fill(0, row * this.#counters * 2, (row + 1) * this.#counters * 2);
    this.#series[row] = NO_SERIES;
    return row;
  }

  #grow(): void {
    const rows = this.#series.length * 2;
    this.#keys = copied(this.#keys, new Uint32Array(rows * this.#buffer.keyWords));
    this.#last = copied(this.#last, new Uint32Array(rows * this.#counters * 2));
    this.#series = copied(this.#series, new Int32Array(rows));
  }

  #reindex(slots: number): void {
    const free = new Set(this.#freeRows);
    this.#index = new Int32Array(slots);
    for (let row = 0; row < this.#rows; row++) if (!free.has(row)) this.#place(row);
  }
}

/** An entry as it was last read. */
export interface ReadEntry {
  readonly counters: Counters;
  readonly key: Uint32Array<ArrayBuffer>;
  /** All CPUs' values. */
  readonly value: Uint32Array<ArrayBuffer>;
}

/** Stands for a counter's growth in a {@link Counters.replay}. It can be told from others after it was multiplied by a power of two. */
function marker(counter: number): number {
  return 1 + counter / MARKERS;
}

/** The counter that a marker stands for, and what it was multiplied by. */
export function markedCounter(value: number): { readonly counter: number; readonly unit: number } {
  const unit = 2 ** Math.floor(Math.log2(value));
  return { counter: Math.round((value / unit - 1) * MARKERS), unit };
}

const MARKERS = 1024;

/** The row has no series yet. */
export const NO_SERIES = -1;

function hashOf(words: Uint32Array, at: number, count: number): number {
  let hash = 0;
  for (let word = 0; word < count; word++) {
    hash = Math.imul(hash ^ words[at + word]!, 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return hash;
}

function sameWords(a: Uint32Array, aAt: number, b: Uint32Array, bAt: number, count: number): boolean {
  for (let word = 0; word < count; word++) if (a[aAt + word] !== b[bAt + word]) return false;
  return true;
}

function copied<A extends Uint32Array | Int32Array>(from: A, to: A): A {
  to.set(from);
  return to;
}
