import type { CgroupIdentity, LocalContainers } from 'bpflow/containers';
import type { Kubernetes } from 'bpflow/sdk';
import { nameMatcher } from './process-filter.ts';

export interface ContainerFilterOptions {
  /** Names of containers that count; empty: all, and what is in none. */
  readonly containers: readonly string[];
  /** Namespaces of Kubernetes that count; empty: all, and what is in none. */
  readonly namespaces: readonly string[];
  /** Undefined off a cluster. */
  readonly kubernetes: Kubernetes | undefined;
  readonly local: LocalContainers;
}

/** Whether what runs in a cgroup counts; undefined while that is not known yet. */
export type ContainerVerdict = (identity: CgroupIdentity) => boolean | undefined;

/** Undefined when everything counts. Patterns as of {@link nameMatcher}; a container also goes by its id. */
export function containerFilter(options: ContainerFilterOptions): ContainerVerdict | undefined {
  const { containers, namespaces, kubernetes, local } = options;
  if (containers.length + namespaces.length === 0) return undefined;
  const isNamespace = nameMatcher(namespaces);
  const isContainer = nameMatcher(containers);
  return ({ containerId: id, containerName: name, podUid: uid }) => {
    if (id === undefined && name === undefined && uid === undefined) return false;
    const pod = kubernetes && ((id && kubernetes.podByContainer(id)) || (uid && kubernetes.podByUid(uid)) || undefined);
    if (pod) {
      if (namespaces.length > 0 && !isNamespace(pod.namespace)) return false;
      if (containers.length === 0) return true;
      if (id === undefined) return false;
      const container = pod.containers.find((each) => each.id === id);
      return container === undefined ? undefined : isContainer(container.name) || isContainer(id);
    }
    if (uid !== undefined) return kubernetes === undefined ? false : undefined;
    if (namespaces.length > 0) return false;
    const names = [name, id, id === undefined ? undefined : local.find(id)?.name];
    return names.some((each) => each !== undefined && isContainer(each));
  };
}
