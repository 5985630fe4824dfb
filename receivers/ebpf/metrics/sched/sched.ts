import { WaitKey } from '../../../../bpf/sched.gen.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { FedSource, feedsOf, pendingHistogram } from '../../series/fed-source.ts';
import { timed } from '../../series/feed.ts';
import { HISTOGRAM_COUNTERS, type HistogramForm } from '../../series/histograms.ts';
import type { MetricFact } from '../../series/metric-fact.ts';
import type { MetricSource, SourceContext } from '../../series/metric-source.ts';
import { sampledTiming } from '../../series/sampling.ts';

export interface RunQueueOptions extends SourceContext {
  readonly histograms: HistogramForm;
  /** Whether the kernel keeps a histogram for each group. */
  readonly waitByGroup: boolean;
}

/** The wait on the run queue. */
export function runQueueSource(kernel: Kernel, options: RunQueueOptions): MetricSource {
  const wait = pendingHistogram(WAIT, kernel, options);
  const feed = feedsOf('sched', kernel, options);
  const waits = { counters: HISTOGRAM_COUNTERS, labels: options.histogramLabels, targets: [timed(wait)] };
  return new FedSource({
    metrics: [wait],
    bounded: options.waitByGroup ? [feed('waits', { ...waits, groupWord: WaitKey.WORD.group })] : [],
    // The one histogram of all tasks, or with histograms by group that of what found no room.
    others: [feed('all_waits', waits)],
  });
}

const WAIT: MetricFact = {
  definition: {
    name: 'ebpf.sched.runqueue.duration',
    unit: 'ns',
    otelUnit: 's',
    seedName: 'ebpf_runqueue_latency_ns',
    kind: 'histogram',
    description: 'Time from the moment a task could run (woken, new or preempted) to the moment it ran.',
    exactness: 'exact',
  },
  own: {},
  keys: ['collect_scheduler'],
  needs: ['sched_switch'],
  near: sampledTiming,
  exactWith: ['sched_wakeup', 'sched_wakeup_new'],
  maps: [
    { object: 'sched', map: 'waits', key: WaitKey.WORD },
    { object: 'sched', map: 'all_waits', key: { slot: 0 } },
  ],
};

/** Metrics of the run queue. */
export const RUN_QUEUE_FACTS: readonly MetricFact[] = [WAIT];
