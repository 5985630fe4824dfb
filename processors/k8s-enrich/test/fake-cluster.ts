import type { Cluster, KnownObject, KnownPod } from '../cluster.ts';

export const UID = '1ee4d255-a1bd-4ca0-a48a-1b50d50ece24';
export const CONTAINER = 'f1fd41ed'.repeat(8);

/** A running pod of a Deployment with one container. */
export function pod(changes: Partial<KnownPod> = {}): KnownPod {
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
    owners: {
      deployment: { name: 'web', uid: undefined },
      replicaset: { name: 'web-67bd7dcb4f', uid: 'rs-uid' },
    },
    ...changes,
  };
}

export function container(
  id: string,
  changes: Partial<KnownPod['containers'][number]> = {},
): KnownPod['containers'][number] {
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
export class FakeCluster implements Cluster {
  synced = true;
  clusterUid: string | undefined = 'cluster-uid';
  readonly objects = new Map<string, KnownObject>();
  readonly #pods = new Map<string, KnownPod>();
  readonly #listeners = new Set<(pod: KnownPod | undefined) => void>();

  constructor(...pods: readonly KnownPod[]) {
    for (const each of pods) this.#pods.set(each.uid, each);
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  set(changed: KnownPod): void {
    this.#pods.set(changed.uid, changed);
    for (const listener of this.#listeners) listener(changed);
  }

  remove(uid: string): void {
    const gone = this.#pods.get(uid)!;
    this.#pods.delete(uid);
    for (const listener of this.#listeners) listener(gone);
  }

  /** Anything may have changed. */
  tell(): void {
    for (const listener of this.#listeners) listener(undefined);
  }

  pods(): Iterable<KnownPod> {
    return this.#pods.values();
  }

  byContainer(id: string): KnownPod | undefined {
    return this.#find((each) => each.containers.some((one) => one.id === id));
  }

  byUid(uid: string): KnownPod | undefined {
    return this.#find((each) => each.uid === uid || each.annotations['kubernetes.io/config.hash'] === uid);
  }

  byIp(ip: string): KnownPod | undefined {
    return this.#find((each) => !each.hostNetwork && each.ips.includes(ip));
  }

  object(kind: string, name: string, namespace: string): KnownObject | undefined {
    return this.objects.get([kind, namespace, name].join('/'));
  }

  watch(listener: (pod: KnownPod | undefined) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #find(matches: (pod: KnownPod) => boolean): KnownPod | undefined {
    return [...this.#pods.values()].find(matches);
  }
}
