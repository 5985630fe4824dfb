import type { Attributes } from 'bpflow/sdk';
import { NetKey, NetValue, TcpTime, Transport } from '../../bpf/net.gen.ts';
import { GROUP_OTHER } from '../../bpf/process.gen.ts';
import { Counters, NO_SERIES } from './counters.ts';
import type { Group } from './groups.ts';
import { HISTOGRAM_COUNTERS, type HistogramForm, PendingHistogram } from './histograms.ts';
import type { Kernel } from './kernel.ts';
import { declareFact, isFed, type MetricFact } from './metric-fact.ts';
import { labelNames, type MapUsage, type MetricSource, openGroupSeries, type SourceContext } from './metric-source.ts';
import { Connections } from './net-connections.ts';
import {
  ACCEPTED,
  BYTES,
  CONNECT,
  CONNECTIONS,
  DIRECTION,
  ERROR,
  FAILED,
  OPENED,
  PACKETS,
  RESET,
  RETRANSMITS,
  RTT,
  TRANSPORT,
} from './net-metrics.ts';
import { type PendingMetric, PendingSum, SeriesSet } from './series.ts';
import { syscallNames } from './syscall-names.ts';

export interface NetworkOptions extends SourceContext {
  readonly histograms: HistogramForm;
}

/** Where one counter of `struct net_value` goes. */
interface Target {
  readonly sum: PendingSum;
  readonly own: Attributes;
}

/** What went over sockets, and how TCP connections began and ended. */
export class NetworkSource implements MetricSource {
  readonly metrics: readonly PendingMetric[];
  readonly #options: NetworkOptions;
  readonly #names = syscallNames(process.arch);
  readonly #traffic: Counters;
  readonly #errors: Counters;
  readonly #times: Counters;
  readonly #connections: Connections | undefined;
  /** By transport: a target for each counter, in the struct's order. */
  readonly #targets: ReadonlyMap<number, readonly Target[]>;
  readonly #failed: PendingSum;
  readonly #histograms: ReadonlyMap<number, PendingHistogram>;
  /** What a row of traffic has as its series is an index here. */
  readonly #opened: { readonly targets: readonly Target[]; readonly series: number[] }[] = [];
  readonly #free: number[] = [];
  #usage: readonly MapUsage[] = [];

