import { CgroupPaths, identifyCgroup } from '../containers/index.ts';
import { StartError } from '../errors.ts';
import { PROCESSES, type Processes } from '../facts.ts';
import type { Kubernetes, KubernetesObjectKind, KubernetesWishes, ObjectFacts, PodFacts } from '../kubernetes.ts';
import type { Scope, Timer } from '../scope.ts';
import { releaseMemory } from '../transport/collect.ts';
import { type ApiAccess, findAccess, OffCluster } from './access.ts';
import { ApiClient } from './api-client.ts';
import type { Encoding } from './encoding.ts';
import { Feed } from './feed.ts';
import { kubeletPoll } from './kubelet.ts';
import { ObjectStore } from './object-store.ts';
import { PodStore } from './pod-store.ts';
import { type FeedReport, report } from './report.ts';
import type { Resource } from './resource.ts';
import { endpointSlices, namespaces, nodes, pods } from './resources.ts';
import { ServiceStore } from './service-store.ts';
import type { KubernetesSettings } from './settings.ts';
import type { Store } from './store.ts';
import { Watch } from './watch.ts';
import { Wishes } from './wishes.ts';
import { type WorkloadKind, Workloads } from './workloads.ts';

/** A cache of what a cluster runs, and its life. */
export interface OpenKubernetes {
  readonly kubernetes: Kubernetes;
  /** Begins to read; does not wait for it. Throws StartError for settings that cannot work. */
  start(): void;
  /** Safe twice, and without start. */
  stop(): Promise<void>;
}

export interface OpenKubernetesOptions {
  readonly environment?: NodeJS.ProcessEnv;
  /** What the server is asked for, the best first. */
  readonly encodings?: readonly Encoding[];
  /** Default: as streams, where the server can do that. */
  readonly lists?: 'streams' | 'pages';
  readonly random?: () => number;
}

/**
 * Makes a cache over an own client. Opens nothing before start. Reports health, publishes the view `kubernetes` and the metrics
 * `bpflow_kubernetes_*` of the scope.
 */
export function openKubernetes(
  settings: KubernetesSettings,
  scope: Scope,
  options: OpenKubernetesOptions = {},
): OpenKubernetes {
  return new Cache(resolved(settings, options.environment ?? process.env), scope, options);
}

class Cache implements OpenKubernetes, Kubernetes {
  readonly #settings: KubernetesSettings;
  readonly #scope: Scope;
  readonly #options: OpenKubernetesOptions;
  readonly #wishes = new Wishes();
  readonly #pods: PodStore;
  readonly #objects: Readonly<Record<'namespace' | 'node', ObjectStore>>;
  readonly #services = new ServiceStore();
  readonly #feeds = new Map<string, FeedReport & { readonly feed: Feed }>();
  readonly #ready = Promise.withResolvers<void>();
  readonly #report: ReturnType<typeof report>;
  #client: ApiClient | undefined;
  #settling: Timer | undefined;
  #workloads: Workloads | undefined;
  #cgroups: CgroupPaths | undefined;
  #lastScanMs = 0;

