import type { Token } from './tokens.ts';
import { token } from './tokens.ts';

export interface ContainerFacts {
  /** Without the runtime's prefix: 64 hex digits, as a rule. */
  readonly id: string;
  readonly name: string;
  /** As in the pod's spec: `nginx:1.27`. */
  readonly image: string;
  /** What was pulled: `docker.io/library/nginx@sha256:…`; empty for an image without a repository. */
  readonly imageId: string;
  readonly restarts: number;
}

export interface OwnerFacts {
  /** As in the API: `ReplicaSet`, `Deployment`, or a kind of somebody's own. */
  readonly kind: string;
  readonly name: string;
  /** Unknown of an owner whose name was derived, until it is asked for; see {@link KubernetesWishes.objects}. */
  readonly uid: string | undefined;
}

export interface PodFacts {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  /** Empty before it is scheduled. */
  readonly node: string;
  readonly hostname: string;
  /** RFC 3339; empty before the kubelet took it. */
  readonly startTime: string;
  readonly ips: readonly string[];
  /** Its addresses are the node's, which others have as well. */
  readonly hostNetwork: boolean;
  /** Those that somebody asked for. */
  readonly labels: Readonly<Record<string, string>>;
  /** Those that somebody asked for, and `kubernetes.io/config.hash` and `config.mirror` of static pods. */
  readonly annotations: Readonly<Record<string, string>>;
  /** Who made it, the nearest first, the one that people deploy last: ReplicaSet, Deployment. */
  readonly owners: readonly OwnerFacts[];
  /** The last of `owners`. */
  readonly workload: OwnerFacts | undefined;
  /** All that run or did: init and ephemeral ones too, and of a restarted one the run before. */
  readonly containers: readonly ContainerFacts[];
}

/** What pods belong to. */
export type KubernetesObjectKind =
  | 'namespace'
  | 'node'
  | 'deployment'
  | 'replicaset'
  | 'statefulset'
  | 'daemonset'
  | 'job'
  | 'cronjob';

export interface ObjectFacts {
  readonly uid: string;
  /** Those that somebody asked for. */
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** A label or annotation. Of `key` and `key_regex` one is empty; the regex must match the whole key. */
export interface FieldWish {
  readonly from: 'pod' | KubernetesObjectKind;
  readonly key: string;
  readonly key_regex: string;
}

/** What a consumer needs to be known beyond pods, their containers and their owners' names. Nothing else is kept. */
export interface KubernetesWishes {
  readonly labels?: readonly FieldWish[];
  readonly annotations?: readonly FieldWish[];
  /** Kinds whose uid is needed. Those that `labels` and `annotations` name need not stand here. */
  readonly objects?: readonly KubernetesObjectKind[];
}

/** Endpoints of a Service over all its EndpointSlices, each address once. */
export interface ServiceFacts {
  readonly namespace: string;
  readonly name: string;
  readonly endpoints: number;
  /** Those that take traffic. */
  readonly ready: number;
  readonly terminating: number;
}

/** Pods by what telemetry carries. Look-ups are synchronous, cost no request, and answer with frozen values: a pod that changed is another object. */
export interface Kubernetes {
  /** Whether all pods are known: not before the first list, nor while the API is away. Until then a pod that is not found may be there. */
  readonly synced: boolean;
  /** Resolves when all pods, and what else was wished, are known for the first time; rejects when there is no cluster to ask. */
  ready(): Promise<void>;
  /**
   * Says what is needed, until what it returns is called. In `create` or `start` it costs nothing; later, something new makes
   * it read the pods anew.
   */
  want(wishes: KubernetesWishes): () => void;
  /** Uid of the namespace kube-system; only known when `namespace` is among the wished objects. */
  readonly clusterUid: string | undefined;

  pods(): Iterable<PodFacts>;
  /** By the id of a cgroup v2 of a container or pod, or below one. */
  podByCgroup(cgroupId: bigint): PodFacts | undefined;
  /** By its path below the mount, in any form that runtimes write. */
  podByCgroupPath(path: string): PodFacts | undefined;
  podByContainer(containerId: string): PodFacts | undefined;
  /** By the API's uid or, of a static pod, by the hash of its configuration. */
  podByUid(uid: string): PodFacts | undefined;
  /** Never a pod in the node's network, nor one that has ended. */
  podByIp(ip: string): PodFacts | undefined;
  /**
   * Namespaces, nodes: known when wished. Workloads: asked for at the first call, undefined until the answer is there, which
   * {@link watch} then tells for its pods. `namespace` is empty for namespaces and nodes.
   */
  object(kind: KubernetesObjectKind, name: string, namespace: string): ObjectFacts | undefined;
  /** Empty unless the extension is told to watch EndpointSlices. */
  services(): Iterable<ServiceFacts>;
  /**
   * Called for each pod that is added or removed, or of which something told here is new, what it belongs to included. Not
   * called for what else changes in the API. A deleted pod can still be found by its uid and containers for two minutes, for
   * what is counted late; then it is `removed`. Returns what ends the subscription. Must not throw.
   */
  watch(listener: (pod: PodFacts, change: 'set' | 'removed') => void): () => void;
}

export const KUBERNETES: Token<Kubernetes> = token('kubernetes');
