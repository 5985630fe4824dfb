import { LAYOUTS } from '../../../../bpf/syscall.gen.ts';
import type { KernelPart } from '../../kernel/part.ts';

export interface SyscallKernelOptions {
  readonly latency: boolean;
  /** Whether the kernel keeps a histogram for each group. */
  readonly latencyByGroup: boolean;
}

/** Most entries of the map of failed calls: groups times calls times errors. */
const ERRORS = 6144;
/** Calls of other ABIs than the machine's own that have a histogram each. */
const FOREIGN_LATENCIES = 64;
/** Most entries of the map of histograms by group: one takes about fifty times as much as a counter. */
const LATENCIES_BY_GROUP = 2048;

export const syscallPart: KernelPart = {
  layouts: LAYOUTS,
  isSampled: true,
  isWanted: ({ syscalls }) => syscalls !== undefined,
  roles: ({ syscalls }) => [
    { name: 'sys_exit', without: 'System calls are not counted.' },
    ...(syscalls?.latency ? [{ name: 'sys_enter', without: 'System calls have no latency.' }] : []),
    { name: 'signal_deliver', without: 'System calls that a signal interrupted for good are not counted.' },
    { name: 'process_exit', without: 'exit and exit_group are not counted.' },
  ],
  prepare(object, { options: { syscalls, maxEntries }, plan }) {
    const { latency, latencyByGroup } = syscalls!;
    object.setMaxEntries('syscalls', maxEntries);
    object.setMaxEntries('syscall_errors', Math.min(maxEntries, ERRORS));
    if (!latency || latencyByGroup) object.setMaxEntries('latencies', 1);
    const keyed = latencyByGroup ? Math.min(maxEntries, LATENCIES_BY_GROUP) : FOREIGN_LATENCIES;
    object.setMaxEntries('keyed_latencies', latency ? keyed : 1);
    const served = new Set([...plan.rungs.keys()].map((role) => role.name));
    object.setGlobal('with_latency', served.has('sys_enter'));
    object.setGlobal('with_restarts', served.has('signal_deliver') && served.has('process_exit'));
    object.setGlobal('latency_by_group', latencyByGroup);
  },
};