  constructor(settings: KubernetesSettings, scope: Scope, options: OpenKubernetesOptions) {
    this.#settings = settings;
    this.#scope = scope;
    this.#options = options;
    this.#pods = new PodStore({
      clock: scope.clock,
      maxPods: settings.max_pods,
      selection: () => this.#wishes.selection('pod'),
      uidOf: ({ kind, name }, namespace) => {
        const known = workloadKind(kind);
        return known !== undefined && this.#wishes.has(known)
          ? this.#workloads?.get(known, name, namespace)?.uid
          : undefined;
      },
    });
    const store = (kind: 'namespace' | 'node'): ObjectStore =>
      new ObjectStore({
        selection: () => this.#wishes.selection(kind),
        changed: (name) => this.#pods.touch((pod) => pod[kind] === name),
      });
    this.#objects = { namespace: store('namespace'), node: store('node') };
    // Nobody has to wait for it.
    this.#ready.promise.catch(() => {});
    this.#report = report(scope, {
      feeds: () => this.#feeds.values(),
      refusedPods: () => this.#pods.refused,
      workloads: () => ({ known: this.#workloads?.size ?? 0, waiting: this.#workloads?.waiting ?? 0 }),
      services: () => (settings.endpoints ? this.#services.services() : undefined),
      namespace: settings.filter.namespace || undefined,
    });
  }

  get kubernetes(): Kubernetes {
    return this;
  }

  start(): void {
    const { log, clock, agent } = this.#scope;
    let access: ApiAccess;
    try {
      access = findAccess(this.#settings, this.#options.environment);
    } catch (error) {
      if (!(error instanceof OffCluster)) throw error;
      this.#report.unavailable(error.message);
      this.#ready.reject(new StartError(error.message, { cause: error }));
      return;
    }
    this.#client = new ApiClient(access, { log, clock, userAgent: `${agent.name}/${agent.version}` });
    this.#report.server(access.endpoint.origin);
    this.#settling = clock.after(SETTLE_MS, () => this.#begin(this.#client!));
  }

  #begin(client: ApiClient): void {
    const { clock } = this.#scope;
    this.#settling = undefined;
    if (process.uptime() < STARTING_S) releaseMemory();
    if (this.#settings.auth_type === 'kubelet') {
      const { poll_interval: intervalMs } = this.#settings.kubelet;
      const poll = kubeletPoll({ client, clock, store: this.#pods, intervalMs });
      this.#run({ name: 'nodes/pods', group: '', version: 'v1' }, this.#pods, ['get'], poll);
      return;
    }
    this.#workloads = new Workloads({
      client,
      clock,
      selection: (kind) => this.#wishes.selection(kind),
      found: (kind, name, namespace) =>
        this.#pods.touch(
          (pod) =>
            pod.namespace === namespace &&
            pod.owners.some((owner) => owner.name === name && workloadKind(owner.kind) === kind),
        ),
      failed: (resource, error) => this.#report.workloads(resource, error),
      succeeded: (resource) => this.#report.workloads(resource, undefined),
    });
    this.#watch(pods(this.#settings.filter), this.#pods);
    if (this.#settings.endpoints) this.#watch(endpointSlices(this.#settings.filter), this.#services);
    this.#watchObjects();
  }

  async stop(): Promise<void> {
    this.#settling?.cancel();
    this.#workloads?.stop();
    await Promise.all([...this.#feeds.values()].map(({ feed }) => feed.stop()));
    this.#pods.stop();
    this.#client?.close();
    this.#client = undefined;
  }

  get synced(): boolean {
    const state = this.#podFeed?.state;
    return state?.synced === true && state.live;
  }

  ready(): Promise<void> {
    return this.#ready.promise;
  }

  want(wishes: KubernetesWishes): () => void {
    const { isNew, end } = this.#wishes.add(wishes);
    if (isNew && this.#feeds.size > 0) {
      for (const { feed, resource } of this.#feeds.values()) if (resource.name !== 'endpointslices') feed.restart();
      this.#workloads?.forget();
      this.#watchObjects();
    }
    return end;
  }

  get clusterUid(): string | undefined {
    return this.#objects.namespace.get('kube-system')?.uid;
  }

  pods(): Iterable<PodFacts> {
    return this.#pods.pods();
  }

  podByCgroup(cgroupId: bigint): PodFacts | undefined {
    const path = this.#processes()?.cgroupPath(cgroupId) ?? this.#cgroupPath(cgroupId);
    return path === undefined ? undefined : this.podByCgroupPath(path);
  }

  podByCgroupPath(path: string): PodFacts | undefined {
    const { containerId, podUid } = identifyCgroup(path);
    const byContainer = containerId === undefined ? undefined : this.#pods.byContainer(containerId);
    return byContainer ?? (podUid === undefined ? undefined : this.#pods.byUid(podUid));
  }

  podByContainer(containerId: string): PodFacts | undefined {
    return this.#pods.byContainer(containerId);
  }

  podByUid(uid: string): PodFacts | undefined {
    return this.#pods.byUid(uid);
  }

  podByIp(ip: string): PodFacts | undefined {
    return this.#pods.byIp(ip);
  }

  object(kind: KubernetesObjectKind, name: string, namespace: string): ObjectFacts | undefined {
    if (kind === 'namespace' || kind === 'node') return this.#objects[kind].get(name);
    return this.#workloads?.get(kind, name, namespace);
  }

  services() {
    return this.#services.services();
  }

  watch(listener: (pod: PodFacts, change: 'set' | 'removed') => void): () => void {
    return this.#pods.watch(listener);
  }

  get #podFeed(): Feed | undefined {
    return (this.#feeds.get('pods') ?? this.#feeds.get('nodes/pods'))?.feed;
  }

  /** The pods, and what else can be known of them. */
  #allKnown(): boolean {
    if (this.#podFeed?.state.synced !== true) return false;
    for (const { state } of this.#feeds.values()) if (!state.synced && state.error === undefined) return false;
    return true;
  }

  #watchObjects(): void {
    if (this.#settings.auth_type === 'kubelet') return;
    const { filter } = this.#settings;
    const wanted = [
      ['namespace', namespaces(filter)],
      ['node', nodes(filter)],
    ] as const;
    for (const [kind, resource] of wanted) {
      if (this.#wishes.has(kind) && !this.#feeds.has(resource.name)) this.#watch(resource, this.#objects[kind]);
    }
  }

  #watch<T extends object>(resource: Resource, store: Store<T>): void {
    const { clock } = this.#scope;
    const { encodings, lists, random } = this.#options;
    const { attempt } = new Watch<T>({
      client: this.#client!,
      clock,
      resource,
      store,
      ...(encodings && { encodings }),
      ...(lists && { lists }),
      ...(random && { random }),
    });
    this.#run(resource, store, ['list', 'watch'], attempt);
  }

  #run(
    resource: Resource,
    store: Store<never>,
    verbs: readonly string[],
    attempt: ConstructorParameters<typeof Feed>[0]['attempt'],
  ): void {
    const { random } = this.#options;
    const feed = new Feed({
      clock: this.#scope.clock,
      attempt,
      changed: () => {
        if (this.#allKnown()) this.#ready.resolve();
        this.#report.changed();
      },
      ...(random && { random }),
    });
    this.#feeds.set(resource.name, { resource, verbs, feed, state: feed.state, size: () => store.size });
    feed.start();
  }

  /** Where several know them, none: the own scan finds the same. */
  #processes(): Processes | undefined {
    try {
      return this.#scope.find(PROCESSES);
    } catch {
      return undefined;
    }
  }

  /** From a scan of the cgroups, at most one a second. */
  #cgroupPath(id: bigint): string | undefined {
    this.#cgroups ??= new CgroupPaths();
    const now = this.#scope.clock.monotonic();
    if (now - this.#lastScanMs >= 1000) {
      this.#lastScanMs = now;
      this.#cgroups.allowScan();
    }
    return this.#cgroups.path(id);
  }
}

/** Extensions start before those who use them, and say what they need at their start. */
const SETTLE_MS = 20;
/** A process so young has garbage of its start, which would add up with what lists bring to the most that it ever takes; seconds. */
const STARTING_S = 10;

function workloadKind(kind: string): WorkloadKind | undefined {
  const known = kind.toLowerCase();
  return KINDS.has(known) ? (known as WorkloadKind) : undefined;
}

const KINDS: ReadonlySet<string> = new Set(['deployment', 'replicaset', 'statefulset', 'daemonset', 'job', 'cronjob']);

/** With the node's name in place. Throws StartError when its variable is not set. */
function resolved(settings: KubernetesSettings, environment: NodeJS.ProcessEnv): KubernetesSettings {
  const { filter } = settings;
  if (filter.node_from_env_var === '') return settings;
  const node = environment[filter.node_from_env_var] ?? '';
  if (node !== '') return { ...settings, filter: { ...filter, node } };
  throw new StartError(
    `filter.node_from_env_var: the environment variable ${filter.node_from_env_var} is not set. Set it from spec.nodeName in the pod's manifest.`,
  );
}
