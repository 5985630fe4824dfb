import type { Attributes } from 'bpflow/sdk';
import { ConnectErrorKey, FIRST_FLOW, NetKey, NetValue, Transport } from '../../../../bpf/net.gen.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { Counters, NO_SERIES } from '../../series/counters.ts';
import type { Group } from '../../series/groups.ts';
import { declareFact, isFed, type MetricFact } from '../../series/metric-fact.ts';
import { labelNames, type MapUsage, type MetricSource, openGroupSeries } from '../../series/metric-source.ts';
import { type PendingMetric, PendingSum, SeriesSet } from '../../series/series.ts';
import { syscallNames } from '../syscall-names.ts';
import { Connections } from './connections.ts';
import { Flows, NETWORK_LABEL_ATTRIBUTES, type NetworkLabel } from './flows.ts';
import {
  ACCEPTED,
  BYTES,
  CONNECTIONS,
  DIRECTION,
  ERROR,
  FAILED,
  OPENED,
  PACKETS,
  RESET,
  RETRANSMITS,
  TRANSPORT,
} from './metrics.ts';
import { TcpTimes, type TcpTimesOptions } from './times.ts';

export interface NetworkOptions extends TcpTimesOptions {
  readonly networkLabels: readonly NetworkLabel[];
  readonly idleTimeoutMs: number;
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
  readonly #kernel: Kernel;
  readonly #names = syscallNames(process.arch);
  readonly #traffic: Counters;
  readonly #errors: Counters;
  readonly #flows: Flows;
  readonly #times: TcpTimes;
  readonly #connections: Connections | undefined;
  /** By transport: a target for each counter, in the struct's order. */
  readonly #targets: ReadonlyMap<number, readonly Target[]>;
  readonly #failed: PendingSum;
  /** What a row of traffic has as its series is an index here. */
  readonly #opened: { readonly targets: readonly Target[]; readonly series: number[] }[] = [];
  readonly #free: number[] = [];
  #usage: readonly MapUsage[] = [];

  constructor(kernel: Kernel, options: NetworkOptions) {
    this.#options = options;
    this.#kernel = kernel;
    const { batch, interner, scope, networkLabels, idleTimeoutMs } = options;
    const counters = (name: string, count: number) =>
      new Counters(kernel.map('net', name)!, { counters: count, batch });
    this.#traffic = counters('traffic', NetValue.WORDS / 2);
    this.#errors = counters('connect_errors', 1);
    this.#flows = new Flows(kernel, { labels: networkLabels, idleTimeoutMs, batch });
    const flowLabels = Object.fromEntries(networkLabels.map((label) => [NETWORK_LABEL_ATTRIBUTES[label], label]));
    const labels = { ...labelNames(options.labels), ...flowLabels };
    const sum = (fact: MetricFact) => new PendingSum(declareFact(fact, kernel, labels), new SeriesSet(interner, scope));
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
    this.#times = new TcpTimes(kernel, options);
    this.#connections = isFed(CONNECTIONS, kernel) ? new Connections(kernel, options) : undefined;
    const ofTcp = isFed(OPENED, kernel)
      ? [...tcp, this.#failed, ...this.#times.metrics, ...(this.#connections?.metrics ?? [])]
      : [];
    this.metrics = [...(isFed(BYTES, kernel) ? [bytes, packets] : []), ...ofTcp];
  }

  collect(): void {
    const traffic = this.#traffic.collect(this.#onTraffic);
    const errors = this.#errors.collect(this.#onError);
    this.#times.collect();
    this.#connections?.collect();
    this.#usage = [
      { map: this.#traffic.map, entries: traffic },
      { map: this.#errors.map, entries: errors },
      ...(this.#options.networkLabels.length > 0 ? [this.#flows.usage] : []),
    ];
    if (!this.#kernel.walksLiving) return;
    const ended = this.#flows.retire(this.#options.groups.nowMs, this.#kernel.generation);
    if (ended.size > 0) this.#forget((flow) => ended.has(flow), NetKey.WORD.flow, ConnectErrorKey.WORD.flow);
  }

  get counters(): readonly Counters[] {
    return [this.#traffic, this.#errors, ...this.#times.counters];
  }

  forget(groups: ReadonlySet<number>): void {
    this.#forget((group) => groups.has(group), NetKey.WORD.group, ConnectErrorKey.WORD.group);
    this.#times.forget(groups);
    this.#connections?.forget(groups);
  }

  usage(): readonly MapUsage[] {
    return [...this.#usage, ...this.#times.usage(), ...(this.#connections?.usage() ?? [])];
  }

  #forget(chosen: (id: number) => boolean, trafficWord: number, errorWord: number): void {
    this.#traffic.forget(chosen, this.#close, trafficWord);
    this.#errors.forget(chosen, (series) => this.#failed.series.close(series), errorWord);
  }

  readonly #onTraffic = (row: number, key: Uint32Array, at: number): void => {
    const group = this.#options.groups.grown(key[at + NetKey.WORD.group]!);
    const flow = key[at + NetKey.WORD.flow]!;
    const told = this.#flows.grown(flow, this.#options.groups);
    const targets = this.#targets.get(flow < FIRST_FLOW ? flow : Transport.TRANSPORT_TCP);
    if (!group.counts || targets === undefined) return;
    let index = this.#traffic.seriesOf(row);
    if (index === NO_SERIES) {
      index = this.#free.pop() ?? this.#opened.length;
      const series = targets.map(({ sum, own }) => this.#openSum(sum, group, { ...own, ...told }));
      this.#opened[index] = { targets, series };
      this.#traffic.setSeries(row, index);
    }
    const { series } = this.#opened[index]!;
    for (const [i, { sum }] of targets.entries()) sum.add(series[i]!, this.#traffic.deltas[i]!);
  };

  readonly #onError = (row: number, key: Uint32Array, at: number): void => {
    const group = this.#options.groups.grown(key[at + ConnectErrorKey.WORD.group]!);
    const told = this.#flows.grown(key[at + ConnectErrorKey.WORD.flow]!, this.#options.groups);
    if (!group.counts) return;
    let series = this.#errors.seriesOf(row);
    if (series === NO_SERIES) {
      const error = key[at + ConnectErrorKey.WORD.error]!;
      const errno = error === 0 ? '_OTHER' : this.#names.errno(error);
      series = this.#openSum(this.#failed, group, { [ERROR]: errno, ...told });
      this.#errors.setSeries(row, series);
    }
    this.#failed.add(series, this.#errors.deltas[0]!);
  };

  readonly #close = (index: number): void => {
    const { targets, series } = this.#opened[index]!;
    for (const [i, { sum }] of targets.entries()) sum.series.close(series[i]!);
    this.#free.push(index);
  };

  #openSum(sum: PendingSum, group: Group, own: Attributes): number {
    return openGroupSeries(sum.series, group, this.#options.labels, own);
  }
}
