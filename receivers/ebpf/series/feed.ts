import type { Attributes, BpfMap } from 'bpflow/sdk';
import { Counters, NO_SERIES } from './counters.ts';
import type { Group, Groups } from './groups.ts';
import type { PendingHistogram } from './histograms.ts';
import type { Label } from './labels.ts';
import { type MapUsage, openGroupSeries } from './metric-source.ts';
import type { SeriesSet } from './series.ts';
import type { PendingSum } from './sums.ts';

/** A metric that entries of a map grow. */
export interface Target {
  readonly series: SeriesSet;
  /** Adds what an entry's counters have grown by. */
  add(series: number, grown: Float64Array): void;
  /** Attributes beside those of the key. */
  readonly own?: Attributes;
}

/** A sum that grows by one of the value's counters, the first unless told, times `unit`. */
export function counted(sum: PendingSum, { counter = 0, unit = 1, own = {} }: CountedOptions = {}): Target {
  return { series: sum.series, own, add: (series, grown) => sum.add(series, grown[counter]! * unit) };
}

export interface CountedOptions {
  readonly counter?: number;
  readonly unit?: number;
  readonly own?: Attributes;
}

/** A histogram that grows by the whole value. */
export function timed(histogram: PendingHistogram): Target {
  return { series: histogram.series, add: (series, grown) => histogram.add(series, grown) };
}

export interface FeedOptions {
  /** u64 counters at the start of each value. */
  readonly counters: number;
  readonly groups: Groups;
  readonly labels: readonly Label[];
  readonly batch: boolean;
  /** The word of the key that has the group's id; without it all is of `other`. */
  readonly groupWord?: number;
  /** Metrics that its entries grow, or one with this key: asked once, as its series open. */
  readonly targets: readonly Target[] | ((key: Uint32Array, at: number) => readonly Target[]);
  /** Attributes that the key stands for, asked once, too. */
  readonly own?: (key: Uint32Array, at: number) => Attributes;
  /** Told of each entry that has grown. */
  readonly grown?: (key: Uint32Array, at: number) => void;
}

/**
 * A map of the kernel's counters, and the series that each entry of it grows.
 *
 *     entry ──▶ row ──▶ opened ──▶ a series of each of its targets
 */
export class Feed {
  readonly counters: Counters;
  readonly #options: FeedOptions;
  /** What a row has as its series is an index here. */
  readonly #opened: { readonly targets: readonly Target[]; readonly series: readonly number[] }[] = [];
  readonly #free: number[] = [];
  #entries = 0;

  constructor(map: BpfMap, options: FeedOptions) {
    this.counters = new Counters(map, options);
    this.#options = options;
  }

  /** Reads the map and adds what has grown. */
  collect(): void {
    this.#entries = this.counters.collect(this.#onGrown);
  }

  /** The map with the entries that were read last. */
  get usage(): MapUsage {
    return { map: this.counters.map, entries: this.#entries };
  }

  /** Deletes entries of these groups, or those whose `word` of the key is chosen, and ends their series. */
  forget(chosen: ReadonlySet<number>, word = this.#options.groupWord): void {
    if (word !== undefined) this.counters.forget((id) => chosen.has(id), this.#close, word);
  }

  readonly #onGrown = (row: number, key: Uint32Array, at: number): void => {
    const { groups, groupWord, grown } = this.#options;
    const group = groupWord === undefined ? groups.other : groups.grown(key[at + groupWord]!);
    grown?.(key, at);
    if (!group.counts) return;
    let index = this.counters.seriesOf(row);
    if (index === NO_SERIES) {
      index = this.#open(group, key, at);
      this.counters.setSeries(row, index);
    }
    const { targets, series } = this.#opened[index]!;
    for (let i = 0; i < targets.length; i++) targets[i]!.add(series[i]!, this.counters.deltas);
  };

  #open(group: Group, key: Uint32Array, at: number): number {
    const { labels, targets: all } = this.#options;
    const targets = typeof all === 'function' ? all(key, at) : all;
    const own = this.#options.own?.(key, at);
    const series = targets.map((target) => openGroupSeries(target.series, group, labels, { ...own, ...target.own }));
    const index = this.#free.pop() ?? this.#opened.length;
    this.#opened[index] = { targets, series };
    return index;
  }

  readonly #close = (index: number): void => {
    const { targets, series } = this.#opened[index]!;
    for (const [i, target] of targets.entries()) target.series.close(series[i]!);
    this.#free.push(index);
  };
}
