import type { ContainerFacts, OwnerFacts, PodFacts } from '../kubernetes.ts';
import type { Clock, Timer } from '../scope.ts';
import type { ApiPod } from './api-objects.ts';
import { Interner } from './interner.ts';
import { MultiIndex } from './multi-index.ts';
import { hasEnded, podFacts, STATIC_POD_HASHES } from './pod-facts.ts';
import type { Store } from './store.ts';
import type { Selection } from './wishes.ts';

/** How long a deleted pod can still be found by its uid and containers, for what is counted late. As in the Collector. */
const GRACE_MS = 120_000;
const SWEEP_EVERY_MS = 10_000;
/** Deleted pods kept at a time. */
const MAX_DELETED = 4096;

export type PodListener = (pod: PodFacts, change: 'set' | 'removed') => void;

export interface PodStoreOptions {
  readonly clock: Clock;
  readonly maxPods: number;
  readonly selection: () => Selection;
  /** Fills in what is known elsewhere of a pod's owners. */
  readonly uidOf: (owner: OwnerFacts, namespace: string) => string | undefined;
}

interface Entry {
  pod: PodFacts;
  /** The list it was last seen in. */
  list: number;
  addressed: boolean;
  /** Monotonic ms; undefined while it is there. */
  deletedAt: number | undefined;
}

/** The pods, and ways to find them. */
export class PodStore implements Store<ApiPod> {
  readonly #options: PodStoreOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #containers = new MultiIndex<Entry>();
  readonly #hashes = new MultiIndex<Entry>();
  readonly #ips = new MultiIndex<Entry>();
  readonly #listeners = new Set<PodListener>();
  readonly #deleted = new Set<Entry>();
  #interner = new Interner();
  #selection: Selection;
  #list = 0;
  #sweeper: Timer | undefined;
  /** Pods that found no room. */
  refused = 0;

  constructor(options: PodStoreOptions) {
    this.#options = options;
    this.#selection = options.selection();
  }

  get size(): number {
    return this.#entries.size - this.#deleted.size;
  }

  *pods(): Generator<PodFacts> {
    for (const { pod, deletedAt } of this.#entries.values()) if (deletedAt === undefined) yield pod;
  }

  byUid(uid: string): PodFacts | undefined {
    return (this.#entries.get(uid) ?? this.#hashes.get(uid))?.pod;
  }

  byContainer(id: string): PodFacts | undefined {
    return this.#containers.get(id)?.pod;
  }

  byIp(ip: string): PodFacts | undefined {
    return this.#ips.get(ip)?.pod;
  }

  watch(listener: PodListener): () => void {
    const own: PodListener = (pod, change) => listener(pod, change);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  begin(): void {
    this.#list++;
    this.#selection = this.#options.selection();
    this.#interner = new Interner();
  }

  set(object: ApiPod): void {
    const pod = this.#withUids(podFacts(object, this.#selection, this.#interner));
    if (pod.uid === '') return;
    const entry = this.#entries.get(pod.uid);
    const addressed = !pod.hostNetwork && !hasEnded(object);
    if (entry !== undefined) {
      entry.list = this.#list;
      const isSame = entry.deletedAt === undefined && entry.addressed === addressed && samePod(entry.pod, pod);
      if (!isSame) this.#replace(entry, pod, addressed);
      return;
    }
    if (this.#entries.size - this.#deleted.size >= this.#options.maxPods) {
      this.refused++;
      return;
    }
    const added: Entry = { pod, list: this.#list, addressed, deletedAt: undefined };
    this.#entries.set(pod.uid, added);
    this.#link(added);
    this.#tell(pod, 'set');
  }

  remove({ metadata }: ApiPod): void {
    const entry = this.#entries.get(metadata?.uid ?? '');
    if (entry !== undefined) this.#delete(entry);
  }

  complete(): void {
    for (const entry of this.#entries.values()) if (entry.list !== this.#list) this.#delete(entry);
  }

  /** Something that these pods belong to has changed. */
  touch(isConcerned: (pod: PodFacts) => boolean): void {
    for (const entry of this.#entries.values()) {
      if (entry.deletedAt !== undefined || !isConcerned(entry.pod)) continue;
      entry.pod = this.#withUids(entry.pod);
      this.#tell(entry.pod, 'set');
    }
  }

  stop(): void {
    this.#sweeper?.cancel();
    this.#sweeper = undefined;
  }

  #replace(entry: Entry, pod: PodFacts, addressed: boolean): void {
    this.#unlink(entry);
    this.#deleted.delete(entry);
    Object.assign(entry, { pod, addressed, deletedAt: undefined });
    this.#link(entry);
    this.#tell(pod, 'set');
  }

  #delete(entry: Entry): void {
    if (entry.deletedAt !== undefined) return;
    entry.deletedAt = this.#options.clock.monotonic();
    this.#unaddress(entry);
    this.#deleted.add(entry);
    const [oldest] = this.#deleted;
    if (this.#deleted.size > MAX_DELETED) this.#forget(oldest!);
    this.#sweeper ??= this.#options.clock.every(SWEEP_EVERY_MS, () => this.#sweep());
  }

  /** Forgets the pods whose grace is over, the oldest first. */
  #sweep(): void {
    const until = this.#options.clock.monotonic() - GRACE_MS;
    for (const entry of this.#deleted) {
      if (entry.deletedAt! > until) return;
      this.#forget(entry);
    }
    this.stop();
  }

  #forget(entry: Entry): void {
    this.#deleted.delete(entry);
    this.#entries.delete(entry.pod.uid);
    this.#unlink(entry);
    this.#tell(entry.pod, 'removed');
  }

  #link(entry: Entry): void {
    for (const { id } of entry.pod.containers) this.#containers.add(id, entry);
    for (const hash of hashesOf(entry.pod)) this.#hashes.add(hash, entry);
    if (entry.addressed) for (const ip of entry.pod.ips) this.#ips.add(ip, entry);
  }

  #unlink(entry: Entry): void {
    for (const { id } of entry.pod.containers) this.#containers.remove(id, entry);
    for (const hash of hashesOf(entry.pod)) this.#hashes.remove(hash, entry);
    this.#unaddress(entry);
  }

