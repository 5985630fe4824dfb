import { GroupTotals } from '../../../bpf/process.gen.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { Counters, NO_SERIES } from './counters.ts';
import { CREDITS, type Credit, RESIDENT, type Subject } from './credits.ts';
import { PendingGauge } from './gauges.ts';
import type { Group } from './groups.ts';
import { declareFact, isFed, type MetricFact } from './metric-fact.ts';
import { labelNames, type MapUsage, type MetricSource, openGroupSeries, type SourceContext } from './metric-source.ts';
import { SeriesSet } from './series.ts';
import { PendingSum } from './sums.ts';

export interface TotalsOptions extends SourceContext {
  /** What is handed on; the totals are read in any case, because they tell which groups live. */
  readonly subjects: ReadonlySet<Subject>;
  /** Bytes of a page of memory. */
  readonly pageSize: number;
}

/** A counter of the totals that is handed on. */
interface Feed {
  /** Its place in the totals. */
  readonly counter: number;
  readonly credit: Credit;
  readonly sum: PendingSum;
}

/** The series of one group. */
interface Opened {
  /** One for each feed. */
  readonly sums: readonly number[];
  readonly resident: number;
}

/**
 * What the kernel counts itself and is credited to groups: run time, switches, bytes, page faults; and the memory of the living.
 */
export class TotalsSource implements MetricSource {
  readonly metrics: readonly (PendingSum | PendingGauge)[];
  readonly #options: TotalsOptions;
  readonly #totals: Counters;
  readonly #feeds: readonly Feed[];
  readonly #resident: PendingGauge | undefined;
  /** What rows of the totals have as their series is the group's id. */
  readonly #opened = new Map<number, Opened>();
  #entries = 0;

  constructor(kernel: Kernel, options: TotalsOptions) {
    const { batch, labels, subjects } = options;
    this.#options = options;
    this.#totals = new Counters(kernel.map('process', 'totals')!, { counters: CREDITS.length, batch });
    const sums = new Map<MetricFact, PendingSum>();
    const series = () => new SeriesSet(options.interner, options.scope);
    const sumOf = ({ fact }: Credit): PendingSum => {
      const sum = sums.get(fact) ?? new PendingSum(declareFact(fact, kernel, labelNames(labels)), series());
      sums.set(fact, sum);
      return sum;
    };
    this.#feeds = CREDITS.flatMap((credit, counter) =>
      subjects.has(credit.subject) ? [{ counter, credit, sum: sumOf(credit) }] : [],
    );
    if (subjects.has('memory') && isFed(RESIDENT, kernel)) {
      this.#resident = new PendingGauge(declareFact(RESIDENT, kernel, labelNames(labels)), series());
    }
    this.metrics = [...sums.values(), ...(this.#resident === undefined ? [] : [this.#resident])];
  }

  collect(): void {
    const { groups } = this.#options;
    this.#entries = this.#totals.collect(this.#onGroup);
    const { keys, values, entryWords } = this.#totals.buffer;
    let generation = 0;
    for (let entry = 0; entry < this.#entries; entry++) {
      const id = keys[entry]!;
      const live = values[entry * entryWords + GroupTotals.WORD.live]!;
      groups.get(id);
      groups.alive(id, live);
      generation = Math.max(generation, live);
    }
    if (this.#resident !== undefined) this.#readResident(this.#resident, generation);
  }

  forget(groups: ReadonlySet<number>): void {
    this.#totals.forget(
      (group) => groups.has(group),
      (group) => this.#close(group),
    );
  }

  get counters(): readonly Counters[] {
    return [this.#totals];
  }

  usage(): readonly MapUsage[] {
    return [{ map: this.#totals.map, entries: this.#entries }];
  }

  /** A group that had no living task in this collection has no memory. */
  #readResident(resident: PendingGauge, generation: number): void {
    const { keys, values, entryWords } = this.#totals.buffer;
    resident.reset();
    for (let entry = 0; entry < this.#entries; entry++) {
      const at = entry * entryWords;
      const opened = this.#opened.get(keys[entry]!);
      if (opened === undefined || values[at + GroupTotals.WORD.live] !== generation) continue;
      const pages = values[at + GroupTotals.WORD.pages]! + values[at + GroupTotals.WORD.pages + 1]! * 2 ** 32;
      resident.add(opened.resident, pages * this.#options.pageSize);
    }
  }

  readonly #onGroup = (row: number, key: Uint32Array, at: number): void => {
    const id = key[at]!;
    const group = this.#options.groups.grown(id);
    if (this.#feeds.length === 0 || !group.counts) return;
    let opened = this.#opened.get(id);
    if (this.#totals.seriesOf(row) === NO_SERIES || opened === undefined) {
      opened = this.#open(group, id);
      this.#totals.setSeries(row, id);
    }
    for (let feed = 0; feed < this.#feeds.length; feed++) {
      const { sum, counter } = this.#feeds[feed]!;
      sum.add(opened.sums[feed]!, this.#totals.deltas[counter]!);
    }
  };

  #open(group: Group, id: number): Opened {
    const { labels } = this.#options;
    const sums = this.#feeds.map(({ credit, sum }) => openGroupSeries(sum.series, group, labels, credit.own));
    const resident = this.#resident ? openGroupSeries(this.#resident.series, group, labels, {}) : NO_SERIES;
    const opened = { sums, resident };
    this.#opened.set(id, opened);
    return opened;
  }

  #close(group: number): void {
    const opened = this.#opened.get(group);
    if (opened === undefined) return;
    for (const [feed, series] of opened.sums.entries()) this.#feeds[feed]!.sum.series.close(series);
    this.#resident?.series.close(opened.resident);
    this.#opened.delete(group);
  }
}
