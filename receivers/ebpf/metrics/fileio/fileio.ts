import { FileErrorKey, FileLatencyKey, FileOperation } from '../../../../bpf/fileio.gen.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { FedSource, feedsOf, pendingHistogram, pendingSum } from '../../series/fed-source.ts';
import { counted, timed } from '../../series/feed.ts';
import { HISTOGRAM_COUNTERS, type HistogramForm } from '../../series/histograms.ts';
import { GROUP_WORD, isFed, type MetricFact } from '../../series/metric-fact.ts';
import type { MetricSource, SourceContext } from '../../series/metric-source.ts';
import { sampledTiming } from '../../series/sampling.ts';
import { syscallNames } from '../syscall-names.ts';

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
export function fileSource(kernel: Kernel, options: FileOptions): MetricSource {
  const { operations, regularFiles, latencyByGroup, histogramLabels } = options;
  const names = syscallNames(process.arch);
  const sum = (fact: MetricFact) => pendingSum(fact, kernel, options);
  const opens = operations ? [sum(OPENS)] : [];
  const followed = regularFiles && isFed(REGULAR_READ, kernel) ? [sum(REGULAR_READ), sum(REGULAR_WRITTEN)] : [];
  const failed = sum(OPEN_ERRORS);
  const duration = pendingHistogram(DURATION, kernel, options);
  const feed = feedsOf('fileio', kernel, options);

  const files = {
    counters: VALUE_COUNTERS,
    targets: [
      ...opens.map((each) => counted(each, { counter: OPENED })),
      ...followed.map((each, i) => counted(each, { counter: READ + i })),
    ],
  };
  const errors = { counters: 1, targets: [counted(failed)] };
  const latencies = { counters: HISTOGRAM_COUNTERS, labels: histogramLabels, targets: [timed(duration)] };
  const errorAt = (word: number) => (key: Uint32Array, at: number) => ({ [ERROR]: names.errno(key[at + word]!) });
  const operationAt = (word: number) => (key: Uint32Array, at: number) => ({
    [OPERATION]: OPERATIONS.get(key[at + word]!) ?? 'other',
  });
  const { group, operation } = FileLatencyKey.WORD;
  return new FedSource({
    metrics: [
      ...opens,
      ...followed,
      ...(operations ? [failed] : []),
      ...(operations && isFed(DURATION, kernel) ? [duration] : []),
    ],
    bounded: [
      feed('files', { ...files, groupWord: GROUP_WORD.group }),
      feed('file_errors', { ...errors, groupWord: FileErrorKey.WORD.group, own: errorAt(FileErrorKey.WORD.error) }),
      ...(latencyByGroup
        ? [feed('file_latencies', { ...latencies, groupWord: group, own: operationAt(operation) })]
        : []),
    ],
    others: [
      feed('other_files', files),
      feed('other_file_errors', { ...errors, own: errorAt(0) }),
      feed('all_file_latencies', { ...latencies, own: operationAt(0) }),
    ],
  });
}

/** Counters of `struct file_value`: calls, opens, bytes read, bytes written. */
const VALUE_COUNTERS = 4;
const OPENED = 1;
const READ = 2;

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
  near: sampledTiming,
  exactWith: EXACT_WITH,
  maps: [
    { object: 'fileio', map: 'file_latencies', key: FileLatencyKey.WORD },
    { object: 'fileio', map: 'all_file_latencies', key: { operation: 0 } },
  ],
};

/** Metrics of calls on files. */
export const FILE_FACTS: readonly MetricFact[] = [OPENS, OPEN_ERRORS, DURATION, REGULAR_READ, REGULAR_WRITTEN];
