import type { MetricDefinition } from 'bpflow/sdk';
import { GroupTotals } from '../../bpf/process.gen.ts';
import { WaitKey } from '../../bpf/sched.gen.ts';
import { Counters, NO_SERIES } from './counters.ts';
import type { Group, Groups } from './groups.ts';
import { HISTOGRAM_COUNTERS, type HistogramForm, PendingHistogram } from './histograms.ts';
import type { Kernel } from './kernel.ts';
import {
  declare,
  labelNames,
  type MapUsage,
  type MetricSource,
  openGroupSeries,
  type SourceContext,
} from './metric-source.ts';
import { PendingSum, SeriesSet } from './series.ts';

export interface TotalsOptions extends SourceContext {
  /** Whether run time and switches are handed on; the totals are read in any case, because they tell which groups live. */
  readonly metrics: boolean;
}

/** What the kernel counts itself and is credited to groups: run time and context switches. */
export class TotalsSource implements MetricSource {
  readonly metrics: readonly PendingSum[];
  readonly #groups: Groups;
  readonly #options: TotalsOptions;
  readonly #totals: Counters;
  readonly #runtime: PendingSum;
  readonly #switches: PendingSum;
  /** The two series of switches of each series of run time. */
  readonly #switchSeries = new Map<number, readonly [voluntary: number, involuntary: number]>();
  #entries = 0;

  constructor(kernel: Kernel, options: TotalsOptions) {
    const { batch, groups, interner, scope, labels } = options;
    this.#options = options;
    this.#groups = groups;
    this.#totals = new Counters(kernel.map('process', 'totals')!, { counters: COUNTED, batch });
    const lost = kernel.lostOf('task_newtask', 'process_exec', 'process_free', 'process_leave');
    this.#runtime = new PendingSum(
      declare({ ...RUNTIME, attributes: labelNames(labels) }, lost),
      new SeriesSet(interner, scope),
    );
    this.#switches = new PendingSum(
      declare({ ...SWITCHES, attributes: { ...labelNames(labels), [TYPE]: 'type' } }, lost),
      new SeriesSet(interner, scope),
    );
    this.metrics = options.metrics ? [this.#runtime, this.#switches] : [];
  }

  collect(): void {
    this.#entries = this.#totals.collect(this.#onGroup);
    const { keys, values, entryWords } = this.#totals.buffer;
    for (let entry = 0; entry < this.#entries; entry++) {
      const id = keys[entry]!;
      this.#groups.get(id);
      this.#groups.alive(id, values[entry * entryWords + GroupTotals.WORD.live]!);
    }
  }

  forget(groups: ReadonlySet<number>): void {
    this.#totals.forget(
      (group) => groups.has(group),
      (series) => this.#close(series),
    );
  }

  usage(): readonly MapUsage[] {
    return [{ map: this.#totals.map, entries: this.#entries }];
  }

  readonly #onGroup = (row: number, key: Uint32Array, at: number): void => {
    const id = key[at]!;
    const group = this.#groups.get(id);
    this.#groups.changed(id);
    if (!this.#options.metrics || !group.counts) return;
    let series = this.#totals.seriesOf(row);
    if (series === NO_SERIES) {
      series = this.#open(group);
      this.#totals.setSeries(row, series);
    }
    const [voluntary, involuntary] = this.#switchSeries.get(series)!;
    this.#runtime.add(series, this.#totals.deltas[0]!);
    this.#switches.add(voluntary, this.#totals.deltas[1]!);
    this.#switches.add(involuntary, this.#totals.deltas[2]!);
  };

  #open(group: Group): number {
    const { labels } = this.#options;
    const ofType = (type: string) => openGroupSeries(this.#switches.series, group, labels, [type], { [TYPE]: type });
    const series = openGroupSeries(this.#runtime.series, group, labels, [], {});
    this.#switchSeries.set(series, [ofType('voluntary'), ofType('involuntary')]);
    return series;
  }

  #close(series: number): void {
    for (const each of this.#switchSeries.get(series)!) this.#switches.series.close(each);
    this.#runtime.series.close(series);
    if (this.#runtime.series.ended.has(series)) this.#switchSeries.delete(series);
  }
}

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
    const lost = kernel.lostOf('sched_wakeup', 'sched_wakeup_new');
    this.#wait = new PendingHistogram(
      declare({ ...WAIT, attributes: labelNames(histogramLabels) }, lost),
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

  usage(): readonly MapUsage[] {
    return this.#options.waitByGroup ? [{ map: this.#waits.map, entries: this.#entries }] : [];
  }

  readonly #onWait = (row: number, key: Uint32Array, at: number): void => {
    const id = key[at + WaitKey.WORD.group]!;
    const group = this.#options.groups.get(id);
    this.#options.groups.changed(id);
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

const TYPE = 'process.context_switch.type';

/** Counters at the start of `struct group_totals`: run time, voluntary and involuntary switches. */
const COUNTED = 3;

const RUNTIME: Omit<MetricDefinition, 'attributes'> = {
  name: 'ebpf.process.runtime',
  unit: 'ns',
  otelUnit: 's',
  seedName: 'ebpf_process_runtime_ns',
  kind: 'counter',
  description:
    "Time on a CPU by the scheduler's own account, user and kernel mode together; the slice that a task is in the middle of comes with the next collection.",
  exactness: 'exact',
};

const SWITCHES: Omit<MetricDefinition, 'attributes'> = {
  name: 'ebpf.context_switches',
  unit: '{context_switch}',
  seedName: 'ebpf_context_switches',
  kind: 'counter',
  description:
    "Times that a task left its CPU, by the kernel's own account: voluntary to wait, involuntary when it was preempted.",
  exactness: 'exact',
};

const WAIT: Omit<MetricDefinition, 'attributes'> = {
  name: 'ebpf.sched.runqueue.duration',
  unit: 'ns',
  otelUnit: 's',
  seedName: 'ebpf_runqueue_latency_ns',
  kind: 'histogram',
  description: 'Time from the moment a task could run (woken, new or preempted) to the moment it ran.',
  exactness: 'exact',
};

/** The metrics of the scheduler, with the labels that they have besides those of groups. */
export const SCHEDULER_METRICS: readonly MetricDefinition[] = [
  { ...RUNTIME, attributes: {} },
  { ...SWITCHES, attributes: { [TYPE]: 'type' } },
  { ...WAIT, attributes: {} },
];
