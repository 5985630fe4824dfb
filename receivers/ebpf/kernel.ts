import { existsSync } from 'node:fs';
import {
  type Bpf,
  BpfError,
  type BpfLink,
  type BpfMap,
  type BpfObject,
  type BpfProgram,
  type RingBuffer,
} from 'bpflow/sdk';
import { MemoryKind } from '../../bpf/mem.gen.ts';
import { CgroupPath, GROUP_OTHER, GroupTotals, Node } from '../../bpf/process.gen.ts';
import { setCgroupKnobs } from './cgroup-knobs.ts';
import { cgroupRoot, type DnsKernelOptions, dnsRoles, makeOtherDns, setDnsKnobs, sizeDnsMaps } from './dns-kernel.ts';
import {
  bufferBytes,
  channelMaps,
  type EventOptions,
  openEventRing,
  setChannelKnobs,
  setEventKnobs,
  sizeEventMaps,
} from './events/event-kernel.ts';
import { eventRoles } from './events/event-types.ts';
import { type KernelScopeOptions, type ScopeCgroup, scopeCgroup, setScope, setUserKnobs } from './kernel-scope.ts';
import { type Allowed, Ladder, type Plan, type ProgramStatus, programOf, type Role } from './ladder.ts';
import {
  makeOtherTraffic,
  type NetworkKernelOptions,
  networkRoles,
  setNetworkKnobs,
  sizeNetworkMaps,
} from './net-kernel.ts';
import { fileNames, type ObjectName, type ObjectSource, openObject } from './objects.ts';
import { type OwnObject, ownObjects, refuseAll } from './own-objects.ts';

export interface KernelOptions {
  readonly source: ObjectSource;
  /** Folder with objects that stand before those of the source; empty: none. */
  readonly ownObjects: string;
  readonly allowed: Allowed;
  /** Whether the living tasks may be walked; else run time and switches are credited at each switch. */
  readonly iterators: boolean;
  readonly scope: KernelScopeOptions;
  readonly withPid: boolean;
  readonly withCommand: boolean;
  readonly maxGroups: number;
  /** One in 2^this is timed, and told. */
  readonly sampleShift: number;
  /** Entries of `syscalls` and `syscall_errors`. */
  readonly maxEntries: number;
  /** Undefined: no system calls. */
  readonly syscalls: { readonly latency: boolean; readonly latencyByGroup: boolean } | undefined;
  /** Undefined: no scheduler. */
  readonly scheduler: { readonly waitByGroup: boolean } | undefined;
  /** Whether bytes read and written are credited. */
  readonly fileIo: boolean;
  /** Undefined: no call on files is traced. */
  readonly files:
    | { readonly operations: boolean; readonly regularFiles: boolean; readonly latencyByGroup: boolean }
    | undefined;
  /** Whether block I/O is timed. */
  readonly blockIo: boolean;
  /** Page faults are credited, the memory of the living is added up, OOM kills are counted; undefined: nothing of that. */
  readonly memory: { readonly allocations: boolean } | undefined;
  /** Undefined: no sockets. */
  readonly network: NetworkKernelOptions | undefined;
  /** Undefined: no DNS. */
  readonly dns: DnsKernelOptions | undefined;
  /** Undefined: no events. */
  readonly events: EventOptions | undefined;
}

/** A thing to do in the kernel, and what does it. */
export interface ServedRole {
  readonly role: Role;
  /** Undefined when no program does it. */
  readonly program: string | undefined;
  /** Hooks that would be tried next, the strongest first. */
  readonly below: readonly string[];
}

/** TCP connections one by one, of all network namespaces. */
export interface ToldSockets {
  /** Writes a `struct socket_record` for each that is open; throws `too_small` when they do not fit. Returns the bytes. */
  list(into: Uint8Array): number;
  /** Ring of those that end while they are wanted. */
  readonly ended: BpfMap;
  want(isWanted: boolean): void;
  /** How many found no room in the ring. */
  lost(): bigint;
}

