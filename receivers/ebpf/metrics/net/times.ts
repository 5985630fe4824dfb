import { TcpTime, TcpTimeKey } from '../../../../bpf/net.gen.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { Counters, NO_SERIES } from '../../series/counters.ts';
import type { Group } from '../../series/groups.ts';
import { HISTOGRAM_COUNTERS, type HistogramForm, PendingHistogram } from '../../series/histograms.ts';
import { declareFact, type MetricFact } from '../../series/metric-fact.ts';
import { labelNames, type MapUsage, openGroupSeries, type SourceContext } from '../../series/metric-source.ts';
import { SeriesSet } from '../../series/series.ts';
import { CONNECT, RTT } from './metrics.ts';

export interface TcpTimesOptions extends SourceContext {
  readonly histograms: HistogramForm;
  /** Whether the kernel keeps a histogram for each group. */
  readonly timesByGroup: boolean;
}

/** How long connecting took, and round-trip times, as histograms. */
export class TcpTimes {
  readonly metrics: readonly PendingHistogram[];
  readonly #options: TcpTimesOptions;
  readonly #byGroup: Counters;
  readonly #all: Counters;
  readonly #histograms: ReadonlyMap<number, PendingHistogram>;
  #entries = 0;

  constructor(kernel: Kernel, options: TcpTimesOptions) {
    this.#options = options;
    const { batch, interner, scope, histograms } = options;
    const counters = (name: string) => new Counters(kernel.map('net', name)!, { counters: HISTOGRAM_COUNTERS, batch });
    this.#byGroup = counters('tcp_times');
    this.#all = counters('all_tcp_times');
    const labels = labelNames(options.histogramLabels);
    const histogram = (fact: MetricFact) =>
      new PendingHistogram(declareFact(fact, kernel, labels), new SeriesSet(interner, scope), histograms);
    this.#histograms = new Map([
      [TcpTime.TCP_CONNECT, histogram(CONNECT)],
      [TcpTime.TCP_RTT, histogram(RTT)],
    ]);
    this.metrics = [...this.#histograms.values()];
  }

  get counters(): readonly Counters[] {
    return [this.#byGroup, this.#all];
  }

  collect(): void {
    const { groups } = this.#options;
    this.#entries = this.#byGroup.collect((row, key, at) => {
      const group = groups.grown(key[at + TcpTimeKey.WORD.group]!);
      if (group.counts) this.#add(this.#byGroup, row, group, key[at + TcpTimeKey.WORD.time]!);
    });
    this.#all.collect((row, key, at) => this.#add(this.#all, row, groups.other, key[at]!));
  }

  forget(groups: ReadonlySet<number>): void {
    // The series of both histograms are numbered apart: which one is in the number.
    this.#byGroup.forget(
      (group) => groups.has(group),
      (number) => this.#histograms.get(number % TIMES)!.series.close(Math.floor(number / TIMES)),
    );
  }

  usage(): readonly MapUsage[] {
    return this.#options.timesByGroup ? [{ map: this.#byGroup.map, entries: this.#entries }] : [];
  }

  #add(counters: Counters, row: number, group: Group, time: number): void {
    const histogram = this.#histograms.get(time);
    if (histogram === undefined) return;
    let number = counters.seriesOf(row);
    if (number === NO_SERIES) {
      number = openGroupSeries(histogram.series, group, this.#options.histogramLabels, {}) * TIMES + time;
      counters.setSeries(row, number);
    }
    histogram.add(Math.floor(number / TIMES), counters.deltas);
  }
}

const TIMES = TcpTime.TCP_TIMES;
