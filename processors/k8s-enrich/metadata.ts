/** What can be listed in `extract.metadata`, as in the Collector. */
export const METADATA = [
  'k8s.namespace.name',
  'k8s.pod.name',
  'k8s.pod.uid',
  'k8s.pod.hostname',
  'k8s.pod.ip',
  'k8s.pod.start_time',
  'k8s.deployment.name',
  'k8s.deployment.uid',
  'k8s.replicaset.name',
  'k8s.replicaset.uid',
  'k8s.statefulset.name',
  'k8s.statefulset.uid',
  'k8s.daemonset.name',
  'k8s.daemonset.uid',
  'k8s.job.name',
  'k8s.job.uid',
  'k8s.cronjob.name',
  'k8s.cronjob.uid',
  'k8s.node.name',
  'k8s.node.uid',
  'k8s.cluster.uid',
  'k8s.container.name',
  'container.id',
  'container.image.name',
  'container.image.tag',
  'container.image.tags',
  'container.image.repo_digests',
  'service.namespace',
  'service.name',
  'service.version',
  'service.instance.id',
] as const;

export type Metadata = (typeof METADATA)[number];

/** The Collector's default. */
export const DEFAULT_METADATA: readonly Metadata[] = [
  'container.image.name',
  'container.image.tag',
  'k8s.namespace.name',
  'k8s.pod.name',
  'k8s.pod.uid',
  'k8s.pod.start_time',
  'k8s.deployment.name',
  'k8s.node.name',
];

/** The default for the agent's own metrics: what a page needs to name what ran, whatever made it. */
export const OWN_METADATA: readonly Metadata[] = [
  ...DEFAULT_METADATA.filter((name) => !name.startsWith('container.')),
  'k8s.container.name',
  'k8s.statefulset.name',
  'k8s.daemonset.name',
  'k8s.job.name',
  'k8s.cronjob.name',
];