  #unaddress(entry: Entry): void {
    if (entry.addressed) for (const ip of entry.pod.ips) this.#ips.remove(ip, entry);
  }

  #withUids(pod: PodFacts): PodFacts {
    const { owners, namespace } = pod;
    let found = false;
    const filled = owners.map((owner) => {
      const uid = owner.uid ?? this.#options.uidOf(owner, namespace);
      if (uid === owner.uid) return owner;
      found = true;
      return { ...owner, uid };
    });
    return found ? Object.freeze({ ...pod, owners: filled, workload: filled.at(-1) }) : pod;
  }

  #tell(pod: PodFacts, change: 'set' | 'removed'): void {
    for (const listener of this.#listeners) listener(pod, change);
  }
}

function hashesOf({ annotations }: PodFacts): readonly string[] {
  const hashes = STATIC_POD_HASHES.flatMap((key) => annotations[key] ?? []);
  return hashes[0] === hashes[1] ? hashes.slice(1) : hashes;
}

function samePod(a: PodFacts, b: PodFacts): boolean {
  return (
    a.name === b.name &&
    a.namespace === b.namespace &&
    a.node === b.node &&
    a.hostname === b.hostname &&
    a.startTime === b.startTime &&
    a.hostNetwork === b.hostNetwork &&
    sameList(a.ips, b.ips, (x, y) => x === y) &&
    sameList(a.owners, b.owners, (x, y) => x.kind === y.kind && x.name === y.name && x.uid === y.uid) &&
    sameList(a.containers, b.containers, sameContainer) &&
    sameMap(a.labels, b.labels) &&
    sameMap(a.annotations, b.annotations)
  );
}

function sameContainer(a: ContainerFacts, b: ContainerFacts): boolean {
  return (
    a.id === b.id && a.name === b.name && a.image === b.image && a.imageId === b.imageId && a.restarts === b.restarts
  );
}

function sameList<T>(a: readonly T[], b: readonly T[], isSame: (a: T, b: T) => boolean): boolean {
  return a.length === b.length && a.every((each, i) => isSame(each, b[i]!));
}

function sameMap(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  if (a === b) return true;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
