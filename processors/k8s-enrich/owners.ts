import type { OwnerFacts, PodFacts } from 'bpflow/sdk';

/** Kinds of what makes pods, as they appear in names of attributes. */
export const WORKLOADS = ['deployment', 'replicaset', 'statefulset', 'daemonset', 'job', 'cronjob'] as const;
export type Workload = (typeof WORKLOADS)[number];

/** The pod's owner of a kind. */
export function ownerOf({ owners }: PodFacts, kind: Workload): OwnerFacts | undefined {
  return owners.find((owner) => owner.kind.toLowerCase() === kind);
}
