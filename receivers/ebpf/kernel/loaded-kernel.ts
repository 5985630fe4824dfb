import {
  type Bpf,
  BpfError,
  type BpfLink,
  type BpfMap,
  type BpfObject,
  type BpfProgram,
  type RingBuffer,
} from 'bpflow/sdk';
import { GROUP_OTHER, GroupTotals, Node } from '../../../bpf/process.gen.ts';
import { bufferBytes, openEventRing } from '../events/event-kernel.ts';
import { cgroupRoot, makeOtherDns } from '../metrics/dns/kernel.ts';
import { makeOtherTraffic } from '../metrics/net/kernel.ts';
import type { Plan } from './ladder.ts';
import { type ObjectName, openObject } from './objects.ts';
import type { KernelOptions } from './options.ts';
import { setKnobs, setMaps } from './preparation.ts';
import { ITERATORS, objectNames, programsOf, tellsDns } from './roles.ts';
import { type ScopeCgroup, scopeCgroup, setScope } from './scope.ts';

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

/** One try to load everything that a plan says. */
export class LoadedKernel {
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
        if (name === 'events' && programsOf(this.#plan, name).length === 0 && !tellsDns(options)) continue;
        if (name === 'dns' && programsOf(this.#plan, name).length === 0) continue;
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
    const wanted = new Set(programsOf(this.#plan, name));
    if (name === 'process') wanted.add('learn_agent');
    for (const program of object.programNames) object.setAutoload(program, wanted.has(program));
    const preparation = { options: this.#options, plan: this.#plan, loaded: this.objects };
    setMaps(name, object, preparation);
    setKnobs(name, object, preparation);
    object.load();
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
    for (const program of programsOf(this.#plan, name)) {
      if (ITERATORS.has(program)) continue;
      this.#links.push(attach(object, program));
      this.attached.set(program, object.program(program));
    }
    if (name === 'net') this.#walkSockets(object);
    if (name === 'events' && programsOf(this.#plan, name).includes('event_memory')) {
      this.#memoryWalk = object.program('event_memory').attach();
      this.#links.push(this.#memoryWalk);
      this.attached.set('event_memory', object.program('event_memory'));
    }
    if (name !== 'process' || !programsOf(this.#plan, name).includes('living')) return;
    this.#walk = object.program('living').attach();
    this.#links.push(this.#walk);
    this.attached.set('living', object.program('living'));
    this.creditLiving();
  }

  /** Gives the sockets that are there an owner, once; then they can be walked. */
  #walkSockets(object: BpfObject): void {
    const { socketTable } = this.#plan;
    const wanted = programsOf(this.#plan, 'net');
    const programOfWalk = (role: string) => (socketTable ? `${role}_table` : role);
    const older = programOfWalk('older_sockets');
    if (wanted.includes(older)) {
      const once = object.program(older).attach();
      try {
        once.iterate();
      } finally {
        once.close();
      }
      this.attached.set(older, object.program(older));
    }
    const walk = (role: string): BpfLink | undefined => {
      const program = programOfWalk(role);
      if (!wanted.includes(program)) return undefined;
      const link = object.program(program).attach({ map: object.map(socketTable ? 'socket_table' : 'sockets') });
      this.#links.push(link);
      this.attached.set(program, object.program(program));
      return link;
    };
    this.#socketWalk = walk('living_sockets');
    this.#socketList = walk('listed_sockets');
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

function key(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}
