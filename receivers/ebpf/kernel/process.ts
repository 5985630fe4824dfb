import { GROUP_OTHER, LAYOUTS } from '../../../bpf/process.gen.ts';
import { type KernelPart, makeOther, type PartRole } from './part.ts';

/** Tasks and their groups, and what the kernel itself counts for each. */
export const processPart: KernelPart = {
  layouts: LAYOUTS,
  isWanted: () => true,
  roles: ({ iterators, fileIo, memory }) => [
    ...TASKS,
    iterators ? LIVING : LEAVING,
    ...(fileIo || memory !== undefined ? [ENDING] : []),
  ],
  prepare(object, { options: { maxGroups } }) {
    object.setMaxEntries('groups', maxGroups);
    object.setMaxEntries('totals', maxGroups + 1);
  },
  begin: (object) => makeOther(object, 'totals', GROUP_OTHER),
};

/** The program that learns who the agent is; it is run once, by the agent. */
export const LEARN_AGENT = 'learn_agent';

const TASKS: readonly PartRole[] = [
  {
    name: 'task_newtask',
    without: 'New tasks are told from old ones only later: forks count twice, and run time before that is missing.',
  },
  { name: 'process_exec', without: 'A process that executes another program keeps its old name.' },
  { name: 'cgroup_attach', without: 'A move to another cgroup shows only at the next system call.' },
  { name: 'cgroup_mkdir', without: 'Containers that are gone before the next collection stay without a name.' },
  { name: 'process_free', without: 'Run time and switches that a task had after its last collection are missing.' },
];

const LIVING: PartRole = { name: 'living', walk: { at: 'collection' }, without: 'Living tasks cannot be walked.' };
const LEAVING: PartRole = { name: 'process_leave', without: 'Run time and switches show only when a task ends.' };
const ENDING: PartRole = {
  name: 'process_end',
  without: 'Bytes and faults that a task had after its last collection may be missing.',
};
