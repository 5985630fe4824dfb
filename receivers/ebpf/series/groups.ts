import { type CgroupIdentity, type CgroupPaths, identifyCgroup } from 'bpflow/containers';
import { type Attributes, type BpfMap, createResource, EMPTY_RESOURCE, type Resource } from 'bpflow/sdk';
import { GROUP_OTHER, GroupKey, GroupValue } from '../../../bpf/process.gen.ts';
import type { Gate, Gates } from '../filters/gate.ts';
import { MapBuffer } from '../kernel/map-buffer.ts';
import { type Life, retire } from './lives.ts';

/** A series group as the kernel tells it apart. */
export interface Group {
  readonly id: number;
  /** Basename of the executable; `kernel` for kernel threads, `other` for what found no room. */
  readonly process: string;
  /** Name of the leader thread; empty unless the label is asked for. */
  readonly command: string;
  /** 0 unless the label is asked for. */
  readonly pid: number;
  /** Path in the cgroup v2 tree; undefined when the cgroup was gone before it was seen. */
  readonly cgroup: string | undefined;
  /** Carries the container's id and the uid of its pod, where there are any. */
  readonly resource: Resource;
  readonly containerId: string | undefined;
  /** Whether the filters of processes and cgroups let it through. */
  readonly counts: boolean;
  /** Whether the filters of containers and namespaces do; undefined: without any. */
  readonly gate?: Gate;
}

interface GroupLife extends Life {
  readonly group: Group;
  /** The collection in which it last had a living task. */
  alive: number;
}

export interface GroupsOptions {
  readonly cgroups: CgroupPaths;
  /** Whether a process counts, by its executable and its cgroup's path. */
  readonly counts: (process: string, cgroup: string | undefined) => boolean;
  /** Undefined without filters of containers and namespaces. */
  readonly gates?: Gates | undefined;
  readonly idleTimeoutMs: number;
  readonly batch: boolean;
}

/** The series groups that the kernel has given ids to, and the end of their lives. */
export class Groups {
  readonly #names: MapBuffer;
  readonly #options: GroupsOptions;
  readonly #lives = new Map<number, GroupLife>();
  readonly #other: Group;
  #nowMs = 0;
  #isLooking = false;

  /** `names`: the kernel's map of group keys to ids. */
  constructor(names: BpfMap, options: GroupsOptions) {
    this.#names = new MapBuffer(names, options);
    this.#options = options;
    this.#other = {
      id: GROUP_OTHER,
      process: 'other',
      command: '',
      pid: 0,
      cgroup: undefined,
      resource: EMPTY_RESOURCE,
      containerId: undefined,
      counts: true,
    };
  }

  /** Groups that have an id. */
  get size(): number {
    return this.#lives.size;
  }

  /** Names that the kernel's map has room for. */
  get capacity(): number {
    return this.#names.map.maxEntries;
  }

  get other(): Group {
    return this.#other;
  }

  /** When the collection that runs or ran last began, by the monotonic clock. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Begins a collection at this time of the monotonic clock. */
  begin(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#options.cgroups.allowScan();
    this.#options.gates?.askAgain(nowMs);
  }

  /** The group with this id; `other` for one that nothing is known of. */
  get(id: number): Group {
    if (id === GROUP_OTHER) return this.#other;
    const known = this.#lives.get(id);
    if (known !== undefined) return known.group;
    this.#readNames();
    return this.#lives.get(id)?.group ?? this.#other;
  }

  /** Whether somebody only looks, so that nothing has grown. */
  get isLooking(): boolean {
    return this.#isLooking;
  }

  /** What happens here changes no group's life. */
  looking(look: () => void): void {
    this.#isLooking = true;
    try {
      look();
    } finally {
      this.#isLooking = false;
    }
  }

  /** The group with this id, of which something has grown. */
  grown(id: number): Group {
    const group = this.get(id);
    this.changed(id);
    return group;
  }

  /** Something of the group has grown. */
  changed(id: number): void {
    if (this.#isLooking) return;
    const life = this.#lives.get(id);
    if (life !== undefined) life.changedMs = this.#nowMs;
  }

  /** The group had a living task in this collection. */
  alive(id: number, generation: number): void {
    const life = this.#lives.get(id);
    if (life !== undefined) life.alive = generation;
  }

  /** Ends what has been idle for long enough and has no living task. Returns the ids whose entries are to be deleted now. */
  retire(generation: number): ReadonlySet<number> {
    const { idleTimeoutMs } = this.#options;
    const isIdle = (life: GroupLife) => this.#nowMs - life.changedMs >= idleTimeoutMs && life.alive < generation;
    const ended = retire(this.#lives, { names: this.#names.map, generation, isIdle });
    if (ended.size > 0)
      this.#options.gates?.keep(new Set(Array.from(this.#lives.values(), ({ group }) => group.gate!)));
    return ended;
  }

  #readNames(): void {
    const entries = this.#names.read();
    const { keys, values, entryWords } = this.#names;
    const key = new GroupKey();
    const value = new GroupValue();
    for (let entry = 0; entry < entries; entry++) {
      const { id } = value.move(values, entry * entryWords);
      if (this.#lives.has(id)) continue;
      const at = entry * GroupKey.WORDS;
      this.#lives.set(id, {
        group: this.#describe(id, key.move(keys, at)),
        name: new Uint8Array(keys.slice(at, at + GroupKey.WORDS).buffer),
        changedMs: this.#nowMs,
        alive: 0,
        namelessSince: undefined,
      });
    }
  }

  #describe(id: number, key: GroupKey): Group {
    const { process, command, pid } = key;
    const cgroup = this.#options.cgroups.path(key.cgroup);
    const identity = cgroup === undefined ? {} : identifyCgroup(cgroup);
    const { containerId } = identity;
    const resource = identityResource(identity);
    const counts = this.#options.counts(process, cgroup);
    const gate = counts ? this.#options.gates?.of(identity, this.#nowMs) : undefined;
    return { id, process, command, pid, cgroup, resource, containerId, counts, ...(gate && { gate }) };
  }
}

/** The resource of what runs in a cgroup. */
export function identityResource({ containerId, containerName, podUid }: CgroupIdentity): Resource {
  return resourceOf({ 'container.id': containerId, 'container.name': containerName, 'k8s.pod.uid': podUid });
}

function resourceOf(known: Readonly<Record<string, string | undefined>>): Resource {
  const attributes = Object.entries(known).filter(([, value]) => value !== undefined) as [string, string][];
  return attributes.length === 0 ? EMPTY_RESOURCE : createResource(Object.fromEntries(attributes) as Attributes);
}
