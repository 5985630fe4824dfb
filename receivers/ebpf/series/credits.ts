import type { Attributes } from 'bpflow/sdk';
import { GROUP_WORD, type MetricFact } from './metric-fact.ts';
import { nearResident } from './near-resident.ts';

/** What can be asked for of the numbers that the kernel keeps for each task. */
export type Subject = 'scheduler' | 'file' | 'memory';

/** A counter of `struct group_totals`, in its order, and the series that it feeds. */
export interface Credit {
  readonly subject: Subject;
  readonly fact: MetricFact;
  /** What tells its series from the others of the metric. */
  readonly own: Attributes;
}

const SWITCH = 'process.context_switch.type';
const FAULT = 'system.paging.fault.type';

const EXACT_WITH = [
  'task_newtask',
  'process_exec',
  'process_free',
  'process_leave',
  'process_end',
  'living',
  'user_change',
];
const TOTALS: MetricFact['maps'] = [{ object: 'process', map: 'totals', key: GROUP_WORD }];

const RUNTIME: MetricFact = {
  definition: {
    name: 'ebpf.process.runtime',
    unit: 'ns',
    otelUnit: 's',
    seedName: 'ebpf_process_runtime_ns',
    kind: 'counter',
    description:
      "Time on a CPU by the scheduler's own account, user and kernel mode together; the slice that a task is in the middle of comes with the next collection.",
    exactness: 'exact',
  },
  own: {},
  keys: ['collect_scheduler'],
  needs: [],
  perEvent: ['process_leave'],
  exactWith: EXACT_WITH,
  maps: TOTALS,
};

const SWITCHES: MetricFact = {
  definition: {
    name: 'ebpf.context_switches',
    unit: '{context_switch}',
    seedName: 'ebpf_context_switches',
    kind: 'counter',
    description:
      "Times that a task left its CPU, by the kernel's own account: voluntary to wait, involuntary when it was preempted.",
    exactness: 'exact',
  },
  own: { [SWITCH]: 'type' },
  keys: ['collect_scheduler'],
  needs: [],
  perEvent: ['process_leave'],
  exactWith: EXACT_WITH,
  maps: TOTALS,
};

const CALLS = 'sockets and pipes included; io_uring and mapped memory are not in it.';

const READ: MetricFact = {
  definition: {
    name: 'ebpf.file.read.io',
    unit: 'By',
    seedName: 'ebpf_file_read_bytes',
    kind: 'counter',
    description: `Bytes that read calls returned, by the kernel's account of each task (rchar), page cache, ${CALLS}`,
    exactness: 'exact',
  },
  own: {},
  keys: ['collect_file_io'],
  needs: [],
  perEvent: ['process_leave'],
  exactWith: EXACT_WITH,
  maps: TOTALS,
};

const WRITTEN: MetricFact = {
  definition: {
    name: 'ebpf.file.write.io',
    unit: 'By',
    seedName: 'ebpf_file_write_bytes',
    kind: 'counter',
    description: `Bytes that write calls took, by the kernel's account of each task (wchar), page cache, ${CALLS}`,
    exactness: 'exact',
  },
  own: {},
  keys: ['collect_file_io'],
  needs: [],
  perEvent: ['process_leave'],
  exactWith: EXACT_WITH,
  maps: TOTALS,
};

const FAULTS: MetricFact = {
  definition: {
    name: 'ebpf.paging.faults',
    unit: '{fault}',
    seedName: 'ebpf_page_faults',
    kind: 'counter',
    description:
      "Page faults by the kernel's account of each task: major ones had to wait for a device, minor ones had not.",
    exactness: 'exact',
  },
  own: { [FAULT]: 'type' },
  keys: ['collect_memory'],
  needs: [],
  perEvent: ['process_leave'],
  exactWith: EXACT_WITH,
  maps: TOTALS,
};

/** In the order of the counters at the start of `struct group_totals`. */
export const CREDITS: readonly Credit[] = [
  { subject: 'scheduler', fact: RUNTIME, own: {} },
  { subject: 'scheduler', fact: SWITCHES, own: { [SWITCH]: 'voluntary' } },
  { subject: 'scheduler', fact: SWITCHES, own: { [SWITCH]: 'involuntary' } },
  { subject: 'file', fact: READ, own: {} },
  { subject: 'file', fact: WRITTEN, own: {} },
  { subject: 'memory', fact: FAULTS, own: { [FAULT]: 'minor' } },
  { subject: 'memory', fact: FAULTS, own: { [FAULT]: 'major' } },
];

/** Memory of the living, read at each collection. */
export const RESIDENT: MetricFact = {
  definition: {
    name: 'ebpf.memory.resident',
    unit: 'By',
    seedName: 'ebpf_memory_resident_bytes',
    kind: 'gauge',
    description: 'Memory of living processes that is in RAM (RSS), shared pages counted for each of them.',
    exactness: 'exact',
  },
  near: () => nearResident(),
  own: {},
  keys: ['collect_memory'],
  needs: ['living'],
  exactWith: [],
  maps: TOTALS,
};

/** Metrics of what the kernel keeps for each task. */
export const CREDIT_FACTS: readonly MetricFact[] = [RUNTIME, SWITCHES, READ, WRITTEN, FAULTS, RESIDENT];
