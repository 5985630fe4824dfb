import type { Kubernetes, KubernetesWishes, ObjectFacts, OwnerFacts, PodFacts } from 'bpflow/sdk';

export const UID = '1ee4d255-a1bd-4ca0-a48a-1b50d50ece24';
export const CONTAINER = 'f1fd41ed'.repeat(8);

/** A running pod of a Deployment with one container. */
export function pod(changes: Partial<PodFacts> = {}): PodFacts {
  return {
    uid: UID,
    name: 'web-67bd7dcb4f-abcde',
    namespace: 'shop',
    node: 'node-1',
    hostname: 'web-67bd7dcb4f-abcde',
    startTime: '2026-11-21T10:00:00Z',
    ips: ['10.0.0.7'],
    hostNetwork: false,
    labels: { app: 'web', 'app.kubernetes.io/name': 'web' },
    annotations: {},
    containers: [container(CONTAINER)],
    owners: [
      { kind: 'ReplicaSet', name: 'web-67bd7dcb4f', uid: 'rs-uid' },
      { kind: 'Deployment', name: 'web', uid: undefined },
    ],
    workload: { kind: 'Deployment', name: 'web', uid: undefined },
    ...changes,
  };
}

export function container(
  id: string,
  changes: Partial<PodFacts['containers'][number]> = {},
): PodFacts['containers'][number] {
  return {
    id,
    name: 'app',
    image: 'registry:5000/shop/web:1.2',
    imageId: `registry:5000/shop/web@sha256:${'ab'.repeat(32)}`,
    restarts: 0,
    ...changes,
  };
}

/** A cluster whose pods a test adds and removes. */
export class FakeCluster implements Kubernetes {
  synced = true;
  clusterUid: string | undefined = 'cluster-uid';
  readonly objects = new Map<string, ObjectFacts>();
  /** What is wished for now. */
  readonly wishes = new Set<KubernetesWishes>();
  ready = async (): Promise<void> => {};
  readonly #pods = new Map<string, PodFacts>();
  readonly #listeners = new Set<Parameters<Kubernetes['watch']>[0]>();

  constructor(...pods: readonly PodFacts[]) {
    for (const each of pods) this.#pods.set(each.uid, each);
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  set(changed: PodFacts): void {
    this.#pods.set(changed.uid, changed);
    for (const listener of this.#listeners) listener(changed, 'set');
  }

  remove(uid: string): void {
    const gone = this.#pods.get(uid)!;
    this.#pods.delete(uid);
    for (const listener of this.#listeners) listener(gone, 'removed');
  }

  want(wishes: KubernetesWishes): () => void {
    this.wishes.add(wishes);
    return () => void this.wishes.delete(wishes);
  }

  pods(): Iterable<PodFacts> {
    return this.#pods.values();
  }

  podByCgroup(): undefined {}

  podByCgroupPath(): undefined {}

  podByContainer(id: string): PodFacts | undefined {
    return this.#find((each) => each.containers.some((one) => one.id === id));
  }

  podByUid(uid: string): PodFacts | undefined {
    return this.#find((each) => each.uid === uid || each.annotations['kubernetes.io/config.hash'] === uid);
  }

  podByIp(ip: string): PodFacts | undefined {
    return this.#find((each) => !each.hostNetwork && each.ips.includes(ip));
  }

  object(kind: string, name: string, namespace: string): ObjectFacts | undefined {
    return this.objects.get([kind, namespace, name].join('/'));
  }

  services(): Iterable<never> {
    return [];
  }

  watch(listener: Parameters<Kubernetes['watch']>[0]): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #find(matches: (pod: PodFacts) => boolean): PodFacts | undefined {
    return [...this.#pods.values()].find(matches);
  }
}

/** Owners of a pod, the nearest first. */
export function owned(...owners: readonly OwnerFacts[]): Pick<PodFacts, 'owners' | 'workload'> {
  return { owners, workload: owners.at(-1) };
}
