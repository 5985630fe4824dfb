import { SYSCALL_ABI_SHIFT, SYSCALL_SLOTS_PER_ABI, SyscallErrorKey, SyscallKey } from '../../../bpf/syscall.gen.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { Counters, NO_SERIES } from '../series/counters.ts';
import type { Group } from '../series/groups.ts';
import { HISTOGRAM_COUNTERS, type HistogramForm, PendingHistogram } from '../series/histograms.ts';
import { declareFact, isFed, type MetricFact } from '../series/metric-fact.ts';
import {
  labelNames,
  type MapUsage,
  type MetricSource,
  openGroupSeries,
  type SourceContext,
} from '../series/metric-source.ts';
import { PendingSum, SeriesSet } from '../series/series.ts';
import { type SyscallNames, syscallNames } from './syscall-names.ts';

export interface SyscallOptions extends SourceContext {
  readonly histograms: HistogramForm;
  /** Whether the kernel keeps a histogram for each group. */
  readonly latencyByGroup: boolean;
}

/** System calls: count, errors and latency. */
export class SyscallSource implements MetricSource {
  readonly metrics: readonly (PendingSum | PendingHistogram)[];
  readonly #options: SyscallOptions;
  readonly #names: SyscallNames = syscallNames(process.arch);
  readonly #calls: Counters;
  readonly #otherCalls: Counters;
  readonly #errors: Counters;
  readonly #otherErrors: Counters;
  readonly #latencies: Counters;
  readonly #keyedLatencies: Counters;
  readonly #otherLatencies: Counters;
  readonly #count: PendingSum;
  readonly #failed: PendingSum;
  readonly #duration: PendingHistogram;
  #entries = { calls: 0, errors: 0, keyedLatencies: 0 };

  constructor(kernel: Kernel, options: SyscallOptions) {
    this.#options = options;
    const { batch, interner, scope, labels, histogramLabels, histograms } = options;
    const counters = (name: string, count: number) =>
      new Counters(kernel.map('syscall', name)!, { counters: count, batch });
    this.#calls = counters('syscalls', 1);
    this.#otherCalls = counters('other_syscalls', 1);
    this.#errors = counters('syscall_errors', 1);
    this.#otherErrors = counters('other_errors', 1);
    this.#latencies = counters('latencies', HISTOGRAM_COUNTERS);
    this.#keyedLatencies = counters('keyed_latencies', HISTOGRAM_COUNTERS);
    this.#otherLatencies = counters('other_latencies', HISTOGRAM_COUNTERS);
    const set = () => new SeriesSet(interner, scope);
    this.#count = new PendingSum(declareFact(COUNT, kernel, labelNames(labels)), set());
    this.#failed = new PendingSum(declareFact(ERRORS, kernel, labelNames(labels)), set());
    const ofHistograms = labelNames(histogramLabels);
    this.#duration = new PendingHistogram(declareFact(DURATION, kernel, ofHistograms), set(), histograms);
    this.metrics = [this.#count, this.#failed, ...(isFed(DURATION, kernel) ? [this.#duration] : [])];
  }

  collect(): void {
    this.#entries = {
      calls: this.#calls.collect(this.#onCall),
      errors: this.#errors.collect(this.#onError),
      keyedLatencies: this.#keyedLatencies.collect(this.#onKeyedLatency),
    };
    this.#otherCalls.collect(this.#onOtherCall);
    this.#otherErrors.collect(this.#onOtherError);
    if (!this.#options.latencyByGroup) this.#latencies.collect(this.#onLatency);
    this.#otherLatencies.collect(this.#onOtherLatency);
  }

  forget(groups: ReadonlySet<number>): void {
    const chosen = (group: number) => groups.has(group);
    this.#calls.forget(chosen, (series) => this.#count.series.close(series));
    this.#errors.forget(chosen, (series) => this.#failed.series.close(series));
    this.#keyedLatencies.forget(chosen, (series) => this.#duration.series.close(series));
  }

  get counters(): readonly Counters[] {
    return [
      this.#calls,
      this.#otherCalls,
      this.#errors,
      this.#otherErrors,
      this.#latencies,
      this.#keyedLatencies,
      this.#otherLatencies,
    ];
  }

  usage(): readonly MapUsage[] {
    return [
      { map: this.#calls.map, entries: this.#entries.calls },
      { map: this.#errors.map, entries: this.#entries.errors },
      { map: this.#keyedLatencies.map, entries: this.#entries.keyedLatencies },
    ];
  }

  readonly #onCall = (row: number, key: Uint32Array, at: number): void => {
    const group = this.#options.groups.grown(key[at + SyscallKey.WORD.group]!);
    if (group.counts) this.#addCall(this.#calls, row, group, this.#names.syscall(key[at + SyscallKey.WORD.syscall]!));
  };

  readonly #onOtherCall = (row: number, key: Uint32Array, at: number): void => {
    this.#addCall(this.#otherCalls, row, this.#options.groups.other, this.#slotName(key[at]!));
  };

  #addCall(counters: Counters, row: number, group: Group, name: string): void {
    let series = counters.seriesOf(row);
    if (series === NO_SERIES) {
      series = openGroupSeries(this.#count.series, group, this.#options.labels, [name], { [SYSCALL]: name });
      counters.setSeries(row, series);
    }
    this.#count.add(series, counters.deltas[0]!);
  }

  readonly #onError = (row: number, key: Uint32Array, at: number): void => {
    const group = this.#options.groups.grown(key[at + SyscallErrorKey.WORD.group]!);
    if (!group.counts) return;
    const name = this.#names.syscall(key[at + SyscallErrorKey.WORD.syscall]!);
    this.#addError(this.#errors, row, group, name, key[at + SyscallErrorKey.WORD.error]!);
  };

  readonly #onOtherError = (row: number, key: Uint32Array, at: number): void => {
    this.#addError(this.#otherErrors, row, this.#options.groups.other, 'other', key[at]!);
  };

