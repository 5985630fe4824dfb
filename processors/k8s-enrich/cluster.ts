import type { ObjectKind } from './field-rules-config.ts';

/** Kinds of what people deploy, as they appear in attribute names. */
export const WORKLOADS = ['deployment', 'replicaset', 'statefulset', 'daemonset', 'job', 'cronjob'] as const;
export type Workload = (typeof WORKLOADS)[number];

export interface KnownContainer {
  readonly id: string;
  readonly name: string;
  /** As in the pod's status: `nginx:1.27`. */
  readonly image: string;
  /** What was pulled: `docker.io/library/nginx@sha256:…`; empty for an image without a repository. */
  readonly imageId: string;
  readonly restarts: number;
}

export interface KnownPod {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  readonly node: string;
  readonly hostname: string;
  /** RFC 3339; empty before the pod was started. */
  readonly startTime: string;
  readonly ips: readonly string[];
  /** The address is that of the node, which others have as well. */
  readonly hostNetwork: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** All that are or were: restarted ones, init and ephemeral ones. */
  readonly containers: readonly KnownContainer[];
  /** Who made it, up to the top. The uid is not known of every kind. */
  readonly owners: Readonly<Partial<Record<Workload, { readonly name: string; readonly uid: string | undefined }>>>;
}

/** Metadata of something that pods belong to. */
export interface KnownObject {
  readonly uid: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** What the processor needs to know of a cluster. */
export interface Cluster {
  /** Whether all pods are known; before, or while the API is away, one that is not found may be there. */
  readonly synced: boolean;
  byContainer(id: string): KnownPod | undefined;
  /** By the API's uid or, of a static pod, by the hash of its configuration. */
  byUid(uid: string): KnownPod | undefined;
  /** Never a pod with the node's address. */
  byIp(ip: string): KnownPod | undefined;
  pods(): Iterable<KnownPod>;
  /** Undefined when it is not known, yet or at all. */
  object(kind: Exclude<ObjectKind, 'pod'>, name: string, namespace: string): KnownObject | undefined;
  /** Uid of the namespace kube-system. */
  readonly clusterUid: string | undefined;
  /** Called for what changes; ended by what it returns. `undefined`: anything may have changed. */
  watch(listener: (pod: KnownPod | undefined) => void): () => void;
}