/** Maps that all objects share. */
const SHARED_MAPS = ['task_states', 'task_table', 'groups', 'totals', 'node', 'ledger'];

/** Objects that time or tell what comes often. */
const SAMPLED_OBJECTS: ReadonlySet<ObjectName> = new Set(['syscall', 'sched', 'fileio', 'events', 'dns']);

/*
 * What maps have room for is what keeps them below 64 MiB on 64 CPUs with every group on: an entry of a map by CPU has a value
 * for each of them. What finds no room is `other`.
 */

/** Most entries of the map of failed calls: groups times calls times errors. */
const SYSCALL_ERRORS = 6144;
/** Calls of other ABIs than the machine's own that have a histogram each. */
const FOREIGN_LATENCIES = 64;
/** Entries of files, unless `max_groups` is raised: one has 2 KiB on 64 CPUs. */
const FILES = 3072;
/** Entries of allocations, unless there are more groups: not every group has one of each kind. */
const MEMORY = 4096;
const { MEMORY_KINDS } = MemoryKind;
/** Histograms of block devices: devices times operations. */
const BLOCK_LATENCIES = 96;
/** Most entries of histogram maps: one takes about fifty times as much as a counter. */
const LATENCIES_BY_GROUP = 2048;
const WAITS_BY_GROUP = 1024;
/** Most entries of the map of failed opens: groups times errors. */
const FILE_ERRORS = 2048;

/** The kernel half, loaded and attached. Closing it detaches everything; nothing of it is pinned here. */
export class Kernel {
  readonly programs: readonly ProgramStatus[];
  /** What became of objects of the user's own. */
  readonly objects: readonly OwnObject[];
  /** What is to be done in the kernel and no program does. */
  readonly missing: readonly Role[];
  readonly plan: Plan;
  /** Attached programs by name. */
  readonly attached: ReadonlyMap<string, BpfProgram>;
  /** One in 2^this is timed, and told. */
  readonly sampleShift: number;
  readonly #loaded: Loaded;
  readonly #ladder: Ladder;
  readonly #sections: ReadonlyMap<string, string>;

  /**
   * Loads and attaches by the strongest plan that the kernel takes. Throws a BpfError when there is none, or when the
   * objects cannot be used; nothing is left behind then.
   */
  static load(bpf: Bpf, asked: KernelOptions): Kernel {
    const own = ownObjects(bpf, asked.ownObjects, objectNames(asked), asked.source);
    if (own.files.size === 0) return Kernel.#load(bpf, asked, own.status);
    let kernel: Kernel | undefined;
    try {
      kernel = Kernel.#load(bpf, { ...asked, source: { ...asked.source, own: own.files } }, own.status);
      const failed = kernel.#failedOf(own.files);
      if (failed === undefined) return kernel;
      throw new Error(`${failed.program}: ${failed.reason}`);
    } catch (error) {
      kernel?.close();
      return Kernel.#load(bpf, asked, refuseAll(own, error));
    }
  }

