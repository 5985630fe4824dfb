import { dirname } from 'node:path';
import { type CgroupIdentity, identifyCgroup } from 'bpflow/containers';
import { CgroupBody } from '../../../bpf/events.gen.ts';
import { identityResource } from '../series/groups.ts';
import { type EventRecord, type Told, untilZero } from './record.ts';

const cgroup = new CgroupBody();

export type ContainerStep = 'create' | 'start' | 'remove';

/** Path of the cgroup that is made or removed. */
export function cgroupPathOf(record: EventRecord): string {
  const { pathLength } = cgroup.move(record.words, record.body);
  return untilZero(record.text(CgroupBody.SIZE, pathLength));
}

/** `no_container` when the cgroup is none of a container's, or one that a container made below its own. */
export function tellContainer(step: ContainerStep, path: string): Told | 'no_container' {
  const identity = identifyCgroup(path);
  const name = nameOf(identity);
  if (name === undefined || nameOf(identifyCgroup(dirname(path))) === name) return 'no_container';
  return {
    name: `container.${step}`,
    severity: 'INFO',
    importance: step === 'create' ? 0.5 : 0.7,
    what: `${DONE[step]} container ${name}`,
    attributes: {
      'process.linux.cgroup': path,
      ...(identity.runtime !== undefined && { 'container.runtime.name': identity.runtime }),
    },
    resource: identityResource(identity),
  };
}

const DONE: Readonly<Record<ContainerStep, string>> = {
  create: 'made the cgroup of',
  start: 'is the first program in',
  remove: 'removed the cgroup of',
};

function nameOf({ containerId, containerName }: CgroupIdentity): string | undefined {
  return containerId ?? containerName;
}
