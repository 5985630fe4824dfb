import { SYSCALL_ABI_SHIFT, SYSCALL_SLOTS_PER_ABI, SyscallErrorKey, SyscallKey } from '../../../../bpf/syscall.gen.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { FedSource, feedsOf, pendingHistogram, pendingSum } from '../../series/fed-source.ts';
import { counted, timed } from '../../series/feed.ts';
import { HISTOGRAM_COUNTERS, type HistogramForm } from '../../series/histograms.ts';
import { isFed, type MetricFact } from '../../series/metric-fact.ts';
import type { MetricSource, SourceContext } from '../../series/metric-source.ts';
import { sampledTiming } from '../../series/sampling.ts';
import { syscallNames } from '../syscall-names.ts';

export interface SyscallOptions extends SourceContext {
  readonly histograms: HistogramForm;
  /** Whether the kernel keeps a histogram for each group. */
  readonly latencyByGroup: boolean;
}

/** System calls: count, errors and latency. */
export function syscallSource(kernel: Kernel, options: SyscallOptions): MetricSource {
  const names = syscallNames(process.arch);
  const count = pendingSum(COUNT, kernel, options);
  const failed = pendingSum(ERRORS, kernel, options);
  const duration = pendingHistogram(DURATION, kernel, options);
  const feed = feedsOf('syscall', kernel, options);

  const calls = { counters: 1, targets: [counted(count)] };
  const errors = { counters: 1, targets: [counted(failed)] };
  const latencies = { counters: HISTOGRAM_COUNTERS, labels: options.histogramLabels, targets: [timed(duration)] };
  const callAt = (word: number) => (key: Uint32Array, at: number) => ({ [SYSCALL]: names.syscall(key[at + word]!) });
  /** Slots of the overflow array: the numbers of each ABI, and a last one for those above. */
  const ofSlot = (slot: number) => {
    const number = slot % SYSCALL_SLOTS_PER_ABI;
    if (number === SYSCALL_SLOTS_PER_ABI - 1) return 'other';
    return names.syscall((Math.floor(slot / SYSCALL_SLOTS_PER_ABI) << SYSCALL_ABI_SHIFT) | number);
  };
  const { WORD } = SyscallErrorKey;
  return new FedSource({
    metrics: [count, failed, ...(isFed(DURATION, kernel) ? [duration] : [])],
    bounded: [
      feed('syscalls', { ...calls, groupWord: SyscallKey.WORD.group, own: callAt(SyscallKey.WORD.syscall) }),
      feed('syscall_errors', {
        ...errors,
        groupWord: WORD.group,
        own: (key, at) => ({
          [SYSCALL]: names.syscall(key[at + WORD.syscall]!),
          [ERROR]: names.errno(key[at + WORD.error]!),
        }),
      }),
      feed('keyed_latencies', { ...latencies, groupWord: SyscallKey.WORD.group, own: callAt(SyscallKey.WORD.syscall) }),
    ],
    others: [
      feed('other_syscalls', { ...calls, own: (key, at) => ({ [SYSCALL]: ofSlot(key[at]!) }) }),
      feed('other_errors', { ...errors, own: (key, at) => ({ [SYSCALL]: 'other', [ERROR]: names.errno(key[at]!) }) }),
      // Without groups: by the number of a native call.
      ...(options.latencyByGroup ? [] : [feed('latencies', { ...latencies, own: callAt(0) })]),
      feed('other_latencies', { ...latencies, own: () => ({ [SYSCALL]: 'other' }) }),
    ],
  });
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
  near: sampledTiming,
  exactWith: EXACT_WITH,
  maps: [
    { object: 'syscall', map: 'latencies', key: NUMBER },
    { object: 'syscall', map: 'keyed_latencies', key: SyscallKey.WORD },
    { object: 'syscall', map: 'other_latencies', key: { slot: 0 } },
  ],
};

/** Metrics of system calls. */
export const SYSCALL_FACTS: readonly MetricFact[] = [COUNT, ERRORS, DURATION];
