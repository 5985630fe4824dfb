import { ConnectErrorKey, FIRST_FLOW, NetKey, NetValue, Transport } from '../../../../bpf/net.gen.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { Counters } from '../../series/counters.ts';
import { feedsOf, pendingSum } from '../../series/fed-source.ts';
import { counted, type Feed, type Target } from '../../series/feed.ts';
import { isFed, type MetricFact } from '../../series/metric-fact.ts';
import type { MapUsage, MetricSource } from '../../series/metric-source.ts';
import type { PendingMetric } from '../../series/pending.ts';
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
import { type TcpTimesOptions, tcpTimes } from './times.ts';

export interface NetworkOptions extends TcpTimesOptions {
  readonly networkLabels: readonly NetworkLabel[];
  readonly idleTimeoutMs: number;
}

/** What went over sockets, and how TCP connections began and ended. */
export class NetworkSource implements MetricSource {
  readonly metrics: readonly PendingMetric[];
  readonly #options: NetworkOptions;
  readonly #kernel: Kernel;
  readonly #traffic: Feed;
  readonly #errors: Feed;
  readonly #flows: Flows;
  readonly #times: MetricSource;
  readonly #connections: Connections | undefined;

  constructor(kernel: Kernel, options: NetworkOptions) {
    this.#options = options;
    this.#kernel = kernel;
    const { batch, groups, networkLabels, idleTimeoutMs } = options;
    const flows = new Flows(kernel, { labels: networkLabels, idleTimeoutMs, batch });
    const flowLabels = Object.fromEntries(networkLabels.map((label) => [NETWORK_LABEL_ATTRIBUTES[label], label]));
    const sum = (fact: MetricFact) => pendingSum(fact, kernel, options, flowLabels);
    const bytes = sum(BYTES);
    const packets = sum(PACKETS);
    const tcp = [sum(RETRANSMITS), sum(OPENED), sum(ACCEPTED), sum(RESET)];
    const failed = sum(FAILED);

    /** A target for each counter of `struct net_value`, in its order. */
    const trafficOf = (transport: string): readonly Target[] =>
      [packets, bytes].flatMap((each, i) =>
        ['transmit', 'receive'].map((direction, j) =>
          counted(each, { counter: i * 2 + j, own: { [DIRECTION]: direction, [TRANSPORT]: transport } }),
        ),
      );
    const targets: ReadonlyMap<number, readonly Target[]> = new Map([
      [Transport.TRANSPORT_TCP, [...trafficOf('tcp'), ...tcp.map((each, i) => counted(each, { counter: 4 + i }))]],
      [Transport.TRANSPORT_UDP, trafficOf('udp')],
      [Transport.TRANSPORT_UNIX, trafficOf('unix')],
    ]);
    const feed = feedsOf('net', kernel, options);
    const flowAt = (word: number) => (key: Uint32Array, at: number) => flows.grown(key[at + word]!, groups);
    this.#traffic = feed('traffic', {
      counters: NetValue.WORDS / 2,
      groupWord: NetKey.WORD.group,
      grown: flowAt(NetKey.WORD.flow),
      own: flowAt(NetKey.WORD.flow),
      targets: (key, at) => {
        const flow = key[at + NetKey.WORD.flow]!;
        return targets.get(flow < FIRST_FLOW ? flow : Transport.TRANSPORT_TCP) ?? [];
      },
    });
    const names = syscallNames(process.arch);
    const { group, flow, error } = ConnectErrorKey.WORD;
    this.#errors = feed('connect_errors', {
      counters: 1,
      groupWord: group,
      grown: flowAt(flow),
      own: (key, at) => ({
        [ERROR]: key[at + error] === 0 ? '_OTHER' : names.errno(key[at + error]!),
        ...flowAt(flow)(key, at),
      }),
      targets: [counted(failed)],
    });
    this.#flows = flows;
    this.#times = tcpTimes(kernel, options);
    this.#connections = isFed(CONNECTIONS, kernel) ? new Connections(kernel, options) : undefined;
    const ofTcp = isFed(OPENED, kernel)
      ? [...tcp, failed, ...this.#times.metrics, ...(this.#connections?.metrics ?? [])]
      : [];
    this.metrics = [...(isFed(BYTES, kernel) ? [bytes, packets] : []), ...ofTcp];
  }

  collect(): void {
    this.#traffic.collect();
    this.#errors.collect();
    this.#times.collect();
    this.#connections?.collect();
    if (!this.#kernel.walksLiving) return;
    const ended = this.#flows.retire(this.#options.groups.nowMs, this.#kernel.generation);
    if (ended.size === 0) return;
    this.#traffic.forget(ended, NetKey.WORD.flow);
    this.#errors.forget(ended, ConnectErrorKey.WORD.flow);
  }

  get counters(): readonly Counters[] {
    return [this.#traffic.counters, this.#errors.counters, ...(this.#times.counters ?? [])];
  }

  forget(groups: ReadonlySet<number>): void {
    this.#traffic.forget(groups);
    this.#errors.forget(groups);
    this.#times.forget(groups);
    this.#connections?.forget(groups);
  }

  usage(): readonly MapUsage[] {
    return [
      this.#traffic.usage,
      this.#errors.usage,
      ...(this.#options.networkLabels.length > 0 ? [this.#flows.usage] : []),
      ...this.#times.usage(),
      ...(this.#connections?.usage() ?? []),
    ];
  }
}
