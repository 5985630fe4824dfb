import { TcpTime, TcpTimeKey } from '../../../../bpf/net.gen.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { FedSource, feedsOf, pendingHistogram } from '../../series/fed-source.ts';
import { type Target, timed } from '../../series/feed.ts';
import { HISTOGRAM_COUNTERS, type HistogramForm } from '../../series/histograms.ts';
import type { MetricSource, SourceContext } from '../../series/metric-source.ts';
import { CONNECT, RTT } from './metrics.ts';

export interface TcpTimesOptions extends SourceContext {
  readonly histograms: HistogramForm;
  /** Whether the kernel keeps a histogram for each group. */
  readonly timesByGroup: boolean;
}

/** How long connecting took, and round-trip times, as histograms. */
export function tcpTimes(kernel: Kernel, options: TcpTimesOptions): MetricSource {
  const connect = pendingHistogram(CONNECT, kernel, options);
  const rtt = pendingHistogram(RTT, kernel, options);
  const targets: ReadonlyMap<number, readonly Target[]> = new Map([
    [TcpTime.TCP_CONNECT, [timed(connect)]],
    [TcpTime.TCP_RTT, [timed(rtt)]],
  ]);
  const feed = feedsOf('net', kernel, options);
  const timesAt = (word: number) => ({
    counters: HISTOGRAM_COUNTERS,
    labels: options.histogramLabels,
    targets: (key: Uint32Array, at: number) => targets.get(key[at + word]!) ?? [],
  });
  const { group, time } = TcpTimeKey.WORD;
  return new FedSource({
    metrics: [connect, rtt],
    bounded: options.timesByGroup ? [feed('tcp_times', { ...timesAt(time), groupWord: group })] : [],
    others: [feed('all_tcp_times', timesAt(0))],
  });
}