  #addError(counters: Counters, row: number, group: Group, name: string, error: number): void {
    let series = counters.seriesOf(row);
    if (series === NO_SERIES) {
      const errno = this.#names.errno(error);
      const attributes = { [SYSCALL]: name, [ERROR]: errno };
      series = openGroupSeries(this.#failed.series, group, this.#options.labels, [name, errno], attributes);
      counters.setSeries(row, series);
    }
    this.#failed.add(series, counters.deltas[0]!);
  }

  /** Without groups: by the number of a native call. */
  readonly #onLatency = (row: number, key: Uint32Array, at: number): void => {
    this.#addLatency(this.#latencies, row, this.#options.groups.other, this.#names.syscall(key[at]!));
  };

  readonly #onKeyedLatency = (row: number, key: Uint32Array, at: number): void => {
    const group = this.#options.groups.get(key[at + SyscallKey.WORD.group]!);
    if (this.#options.latencyByGroup && !group.counts) return;
    const name = this.#names.syscall(key[at + SyscallKey.WORD.syscall]!);
    this.#addLatency(this.#keyedLatencies, row, group, name);
  };

  readonly #onOtherLatency = (row: number): void => {
    this.#addLatency(this.#otherLatencies, row, this.#options.groups.other, 'other');
  };

  #addLatency(counters: Counters, row: number, group: Group, name: string): void {
    let series = counters.seriesOf(row);
    if (series === NO_SERIES) {
      const { histogramLabels } = this.#options;
      series = openGroupSeries(this.#duration.series, group, histogramLabels, [name], { [SYSCALL]: name });
      counters.setSeries(row, series);
    }
    this.#duration.add(series, counters.deltas);
  }

  /** Slots of the overflow array: the numbers of each ABI, and a last one for those above. */
  #slotName(slot: number): string {
    const number = slot % SYSCALL_SLOTS_PER_ABI;
    if (number === SYSCALL_SLOTS_PER_ABI - 1) return 'other';
    return this.#names.syscall((Math.floor(slot / SYSCALL_SLOTS_PER_ABI) << SYSCALL_ABI_SHIFT) | number);
  }
}

const SYSCALL = 'ebpf.syscall.name';
const ERROR = 'error.type';

const NOT_CALLS = 'vDSO calls and io_uring operations are no system calls.';

const EXACT_WITH = ['task_newtask', 'process_exec', 'signal_deliver', 'process_exit'];
const NUMBER = { syscall: 0 };

const COUNT: MetricFact = {
  definition: {
    name: 'ebpf.syscall.count',
    unit: '{syscall}',
    seedName: 'ebpf_syscall_count',
    kind: 'counter',
    description: `System calls, each counted once when it ends, however often the kernel restarted it; ${NOT_CALLS}`,
    exactness: 'exact',
  },
  own: { [SYSCALL]: 'syscall' },
  keys: ['collect_syscalls'],
  needs: ['sys_exit'],
  exactWith: EXACT_WITH,
  maps: [
    { object: 'syscall', map: 'syscalls', key: SyscallKey.WORD },
    { object: 'syscall', map: 'other_syscalls', key: { slot: 0 } },
  ],
};

const ERRORS: MetricFact = {
  definition: {
    name: 'ebpf.syscall.errors',
    unit: '{error}',
    seedName: 'ebpf_syscall_errors',
    kind: 'counter',
    description: `System calls that failed, by the error's name; ${NOT_CALLS}`,
    exactness: 'exact',
  },
  own: { [SYSCALL]: 'syscall', [ERROR]: 'errno' },
  keys: ['collect_syscalls'],
  needs: ['sys_exit'],
  exactWith: EXACT_WITH,
  maps: [
    { object: 'syscall', map: 'syscall_errors', key: SyscallErrorKey.WORD },
    { object: 'syscall', map: 'other_errors', key: { error: 0 } },
  ],
};

const DURATION: MetricFact = {
  definition: {
    name: 'ebpf.syscall.duration',
    unit: 'ns',
    otelUnit: 's',
    seedName: 'ebpf_syscall_latency_ns',
    kind: 'histogram',
    description: `Time from the entry of a system call to its end, waiting included, for calls that return; ${NOT_CALLS}`,
    exactness: 'exact',
  },
  own: { [SYSCALL]: 'syscall' },
  keys: ['collect_syscalls', 'syscall_latency'],
  needs: ['sys_exit', 'sys_enter'],
  sampled: true,
  exactWith: EXACT_WITH,
  maps: [
    { object: 'syscall', map: 'latencies', key: NUMBER },
    { object: 'syscall', map: 'keyed_latencies', key: SyscallKey.WORD },
    { object: 'syscall', map: 'other_latencies', key: { slot: 0 } },
  ],
};

/** Metrics of system calls. */
export const SYSCALL_FACTS: readonly MetricFact[] = [COUNT, ERRORS, DURATION];
