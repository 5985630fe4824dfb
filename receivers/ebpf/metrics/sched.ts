import { WaitKey } from '../../../bpf/sched.gen.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { Counters, NO_SERIES } from '../series/counters.ts';
import type { Group } from '../series/groups.ts';
import { HISTOGRAM_COUNTERS, type HistogramForm, PendingHistogram } from '../series/histograms.ts';
import { declareFact, type MetricFact } from '../series/metric-fact.ts';
import {
  labelNames,
  type MapUsage,
  type MetricSource,
  openGroupSeries,
  type SourceContext,
} from '../series/metric-source.ts';
import { SeriesSet } from '../series/series.ts';

export interface RunQueueOptions extends SourceContext {
  readonly histograms: HistogramForm;
  /** Whether the kernel keeps a histogram for each group. */
  readonly waitByGroup: boolean;
}

/** The wait on the run queue. */
export class RunQueueSource implements MetricSource {
  readonly metrics: readonly PendingHistogram[];
  readonly #options: RunQueueOptions;
  readonly #waits: Counters;
  readonly #allWaits: Counters;
  readonly #wait: PendingHistogram;
  #entries = 0;

  constructor(kernel: Kernel, options: RunQueueOptions) {
    const { batch, interner, scope, histogramLabels, histograms } = options;
    this.#options = options;
    this.#waits = new Counters(kernel.map('sched', 'waits')!, { counters: HISTOGRAM_COUNTERS, batch });
    this.#allWaits = new Counters(kernel.map('sched', 'all_waits')!, { counters: HISTOGRAM_COUNTERS, batch });
    this.#wait = new PendingHistogram(
      declareFact(WAIT, kernel, labelNames(histogramLabels)),
      new SeriesSet(interner, scope),
      histograms,
    );
    this.metrics = [this.#wait];
  }

  collect(): void {
    this.#entries = this.#waits.collect(this.#onWait);
    this.#allWaits.collect(this.#onAllWaits);
  }

  forget(groups: ReadonlySet<number>): void {
    this.#waits.forget(
      (group) => groups.has(group),
      (series) => this.#wait.series.close(series),
    );
  }

  get counters(): readonly Counters[] {
    return [this.#waits, this.#allWaits];
  }

  usage(): readonly MapUsage[] {
    return this.#options.waitByGroup ? [{ map: this.#waits.map, entries: this.#entries }] : [];
  }

  readonly #onWait = (row: number, key: Uint32Array, at: number): void => {
    const group = this.#options.groups.grown(key[at + WaitKey.WORD.group]!);
    if (group.counts) this.#add(this.#waits, row, group);
  };

  /** The one histogram of all tasks, or with histograms by group that of what found no room. */
  readonly #onAllWaits = (row: number): void => {
    this.#add(this.#allWaits, row, this.#options.groups.other);
  };

  #add(counters: Counters, row: number, group: Group): void {
    let series = counters.seriesOf(row);
    if (series === NO_SERIES) {
      series = openGroupSeries(this.#wait.series, group, this.#options.histogramLabels, [], {});
      counters.setSeries(row, series);
    }
    this.#wait.add(series, counters.deltas);
  }
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
  sampled: true,
  exactWith: ['sched_wakeup', 'sched_wakeup_new'],
  maps: [
    { object: 'sched', map: 'waits', key: WaitKey.WORD },
    { object: 'sched', map: 'all_waits', key: { slot: 0 } },
  ],
};

/** Metrics of the run queue. */
export const RUN_QUEUE_FACTS: readonly MetricFact[] = [WAIT];
