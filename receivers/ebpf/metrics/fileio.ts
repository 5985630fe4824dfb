import { FileErrorKey, FileLatencyKey, FileOperation } from '../../../bpf/fileio.gen.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { Counters, NO_SERIES } from '../series/counters.ts';
import type { Group } from '../series/groups.ts';
import { HISTOGRAM_COUNTERS, type HistogramForm, PendingHistogram } from '../series/histograms.ts';
import { declareFact, GROUP_WORD, isFed, type MetricFact } from '../series/metric-fact.ts';
import {
  labelNames,
  type MapUsage,
  type MetricSource,
  openGroupSeries,
  type SourceContext,
} from '../series/metric-source.ts';
import { PendingSum, SeriesSet } from '../series/series.ts';
import { syscallNames } from './syscall-names.ts';

export interface FileOptions extends SourceContext {
  readonly histograms: HistogramForm;
  /** Whether opens are counted and calls timed. */
  readonly operations: boolean;
  /** Whether bytes of regular files are counted. */
  readonly regularFiles: boolean;
  /** Whether the kernel keeps a histogram for each group. */
  readonly latencyByGroup: boolean;
}

/** Calls on files: opens and their errors, latency by operation, and on request the bytes of regular files alone. */
export class FileSource implements MetricSource {
  readonly metrics: readonly (PendingSum | PendingHistogram)[];
  readonly #options: FileOptions;
  readonly #names = syscallNames(process.arch);
  readonly #files: Counters;
  readonly #otherFiles: Counters;
  readonly #errors: Counters;
  readonly #otherErrors: Counters;
  readonly #latencies: Counters;
  readonly #allLatencies: Counters;
  /** Sums that each group has one series of, with the counter of `struct file_value` that they grow by. */
  readonly #sums: readonly { readonly counter: number; readonly sum: PendingSum }[];
  /** Those series by group; rows of `files` have the group's id as their series. */
  readonly #opened = new Map<number, readonly number[]>();
  readonly #failed: PendingSum;
  readonly #duration: PendingHistogram;
  #entries = { files: 0, errors: 0, latencies: 0 };