  static #load(bpf: Bpf, options: KernelOptions, own: readonly OwnObject[]): Kernel {
    const programs = programSections(bpf, options);
    const iterators = options.iterators && programs.has('living');
    const ladder = new Ladder(rolesOf(options, iterators), new Set(programs.keys()), options.allowed);
    const loaded = loadByLadder(bpf, options, ladder);
    if (iterators && (loaded.agent !== process.pid || loaded.walk === undefined)) {
      loaded.close();
      return Kernel.#load(bpf, { ...options, iterators: false }, own);
    }
    return new Kernel(loaded, ladder, programs, { own, sampleShift: options.sampleShift });
  }

  private constructor(
    loaded: Loaded,
    ladder: Ladder,
    sections: ReadonlyMap<string, string>,
    { own, sampleShift }: { readonly own: readonly OwnObject[]; readonly sampleShift: number },
  ) {
    this.objects = own;
    this.sampleShift = sampleShift;
    this.#loaded = loaded;
    this.#ladder = ladder;
    this.#sections = sections;
    this.plan = ladder.plan;
    this.programs = ladder.status();
    this.missing = ladder.missing();
    this.attached = loaded.attached;
  }

  /** The agent's pod, when nothing outside counts. */
  get pod(): ScopeCgroup | undefined {
    return this.#loaded.pod;
  }

  /** Whether run time and switches of the living are credited by walking them; else at each switch. */
  get walksLiving(): boolean {
    return this.#loaded.walk !== undefined;
  }

  /** Whether a role is served. */
  serves(name: string): boolean {
    return [...this.plan.rungs.keys()].some((role) => role.name === name);
  }

  /** What is lost because these roles are not served, one sentence each. */
  lostOf(...names: readonly string[]): string[] {
    return this.missing.filter((role) => names.includes(role.name)).map((role) => role.without);
  }

  /** Programs of a role that were tried in vain. */
  failuresOf(name: string): readonly ProgramStatus[] {
    const suffixes = new Set(['', '_btf', '_raw', '_tp', '_cgroup'].map((suffix) => name + suffix));
    return this.programs.filter(({ program, state }) => state !== 'attached' && suffixes.has(program));
  }

  /** A program of these files whose role nobody has now. */
  #failedOf(files: ReadonlyMap<string, string>): ProgramStatus | undefined {
    const roles = this.missing.filter(({ object }) => fileNames(object).some((file) => files.has(file)));
    return roles.flatMap(({ name }) => this.failuresOf(name)).find(({ state }) => state === 'failed');
  }

  /** What is to be done in the kernel, with the program that does it and those that would be tried next. */
  roles(): readonly ServedRole[] {
    const served = [...this.plan.rungs].map(([role, rung]) => ({
      role,
      program: programOf(role, rung),
      below: this.#ladder.below(role).map((program) => this.hookOf(program)),
    }));
    return [...served, ...this.missing.map((role) => ({ role, program: undefined, below: [] }))];
  }

  /** What is lost without a program that is not attached; empty for one that nothing needs. */
  withoutOf(program: string): string {
    const found = this.missing.find(({ name }) => this.failuresOf(name).some((failed) => failed.program === program));
    return found?.without ?? '';
  }

  /** Where a program attaches, as its section says: `tp_btf/sys_exit`. Empty for one that there is not. */
  hookOf(program: string): string {
    return this.#sections.get(program) ?? '';
  }

  /** Every map that was created, once. */
  maps(): readonly BpfMap[] {
    return this.#loaded.maps();
  }

  /** A map of the process object, or of a group's object when that group is loaded. */
  map(object: ObjectName, name: string): BpfMap | undefined {
    return this.#loaded.objects.get(object)?.map(name);
  }

  /** What events come through; undefined when there are none. */
  get ring(): RingBuffer | undefined {
    return this.#loaded.ring;
  }

  /** Bytes of the buffer that each CPU has for events; 0 where there is a ring, or nothing. */
  get bufferBytes(): number {
    return this.ring === undefined || this.plan.ringbuf ? 0 : this.#loaded.bufferBytes;
  }

  /** Number of the collection that ran last. */
  get generation(): number {
    return this.#loaded.generation;
  }

  /** Path that a cgroup was made under; undefined when that was before the start, or too many were made since. */
  cgroupPath(id: bigint): string | undefined {
    const map = this.map('process', 'made_cgroups');
    const made = new Uint32Array(CgroupPath.WORDS);
    const found = map?.lookup(new Uint8Array(BigUint64Array.of(id).buffer), new Uint8Array(made.buffer));
    return found === true ? new CgroupPath().move(made, 0).path : undefined;
  }

  /** Undefined where sockets are not counted, or cannot be listed. */
  get toldSockets(): ToldSockets | undefined {
    return this.serves('socket_state') ? this.#loaded.toldSockets() : undefined;
  }

  /** Credits what living tasks did until now and marks their groups as alive in this generation, which it returns. */
  creditLiving(): number {
    return this.#loaded.creditLiving();
  }

  /** Whether processes that use much memory are looked for. */
  get walksMemory(): boolean {
    return this.#loaded.memoryWalk !== undefined;
  }

  /** Looks at the memory of every process, for the event of those that use much. Throws a BpfError. */
  walkMemory(): void {
    this.#loaded.memoryWalk?.iterate();
  }

  close(): void {
    this.#loaded.close();
  }
}

