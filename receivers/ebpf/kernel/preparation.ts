import type { BpfObject } from 'bpflow/sdk';
import { setCgroupKnobs } from './cgroup-knobs.ts';
import type { Preparation } from './part.ts';
import { type ObjectName, partOf } from './parts.ts';
import { setUserKnobs } from './scope.ts';

/** Maps that all objects share. */
const SHARED_MAPS = ['groups', 'totals', 'node', 'ledger'];

/** Prepares an object as its part says, and what is the same in all of them. To be called before it is loaded. */
export function prepare(name: ObjectName, object: BpfObject, preparation: Preparation): void {
  const { options, plan, loaded } = preparation;
  const [tasks, unused] = plan.taskStorage ? ['task_states', 'task_table'] : ['task_table', 'task_states'];
  object.setAutocreate(unused, false);
  if (name !== 'process') {
    const shared = loaded.get('process')!;
    for (const map of [tasks, ...SHARED_MAPS]) object.reuseMap(map, shared.map(map));
  }
  setCgroupKnobs(object);
  setUserKnobs(object, options.scope.users);
  object.setGlobal('use_task_storage', plan.taskStorage);
  object.setGlobal('with_pid', options.withPid);
  object.setGlobal('with_command', options.withCommand);
  object.setGlobal('with_io', options.fileIo);
  object.setGlobal('with_memory', options.memory !== undefined);
  const part = partOf(name);
  if (part.isSampled) object.setGlobal('sample_shift', options.sampleShift);
  part.prepare?.(object, preparation);
}
