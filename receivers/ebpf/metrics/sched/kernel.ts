import { LAYOUTS } from '../../../../bpf/sched.gen.ts';
import type { KernelPart } from '../../kernel/part.ts';

export interface SchedulerKernelOptions {
  /** Whether the kernel keeps a histogram for each group. */
  readonly waitByGroup: boolean;
}

/** Most entries of the map of histograms: one takes about fifty times as much as a counter. */
const WAITS_BY_GROUP = 1024;

export const schedulerPart: KernelPart = {
  layouts: LAYOUTS,
  isSampled: true,
  isWanted: ({ scheduler }) => scheduler !== undefined,
  roles: () => [
    { name: 'sched_switch', without: 'The wait on the run queue is not measured.' },
    { name: 'sched_wakeup', without: 'The wait on the run queue after a wake-up is not measured.' },
    { name: 'sched_wakeup_new', without: 'The first wait of new tasks on the run queue is not measured.' },
  ],
  prepare(object, { options: { scheduler, maxEntries } }) {
    const { waitByGroup } = scheduler!;
    object.setMaxEntries('waits', waitByGroup ? Math.min(maxEntries, WAITS_BY_GROUP) : 1);
    object.setGlobal('wait_by_group', waitByGroup);
  },
};