function rolesOf(
  { scope, syscalls, scheduler, fileIo, blockIo, memory, files, network, dns, events }: KernelOptions,
  iterators: boolean,
): Role[] {
  const roles: Role[] = [
    {
      object: 'process',
      name: 'task_newtask',
      without: 'New tasks are told from old ones only later: forks count twice, and run time before that is missing.',
    },
    { object: 'process', name: 'process_exec', without: 'A process that executes another program keeps its old name.' },
    {
      object: 'process',
      name: 'cgroup_attach',
      without: 'A move to another cgroup shows only at the next system call.',
    },
    {
      object: 'process',
      name: 'cgroup_mkdir',
      without: 'Containers that are gone before the next collection stay without a name.',
    },
    {
      object: 'process',
      name: 'process_free',
      without: 'Run time and switches that a task had after its last collection are missing.',
    },
    iterators
      ? { object: 'process', name: 'living', without: 'Living tasks cannot be walked.' }
      : { object: 'process', name: 'process_leave', without: 'Run time and switches show only when a task ends.' },
  ];
  if (watchesUsers({ scope, syscalls })) {
    roles.push({
      object: 'users',
      name: 'user_change',
      without: 'A change of user shows only at the next collection, or where something else is counted.',
    });
  }
  if (fileIo || memory !== undefined) {
    roles.push({
      object: 'process',
      name: 'process_end',
      without: 'Bytes and faults that a task had after its last collection may be missing.',
    });
  }
  if (syscalls !== undefined) {
    roles.push(
      { object: 'syscall', name: 'sys_exit', without: 'System calls are not counted.' },
      ...(syscalls.latency
        ? [{ object: 'syscall', name: 'sys_enter', without: 'System calls have no latency.' } as const]
        : []),
      {
        object: 'syscall',
        name: 'signal_deliver',
        without: 'System calls that a signal interrupted for good are not counted.',
      },
      { object: 'syscall', name: 'process_exit', without: 'exit and exit_group are not counted.' },
    );
  }
  if (memory !== undefined) {
    roles.push(
      { object: 'mem', name: 'oom_victim', stateless: true, without: 'OOM kills are not counted.' },
      ...(memory.allocations
        ? ([
            { object: 'mem', name: 'page_alloc', without: 'Allocated pages are not counted.' },
            { object: 'mem', name: 'memory_exit', without: 'Calls of mmap and brk are not counted.' },
          ] as const)
        : []),
    );
  }
  if (blockIo) {
    const without = 'Block I/O is not timed.';
    roles.push(
      { object: 'block', name: 'block_issue', stateless: true, without },
      { object: 'block', name: 'block_complete', stateless: true, without },
    );
  }
  if (network !== undefined) roles.push(...networkRoles(network, iterators));
  if (dns !== undefined) roles.push(...dnsRoles());
  if (files !== undefined) {
    roles.push(
      { object: 'fileio', name: 'file_exit', without: 'Opens are not counted, and calls on files are not timed.' },
      { object: 'fileio', name: 'file_enter', without: 'Calls on files are not timed.' },
    );
  }
  if (scheduler !== undefined) {
    roles.push(
      { object: 'sched', name: 'sched_switch', without: 'The wait on the run queue is not measured.' },
      { object: 'sched', name: 'sched_wakeup', without: 'The wait on the run queue after a wake-up is not measured.' },
      {
        object: 'sched',
        name: 'sched_wakeup_new',
        without: 'The first wait of new tasks on the run queue is not measured.',
      },
    );
  }
  if (events !== undefined) {
    roles.push(...eventRoles(events.types).filter(({ name }) => iterators || !ITERATORS.has(name)));
  }
  return roles;
}

/** Programs that look at every call see a change of user themselves. */
function watchesUsers({ scope, syscalls }: Pick<KernelOptions, 'scope' | 'syscalls'>): boolean {
  return scope.users.length > 0 && syscalls === undefined;
}

