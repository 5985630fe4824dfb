import type { Attributes, MetricDefinition } from 'bpflow/sdk';

/** What can be asked for of the numbers that the kernel keeps for each task. */
export type Subject = 'scheduler' | 'file' | 'memory';

/** A counter of `struct group_totals`, in its order, and the series that it feeds. */
export interface Credit {
  readonly subject: Subject;
  readonly definition: Omit<MetricDefinition, 'attributes'>;
  /** What tells its series from the others of the metric. */
  readonly own: Attributes;
  /** Names of these attributes on the page. */
  readonly labels: Readonly<Record<string, string>>;
}

const SWITCH = 'process.context_switch.type';
const FAULT = 'system.paging.fault.type';

const RUNTIME: Credit['definition'] = {
  name: 'ebpf.process.runtime',
  unit: 'ns',
  otelUnit: 's',
  seedName: 'ebpf_process_runtime_ns',
  kind: 'counter',
  description:
    "Time on a CPU by the scheduler's own account, user and kernel mode together; the slice that a task is in the middle of comes with the next collection.",
  exactness: 'exact',
};

const SWITCHES: Credit['definition'] = {
  name: 'ebpf.context_switches',
  unit: '{context_switch}',
  seedName: 'ebpf_context_switches',
  kind: 'counter',
  description:
    "Times that a task left its CPU, by the kernel's own account: voluntary to wait, involuntary when it was preempted.",
  exactness: 'exact',
};

const CALLS = 'sockets and pipes included; io_uring and mapped memory are not in it.';

const READ: Credit['definition'] = {
  name: 'ebpf.file.read.io',
  unit: 'By',
  seedName: 'ebpf_file_read_bytes',
  kind: 'counter',
  description: `Bytes that read calls returned, by the kernel's account of each task (rchar), page cache, ${CALLS}`,
  exactness: 'exact',
};

const WRITTEN: Credit['definition'] = {
  name: 'ebpf.file.write.io',
  unit: 'By',
  seedName: 'ebpf_file_write_bytes',
  kind: 'counter',
  description: `Bytes that write calls took, by the kernel's account of each task (wchar), page cache, ${CALLS}`,
  exactness: 'exact',
};

const FAULTS: Credit['definition'] = {
  name: 'ebpf.paging.faults',
  unit: '{fault}',
  seedName: 'ebpf_page_faults',
  kind: 'counter',
  description:
    "Page faults by the kernel's account of each task: major ones had to wait for a device, minor ones had not.",
  exactness: 'exact',
};

/** In the order of the counters at the start of `struct group_totals`. */
export const CREDITS: readonly Credit[] = [
  { subject: 'scheduler', definition: RUNTIME, own: {}, labels: {} },
  { subject: 'scheduler', definition: SWITCHES, own: { [SWITCH]: 'voluntary' }, labels: { [SWITCH]: 'type' } },
  { subject: 'scheduler', definition: SWITCHES, own: { [SWITCH]: 'involuntary' }, labels: { [SWITCH]: 'type' } },
  { subject: 'file', definition: READ, own: {}, labels: {} },
  { subject: 'file', definition: WRITTEN, own: {}, labels: {} },
  { subject: 'memory', definition: FAULTS, own: { [FAULT]: 'minor' }, labels: { [FAULT]: 'type' } },
  { subject: 'memory', definition: FAULTS, own: { [FAULT]: 'major' }, labels: { [FAULT]: 'type' } },
];

/** Memory of the living, read at each collection. */
export const RESIDENT: Credit['definition'] = {
  name: 'ebpf.memory.resident',
  unit: 'By',
  seedName: 'ebpf_memory_resident_bytes',
  kind: 'gauge',
  description: 'Memory of living processes that is in RAM (RSS), shared pages counted for each of them.',
  exactness: {
    estimated: 'since Linux 6.2 the kernel keeps a part of the count on each CPU, which is not read.',
  },
};
