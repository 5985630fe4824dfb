import type { PodFacts } from 'bpflow/sdk';

/** Annotations that hold the uid by which the kubelet, and so the path of a cgroup, knows a static pod. */
const HASHES = ['kubernetes.io/config.hash', 'kubernetes.io/config.mirror'];

/** Names of what findings depend on. */
export const keys = {
  /** Found already: its metadata. */
  pod: (uid: string): string => `pod ${uid}`,
  container: (id: string): string => `container ${id}`,
  uid: (uid: string): string => `uid ${uid}`,
  ip: (ip: string): string => `ip ${ip}`,
  rule: (rule: number, values: readonly string[]): string => `rule ${rule} ${JSON.stringify(values)}`,
};

/** Every key that a pod answers to, those of rules apart. */
export function keysOf(pod: PodFacts): string[] {
  const hashes = HASHES.flatMap((annotation) => pod.annotations[annotation] ?? []);
  return [
    keys.pod(pod.uid),
    keys.uid(pod.uid),
    ...hashes.map(keys.uid),
    ...pod.containers.map(({ id }) => keys.container(id)),
    ...(pod.hostNetwork ? [] : pod.ips.map(keys.ip)),
  ];
}