function objectNames({
  scope,
  syscalls,
  scheduler,
  files,
  memory,
  blockIo,
  network,
  dns,
  events,
}: KernelOptions): ObjectName[] {
  return [
    'process',
    ...(watchesUsers({ scope, syscalls }) ? (['users'] as const) : []),
    ...(syscalls ? (['syscall'] as const) : []),
    ...(scheduler ? (['sched'] as const) : []),
    ...(files ? (['fileio'] as const) : []),
    ...(memory ? (['mem'] as const) : []),
    ...(blockIo ? (['block'] as const) : []),
    ...(network ? (['net'] as const) : []),
    ...(events ? (['events'] as const) : []),
    // Behind the object whose ring it fills.
    ...(dns ? (['dns'] as const) : []),
  ];
}

/** All programs that there are, with their sections. */
function programSections(bpf: Bpf, options: KernelOptions): Map<string, string> {
  const sections = new Map<string, string>();
  for (const name of objectNames(options)) {
    using object = openObject(bpf, name, options.source);
    for (const program of object.programNames) sections.set(program, object.section(program));
  }
  return sections;
}

function loadByLadder(bpf: Bpf, asked: KernelOptions, ladder: Ladder): Loaded {
  let options = asked;
  for (;;) {
    try {
      return new Loaded(bpf, options, ladder.plan);
    } catch (error) {
      if (!(error instanceof BpfError) || error.subject === undefined) throw error;
      if (error.code === 'map' || error.operation === 'ring') {
        if (!ladderWithoutMap(ladder, error.subject, reasonOf(error))) throw error;
        if (error.subject === 'event_buffers') options = { ...options, events: undefined };
      } else if (error.code !== 'load' && error.code !== 'attach') {
        throw error;
      } else if (!ladder.failed({ program: error.subject, reason: reasonOf(error), ...logOf(error) })) {
        throw error;
      }
    }
  }
}

/** A map cannot be had, or not be read: false when nothing goes on without. */
function ladderWithoutMap(ladder: Ladder, map: string, reason: string): boolean {
  if (map === 'task_states') return ladder.withoutTaskStorage();
  if (map === 'events') return ladder.withoutRing();
  return map === 'event_buffers' && ladder.withoutObject('events', reason);
}

/** The kernel's answer in one line. */
function reasonOf(error: BpfError): string {
  const lines = error.verifierLog?.trim().split('\n') ?? [];
  const told = lines.findLast((line) => !/^(processed|verification time|stack depth|\d+:|;|-- )/.test(line));
  return [`${error.operation}: ${error.errno ?? error.code}`, ...(told ? [told.slice(0, LOG_WIDTH)] : [])].join(', ');
}

const LOG_LINES = 20;
const LOG_WIDTH = 200;

/** The end of the verifier's log, where it says what it does not like. */
function logOf({ verifierLog }: BpfError): { readonly log?: readonly string[] } {
  const lines = verifierLog?.trim().split('\n') ?? [];
  return lines.length <= 1 ? {} : { log: lines.slice(-LOG_LINES).map((line) => line.slice(0, LOG_WIDTH)) };
}

/** One try to load everything that a plan says. */
class Loaded {
  readonly objects = new Map<ObjectName, BpfObject>();
  readonly attached = new Map<string, BpfProgram>();
  readonly #links: BpfLink[] = [];
  readonly #plan: Plan;
  readonly #options: KernelOptions;
  readonly #node: Uint32Array<ArrayBuffer>;
  /** What events come through; undefined when there are none. */
  ring: RingBuffer | undefined;
  #pod: ScopeCgroup | undefined;
  #walk: BpfLink | undefined;
  #socketWalk: BpfLink | undefined;
  #socketList: BpfLink | undefined;
  #memoryWalk: BpfLink | undefined;