  constructor(kernel: Kernel, options: NetworkOptions) {
    this.#options = options;
    const { batch, interner, scope, histogramLabels, histograms } = options;
    const counters = (name: string, count: number) =>
      new Counters(kernel.map('net', name)!, { counters: count, batch });
    this.#traffic = counters('traffic', NetValue.WORDS / 2);
    this.#errors = counters('connect_errors', 1);
    this.#times = counters('tcp_times', HISTOGRAM_COUNTERS);
    const labels = labelNames(options.labels);
    const sum = (fact: MetricFact) => new PendingSum(declareFact(fact, kernel, labels), new SeriesSet(interner, scope));
    const time = (fact: MetricFact) =>
      new PendingHistogram(
        declareFact(fact, kernel, labelNames(histogramLabels)),
        new SeriesSet(interner, scope),
        histograms,
      );
    const bytes = sum(BYTES);
    const packets = sum(PACKETS);
    const tcp = [sum(RETRANSMITS), sum(OPENED), sum(ACCEPTED), sum(RESET)];
    this.#failed = sum(FAILED);
    const trafficOf = (transport: string): Target[] => {
      const sent = { [DIRECTION]: 'transmit', [TRANSPORT]: transport };
      const received = { [DIRECTION]: 'receive', [TRANSPORT]: transport };
      return [
        { sum: packets, own: sent },
        { sum: packets, own: received },
        { sum: bytes, own: sent },
        { sum: bytes, own: received },
      ];
    };
    this.#targets = new Map([
      [Transport.TRANSPORT_TCP, [...trafficOf('tcp'), ...tcp.map((each) => ({ sum: each, own: {} }))]],
      [Transport.TRANSPORT_UDP, trafficOf('udp')],
      [Transport.TRANSPORT_UNIX, trafficOf('unix')],
    ]);
    this.#histograms = new Map([
      [TcpTime.TCP_CONNECT, time(CONNECT)],
      [TcpTime.TCP_RTT, time(RTT)],
    ]);
    this.#connections = isFed(CONNECTIONS, kernel) ? new Connections(kernel, options) : undefined;
    const ofTcp = isFed(OPENED, kernel)
      ? [...tcp, this.#failed, ...this.#histograms.values(), ...(this.#connections?.metrics ?? [])]
      : [];
    this.metrics = [...(isFed(BYTES, kernel) ? [bytes, packets] : []), ...ofTcp];
  }

  collect(): void {
    const traffic = this.#traffic.collect(this.#onTraffic);
    const errors = this.#errors.collect(this.#onError);
    const times = this.#times.collect(this.#onTime);
    this.#connections?.collect();
    this.#usage = [
      { map: this.#traffic.map, entries: traffic },
      { map: this.#errors.map, entries: errors },
      { map: this.#times.map, entries: times },
    ];
  }

  forget(groups: ReadonlySet<number>): void {
    const chosen = (group: number) => groups.has(group);
    this.#traffic.forget(chosen, this.#close);
    this.#errors.forget(chosen, (series) => this.#failed.series.close(series));
    // The series of both histograms are numbered apart: the time is in the number.
    this.#times.forget(chosen, (series) =>
      this.#histograms.get(series % TIMES)!.series.close(Math.floor(series / TIMES)),
    );
    this.#connections?.forget(groups);
  }

  usage(): readonly MapUsage[] {
    return [...this.#usage, ...(this.#connections?.usage() ?? [])];
  }

  readonly #onTraffic = (row: number, key: Uint32Array, at: number): void => {
    const group = this.#groupOf(key[at + NetKey.WORD.group]!);
    const targets = this.#targets.get(key[at + NetKey.WORD.transport]!);
    if (!group.counts || targets === undefined) return;
    let index = this.#traffic.seriesOf(row);
    if (index === NO_SERIES) {
      index = this.#free.pop() ?? this.#opened.length;
      this.#opened[index] = { targets, series: targets.map(({ sum, own }) => this.#openSum(sum, group, own)) };
      this.#traffic.setSeries(row, index);
    }
    const { series } = this.#opened[index]!;
    for (const [i, { sum }] of targets.entries()) sum.add(series[i]!, this.#traffic.deltas[i]!);
  };

  readonly #onError = (row: number, key: Uint32Array, at: number): void => {
    const group = this.#groupOf(key[at]!);
    if (!group.counts) return;
    let series = this.#errors.seriesOf(row);
    if (series === NO_SERIES) {
      const errno = key[at + 1]!;
      series = this.#openSum(this.#failed, group, { [ERROR]: errno === 0 ? '_OTHER' : this.#names.errno(errno) });
      this.#errors.setSeries(row, series);
    }
    this.#failed.add(series, this.#errors.deltas[0]!);
  };

  readonly #onTime = (row: number, key: Uint32Array, at: number): void => {
    const group = this.#groupOf(key[at]!);
    const time = key[at + 1]!;
    const histogram = this.#histograms.get(time);
    if (!group.counts || histogram === undefined) return;
    let number = this.#times.seriesOf(row);
    if (number === NO_SERIES) {
      number = openGroupSeries(histogram.series, group, this.#options.histogramLabels, [], {}) * TIMES + time;
      this.#times.setSeries(row, number);
    }
    histogram.add(Math.floor(number / TIMES), this.#times.deltas);
  };

  readonly #close = (index: number): void => {
    const { targets, series } = this.#opened[index]!;
    for (const [i, { sum }] of targets.entries()) sum.series.close(series[i]!);
    this.#free.push(index);
  };

  #groupOf(id: number): Group {
    if (id === GROUP_OTHER) return this.#options.groups.other;
    this.#options.groups.changed(id);
    return this.#options.groups.get(id);
  }

  #openSum(sum: PendingSum, group: Group, own: Attributes): number {
    return openGroupSeries(sum.series, group, this.#options.labels, Object.values(own).map(String), own);
  }
}

const TIMES = Object.keys(TcpTime).length;