  constructor(kernel: Kernel, options: FileOptions) {
    this.#options = options;
    const { batch, interner, scope, histograms, operations, regularFiles } = options;
    const counters = (name: string, count: number) =>
      new Counters(kernel.map('fileio', name)!, { counters: count, batch });
    this.#files = counters('files', VALUE_COUNTERS);
    this.#otherFiles = counters('other_files', VALUE_COUNTERS);
    this.#errors = counters('file_errors', 1);
    this.#otherErrors = counters('other_file_errors', 1);
    this.#latencies = counters('file_latencies', HISTOGRAM_COUNTERS);
    this.#allLatencies = counters('all_file_latencies', HISTOGRAM_COUNTERS);
    const labels = labelNames(options.labels);
    const set = () => new SeriesSet(interner, scope);
    const sum = (fact: MetricFact) => new PendingSum(declareFact(fact, kernel, labels), set());
    const isFollowed = regularFiles && isFed(REGULAR_READ, kernel);
    this.#sums = [
      ...(operations ? [{ counter: 1, sum: sum(OPENS) }] : []),
      ...(isFollowed ? [{ counter: 2, sum: sum(REGULAR_READ) }] : []),
      ...(isFollowed ? [{ counter: 3, sum: sum(REGULAR_WRITTEN) }] : []),
    ];
    this.#failed = sum(OPEN_ERRORS);
    const ofHistograms = labelNames(options.histogramLabels);
    this.#duration = new PendingHistogram(declareFact(DURATION, kernel, ofHistograms), set(), histograms);
    this.metrics = [
      ...this.#sums.map(({ sum }) => sum),
      ...(operations ? [this.#failed] : []),
      ...(operations && isFed(DURATION, kernel) ? [this.#duration] : []),
    ];
  }

  collect(): void {
    this.#entries = {
      files: this.#files.collect(this.#onFile),
      errors: this.#errors.collect(this.#onError),
      latencies: this.#latencies.collect(this.#onLatency),
    };
    this.#otherFiles.collect((row) => this.#addFile(this.#otherFiles, row, this.#options.groups.other));
    this.#otherErrors.collect(this.#onOtherError);
    this.#allLatencies.collect(this.#onAllLatencies);
  }

  forget(groups: ReadonlySet<number>): void {
    const chosen = (group: number) => groups.has(group);
    this.#files.forget(chosen, (group) => {
      for (const [i, series] of (this.#opened.get(group) ?? []).entries()) this.#sums[i]!.sum.series.close(series);
      this.#opened.delete(group);
    });
    this.#errors.forget(chosen, (series) => this.#failed.series.close(series));
    this.#latencies.forget(chosen, (series) => this.#duration.series.close(series));
  }

  get counters(): readonly Counters[] {
    return [this.#files, this.#otherFiles, this.#errors, this.#otherErrors, this.#latencies, this.#allLatencies];
  }

  usage(): readonly MapUsage[] {
    return [
      { map: this.#files.map, entries: this.#entries.files },
      { map: this.#errors.map, entries: this.#entries.errors },
      ...(this.#options.latencyByGroup ? [{ map: this.#latencies.map, entries: this.#entries.latencies }] : []),
    ];
  }

  readonly #onFile = (row: number, key: Uint32Array, at: number): void => {
    const group = this.#options.groups.grown(key[at]!);
    if (group.counts) this.#addFile(this.#files, row, group);
  };

  #addFile(counters: Counters, row: number, group: Group): void {
    let opened = this.#opened.get(group.id);
    if (opened === undefined) {
      opened = this.#sums.map(({ sum }) => openGroupSeries(sum.series, group, this.#options.labels, [], {}));
      this.#opened.set(group.id, opened);
      counters.setSeries(row, group.id);
    }
    for (const [i, { sum, counter }] of this.#sums.entries()) sum.add(opened[i]!, counters.deltas[counter]!);
  }

  readonly #onError = (row: number, key: Uint32Array, at: number): void => {
    const group = this.#options.groups.grown(key[at + FileErrorKey.WORD.group]!);
    if (group.counts) this.#addError(this.#errors, row, group, key[at + FileErrorKey.WORD.error]!);
  };

  readonly #onOtherError = (row: number, key: Uint32Array, at: number): void => {
    this.#addError(this.#otherErrors, row, this.#options.groups.other, key[at]!);
  };

  #addError(counters: Counters, row: number, group: Group, error: number): void {
    let series = counters.seriesOf(row);
    if (series === NO_SERIES) {
      const errno = this.#names.errno(error);
      series = openGroupSeries(this.#failed.series, group, this.#options.labels, [errno], { [ERROR]: errno });
      counters.setSeries(row, series);
    }
    this.#failed.add(series, counters.deltas[0]!);
  }

  readonly #onLatency = (row: number, key: Uint32Array, at: number): void => {
    const group = this.#options.groups.grown(key[at + FileLatencyKey.WORD.group]!);
    if (group.counts) this.#addLatency(this.#latencies, row, group, key[at + FileLatencyKey.WORD.operation]!);
  };

  readonly #onAllLatencies = (row: number, key: Uint32Array, at: number): void => {
    this.#addLatency(this.#allLatencies, row, this.#options.groups.other, key[at]!);
  };

  #addLatency(counters: Counters, row: number, group: Group, number: number): void {
    let series = counters.seriesOf(row);
    if (series === NO_SERIES) {
      const operation = OPERATIONS.get(number) ?? 'other';
      const { histogramLabels } = this.#options;
      const attributes = { [OPERATION]: operation };
      series = openGroupSeries(this.#duration.series, group, histogramLabels, [operation], attributes);
      counters.setSeries(row, series);
    }
    this.#duration.add(series, counters.deltas);
  }
}

/** Counters of `struct file_value`: calls, opens, bytes read, bytes written. */
const VALUE_COUNTERS = 4;

const ERROR = 'error.type';
const OPERATION = 'ebpf.file.operation';

/** Names of operations on the page. */
const OPERATIONS: ReadonlyMap<number, string> = new Map([
  [FileOperation.FILE_READ, 'read'],
  [FileOperation.FILE_WRITE, 'write'],
  [FileOperation.FILE_SYNC, 'fsync'],
  [FileOperation.FILE_OPEN, 'open'],
  [FileOperation.FILE_SEND, 'sendfile'],
  [FileOperation.FILE_COPY, 'copy'],
]);

const NOT_CALLS = 'io_uring and what the kernel opens itself (an executed program) are not in it.';

const EXACT_WITH = ['task_newtask', 'process_exec'];
const FILES: MetricFact['maps'] = [
  { object: 'fileio', map: 'files', key: GROUP_WORD },
  { object: 'fileio', map: 'other_files', key: { slot: 0 } },
];

const OPENS: MetricFact = {
  definition: {
    name: 'ebpf.file.open.count',
    unit: '{open}',
    seedName: 'ebpf_file_open_count',
    kind: 'counter',
    description: `Calls of open, openat, openat2, creat and open_by_handle_at that ended, failed ones included; those that a signal interrupted, ${NOT_CALLS}`,
    exactness: 'exact',
  },
  own: {},
  keys: ['collect_file_io', 'file_operations'],
  needs: ['file_exit'],
  exactWith: EXACT_WITH,
  maps: FILES,
};

const OPEN_ERRORS: MetricFact = {
  definition: {
    name: 'ebpf.file.open.errors',
    unit: '{error}',
    seedName: 'ebpf_file_open_errors',
    kind: 'counter',
    description: "Opens that failed, by the error's name.",
    exactness: 'exact',
  },
  own: { [ERROR]: 'errno' },
  keys: ['collect_file_io', 'file_operations'],
  needs: ['file_exit'],
  exactWith: EXACT_WITH,
  maps: [
    { object: 'fileio', map: 'file_errors', key: FileErrorKey.WORD },
    { object: 'fileio', map: 'other_file_errors', key: { error: 0 } },
  ],
};

const REGULAR = 'sendfile and copy_file_range included; mapped memory, splice and io_uring are not in it.';

const REGULAR_READ: MetricFact = {
  definition: {
    name: 'ebpf.file.regular.read.io',
    unit: 'By',
    seedName: 'ebpf_file_regular_read_bytes',
    kind: 'counter',
    description: `Bytes that calls read from regular files, page cache, ${REGULAR}`,
    exactness: 'exact',
  },
  own: {},
  keys: ['collect_file_io', 'regular_files'],
  needs: ['file_exit', 'file_enter'],
  exactWith: EXACT_WITH,
  maps: FILES,
};

const REGULAR_WRITTEN: MetricFact = {
  definition: {
    name: 'ebpf.file.regular.write.io',
    unit: 'By',
    seedName: 'ebpf_file_regular_write_bytes',
    kind: 'counter',
    description:
      'Bytes that calls wrote to regular files, page cache and copy_file_range included; what sendfile, splice, io_uring and mapped memory write is not in it.',
    exactness: 'exact',
  },
  own: {},
  keys: ['collect_file_io', 'regular_files'],
  needs: ['file_exit', 'file_enter'],
  exactWith: EXACT_WITH,
  maps: FILES,
};

const DURATION: MetricFact = {
  definition: {
    name: 'ebpf.file.operation.duration',
    unit: 'ns',
    otelUnit: 's',
    seedName: 'ebpf_file_io_latency_ns',
    kind: 'histogram',
    description:
      'Time that calls on regular files took, and opens of any kind, from entry to end; io_uring and mapped memory are not in it.',
    exactness: 'exact',
  },
  own: { [OPERATION]: 'operation' },
  keys: ['collect_file_io', 'file_operations'],
  needs: ['file_exit', 'file_enter'],
  sampled: true,
  exactWith: EXACT_WITH,
  maps: [
    { object: 'fileio', map: 'file_latencies', key: FileLatencyKey.WORD },
    { object: 'fileio', map: 'all_file_latencies', key: { operation: 0 } },
  ],
};

/** Metrics of calls on files. */
export const FILE_FACTS: readonly MetricFact[] = [OPENS, OPEN_ERRORS, DURATION, REGULAR_READ, REGULAR_WRITTEN];