  constructor(bpf: Bpf, options: KernelOptions, plan: Plan) {
    this.#plan = plan;
    this.#options = options;
    this.#node = new Uint32Array(Node.WORDS);
    try {
      for (const name of objectNames(options)) {
        if (name === 'events' && this.#programsOf(name).length === 0 && !this.#tellsDns) continue;
        if (name === 'dns' && this.#programsOf(name).length === 0) continue;
        this.#load(name, openObject(bpf, name, options.source, plan.atomics));
      }
      this.#begin();
      for (const name of this.objects.keys()) this.#attach(name);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  get pod(): ScopeCgroup | undefined {
    return this.#pod;
  }

  get walk(): BpfLink | undefined {
    return this.#walk;
  }

  get bufferBytes(): number {
    return bufferBytes(this.#options.events!);
  }

  /** The agent's process id as the kernel knows it. */
  get agent(): number {
    return new Node().move(this.#readNode(), 0).agent;
  }

  maps(): readonly BpfMap[] {
    const all = [...this.objects.values()].flatMap((object) =>
      object.mapNames.flatMap((name) => created(object, name)),
    );
    return [...new Map(all.map((map) => [map.id, map])).values()];
  }

  toldSockets(): ToldSockets | undefined {
    const net = this.objects.get('net');
    const list = this.#socketList;
    if (net === undefined || list === undefined) return undefined;
    return {
      list: (into) => list.iterate(into),
      ended: net.map('ended_sockets'),
      want: (isWanted) => net.setGlobal('ended_wanted', isWanted ? 1 : 0),
      lost: () => new DataView(net.getGlobal('ended_lost').buffer).getBigUint64(0, true),
    };
  }

  creditLiving(): number {
    this.#walk?.iterate();
    this.#socketWalk?.iterate();
    return this.generation;
  }

  get memoryWalk(): BpfLink | undefined {
    return this.#memoryWalk;
  }

  get generation(): number {
    return Number(new Node().move(this.#readNode(), 0).generation);
  }

  close(): void {
    for (const link of this.#links) link.close();
    for (const object of [...this.objects.values()].reverse()) object.close();
  }

  #load(name: ObjectName, object: BpfObject): void {
    this.objects.set(name, object);
    const wanted = new Set(this.#programsOf(name));
    if (name === 'process') wanted.add('learn_agent');
    for (const program of object.programNames) object.setAutoload(program, wanted.has(program));
    this.#setMaps(name, object);
    this.#setKnobs(name, object);
    object.load();
  }

  #setMaps(name: ObjectName, object: BpfObject): void {
    const { maxEntries, maxGroups, syscalls, scheduler, files, network, dns, events } = this.#options;
    object.setAutocreate(this.#plan.taskStorage ? 'task_table' : 'task_states', false);
    if (name === 'process') {
      object.setMaxEntries('groups', maxGroups);
      object.setMaxEntries('totals', maxGroups + 1);
      return;
    }
    const shared = this.objects.get('process')!;
    for (const map of SHARED_MAPS) {
      if (map !== (this.#plan.taskStorage ? 'task_table' : 'task_states')) object.reuseMap(map, shared.map(map));
    }
    if (name === 'syscall') {
      object.setMaxEntries('syscalls', maxEntries);
      object.setMaxEntries('syscall_errors', Math.min(maxEntries, SYSCALL_ERRORS));
      if (!syscalls?.latency || syscalls.latencyByGroup) object.setMaxEntries('latencies', 1);
      const keyed = syscalls?.latencyByGroup ? Math.min(maxEntries, LATENCIES_BY_GROUP) : FOREIGN_LATENCIES;
      object.setMaxEntries('keyed_latencies', syscalls?.latency ? keyed : 1);
    } else if (name === 'net') {
      sizeNetworkMaps(object, network!, { ...this.#options, socketStorage: this.#plan.socketStorage });
    } else if (name === 'mem') {
      object.setMaxEntries('memory', Math.min(maxEntries, maxGroups * MEMORY_KINDS, Math.max(MEMORY, maxGroups)));
    } else if (name === 'block') {
      object.setMaxEntries('block_latencies', BLOCK_LATENCIES);
    } else if (name === 'fileio') {
      object.setMaxEntries('files', Math.min(maxGroups, Math.max(FILES, Math.ceil((maxGroups * 3) / 4))));
      object.setMaxEntries('file_errors', Math.min(maxEntries, FILE_ERRORS));
      object.setMaxEntries('file_latencies', files?.latencyByGroup ? Math.min(maxEntries, WAITS_BY_GROUP) : 1);
    } else if (name === 'sched') {
      object.setMaxEntries('waits', scheduler?.waitByGroup ? Math.min(maxEntries, WAITS_BY_GROUP) : 1);
    } else if (name === 'events') {
      sizeEventMaps(object, events!, this.#plan);
    } else if (name === 'dns') {
      const { ringbuf } = this.#plan;
      sizeDnsMaps(object, dns!, maxEntries, this.#tellsDns && !ringbuf);
      const { shared, unused } = channelMaps(ringbuf);
      for (const map of shared) {
        if (this.#tellsDns) object.reuseMap(map, this.objects.get('events')!.map(map));
        else object.setAutocreate(map, false);
      }
      object.setAutocreate(unused, false);
    }
  }

  #setKnobs(name: ObjectName, object: BpfObject): void {
    const {
      scope,
      withPid,
      withCommand,
      sampleShift,
      syscalls,
      scheduler,
      fileIo,
      memory,
      files,
      network,
      dns,
      events,
    } = this.#options;
    setCgroupKnobs(object);
    object.setGlobal('use_task_storage', this.#plan.taskStorage);
    setUserKnobs(object, scope.users);
    object.setGlobal('with_pid', withPid);
    object.setGlobal('with_command', withCommand);
    object.setGlobal('with_io', fileIo);
    object.setGlobal('with_memory', memory !== undefined);
    if (SAMPLED_OBJECTS.has(name)) object.setGlobal('sample_shift', sampleShift);
    if (name === 'syscall') {
      const served = new Set([...this.#plan.rungs.keys()].map((role) => role.name));
      object.setGlobal('with_latency', served.has('sys_enter'));
      object.setGlobal('with_restarts', served.has('signal_deliver') && served.has('process_exit'));
      object.setGlobal('latency_by_group', syscalls?.latencyByGroup ?? false);
    } else if (name === 'fileio') {
      object.setGlobal('with_operations', files?.operations ?? false);
      object.setGlobal('with_regular_files', files?.regularFiles ?? false);
      object.setGlobal('file_latency_by_group', files?.latencyByGroup ?? false);
    } else if (name === 'net') {
      const apart = this.#programsOf(name).includes('socket_softirq_btf');
      setNetworkKnobs(object, network!, { apart, socketStorage: this.#plan.socketStorage });
    } else if (name === 'sched') {
      object.setGlobal('wait_by_group', scheduler?.waitByGroup ?? false);
    } else if (name === 'events') {
      setEventKnobs(object, events!, this.#plan);
    } else if (name === 'dns') {
      setDnsKnobs(object, dns!, this.#tellsDns);
      if (events !== undefined) setChannelKnobs(object, events, this.#plan.ringbuf);
    }
  }

  /** What must be there before the first program runs. */
  #begin(): void {
    const shared = this.objects.get('process')!;
    shared.map('totals').update(key(GROUP_OTHER), new Uint8Array(GroupTotals.SIZE), 'any');
    const net = this.objects.get('net');
    if (net !== undefined) makeOtherTraffic(net);
    const dns = this.objects.get('dns');
    if (dns !== undefined) makeOtherDns(dns);
    const events = this.objects.get('events');
    if (events !== undefined) this.ring = openEventRing(events, this.#options.events!, this.#plan.ringbuf);
    shared.program('learn_agent').testRun(new Uint8Array(16));
    this.#pod = scopeCgroup(shared.map('agent_cgroups'), this.#options.scope.scope);
    if (this.#pod !== undefined) setScope(shared.map('node'), this.#pod.id);
  }

  #attach(name: ObjectName): void {
    const object = this.objects.get(name)!;
    for (const program of this.#programsOf(name)) {
      if (ITERATORS.has(program)) continue;
      this.#links.push(attach(object, program));
      this.attached.set(program, object.program(program));
    }
    if (name === 'net') this.#walkSockets(object);
    if (name === 'events' && this.#programsOf(name).includes('event_memory')) {
      this.#memoryWalk = object.program('event_memory').attach();
      this.#links.push(this.#memoryWalk);
      this.attached.set('event_memory', object.program('event_memory'));
    }
    if (name !== 'process' || !this.#programsOf(name).includes('living')) return;
    this.#walk = object.program('living').attach();
    this.#links.push(this.#walk);
    this.attached.set('living', object.program('living'));
    this.creditLiving();
  }

  /** Gives the sockets that are there an owner, once; then they can be walked. */
  #walkSockets(object: BpfObject): void {
    const wanted = this.#programsOf('net');
    if (wanted.includes('older_sockets')) {
      const once = object.program('older_sockets').attach();
      try {
        once.iterate();
      } finally {
        once.close();
      }
      this.attached.set('older_sockets', object.program('older_sockets'));
    }
    const walk = (program: string): BpfLink | undefined => {
      if (!wanted.includes(program)) return undefined;
      const link = object.program(program).attach({ map: object.map('sockets') });
      this.#links.push(link);
      this.attached.set(program, object.program(program));
      return link;
    };
    this.#socketWalk = walk('living_sockets');
    this.#socketList = walk('listed_sockets');
  }

  /** Whether messages of DNS go into the ring of events. */
  get #tellsDns(): boolean {
    return this.#options.dns !== undefined && this.#options.events?.types.has('dns') === true;
  }

  #programsOf(name: ObjectName): string[] {
    return [...this.#plan.rungs].filter(([role]) => role.object === name).map(([role, rung]) => programOf(role, rung));
  }

  #readNode(): Uint32Array<ArrayBuffer> {
    this.objects.get('process')!.map('node').lookup(key(0), new Uint8Array(this.#node.buffer));
    return this.#node;
  }
}

/** Attaches a program as its section says; those of cgroups at the root of the tree, where all sockets are. */
function attach(object: BpfObject, program: string): BpfLink {
  if (!object.section(program).startsWith('cgroup')) return object.program(program).attach();
  const cgroup = cgroupRoot();
  if (cgroup !== undefined) return object.program(program).attach({ cgroup });
  const why = 'the root of the cgroup v2 tree is not mounted here; give the agent /sys/fs/cgroup of the host';
  throw new BpfError(`Cannot attach the program "${program}": ${why}.`, {
    code: 'attach',
    operation: `attach: ${why}`,
    subject: program,
  });
}

/** The map, unless it was not to be created. */
function created(object: BpfObject, name: string): BpfMap | [] {
  try {
    return object.map(name);
  } catch (error) {
    if (error instanceof BpfError && error.code === 'misuse') return [];
    throw error;
  }
}

const ITERATORS: ReadonlySet<string> = new Set([
  'living',
  'living_sockets',
  'older_sockets',
  'listed_sockets',
  'event_memory',
]);

function key(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}

/** Why BPF cannot work here at all, with what to do; undefined when it may. */
export function obstacle(bpf: Bpf, btfPath: string): string | undefined {
  const capabilities = bpf.capabilities();
  const bpfAllowed = capabilities.includes('cap_bpf') && capabilities.includes('cap_perfmon');
  if (process.platform === 'linux' && bpf.possibleCpus > 0 && !bpfAllowed && !capabilities.includes('cap_sys_admin')) {
    return 'Permission denied: run as root, or give the agent CAP_BPF and CAP_PERFMON (before Linux 5.8: CAP_SYS_ADMIN).';
  }
  if (process.platform === 'linux' && btfPath === '' && !existsSync('/sys/kernel/btf/vmlinux')) {
    return 'BTF not found: /sys/kernel/btf/vmlinux is missing. Use a kernel with CONFIG_DEBUG_INFO_BTF, or set btf_path.';
  }
  return undefined;
}
