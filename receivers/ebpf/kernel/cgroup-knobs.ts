import { cgroupTree, hierarchyOf, type V1Controller } from 'bpflow/containers';
import type { BpfObject } from 'bpflow/sdk';

/** CGROUP_V1_… of bpf/include/cgroup.h. */
const NUMBERS: Readonly<Record<V1Controller, number>> = { memory: 1, pids: 2 };

/** Has the kernel half tell a task's cgroup in the tree that user space reads. */
export function setCgroupKnobs(object: BpfObject): void {
  const controller = cgroupTree()?.controller;
  const hierarchy = controller === undefined ? 0 : hierarchyOf(controller);
  // 0 is the number of version 2: the controller is not in version 1, whatever is mounted.
  if (controller === undefined || hierarchy === 0) return;
  object.setGlobal('cgroup_v1_controller', NUMBERS[controller]);
  object.setGlobal('cgroup_hierarchy', hierarchy);
}
