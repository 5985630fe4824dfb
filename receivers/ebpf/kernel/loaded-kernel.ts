import {
  type Bpf,
  BpfError,
  type BpfLink,
  type BpfMap,
  type BpfObject,
  type BpfProgram,
  type RingBuffer,
} from 'bpflow/sdk';
import { Node } from '../../../bpf/process.gen.ts';
import { bufferBytes, openEventRing } from '../events/event-kernel.ts';
import { cgroupRoot } from './cgroup-root.ts';
import { type Plan, programOf, type Role, type Rung, type Walk } from './ladder.ts';
import { openObject } from './objects.ts';
import type { KernelOptions } from './options.ts';
import { type ObjectName, objectNames, partOf } from './parts.ts';
import { prepare } from './preparation.ts';
import { LEARN_AGENT } from './process.ts';
import { type ScopeCgroup, scopeCgroup, setScope } from './scope.ts';

/** One try to load everything that a plan says. */
export class LoadedKernel {
  readonly objects = new Map<ObjectName, BpfObject>();
  readonly attached = new Map<string, BpfProgram>();
  /** Programs that can be run, by the name of their role. */
  readonly walks = new Map<string, BpfLink>();
  readonly #atCollection: BpfLink[] = [];
  readonly #links: BpfLink[] = [];
  readonly #plan: Plan;
  readonly #options: KernelOptions;
  readonly #node: Uint32Array<ArrayBuffer>;
  /** What events come through; undefined when there are none. */
  ring: RingBuffer | undefined;
  #pod: ScopeCgroup | undefined;

  constructor(bpf: Bpf, options: KernelOptions, plan: Plan) {
    this.#plan = plan;
    this.#options = options;
    this.#node = new Uint32Array(Node.WORDS);
    try {
      for (const name of objectNames(options)) {
        if (partOf(name).needsPrograms?.(options) && this.#programsOf(name).length === 0) continue;
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

  creditLiving(): number {
    for (const walk of this.#atCollection) walk.iterate();
    return this.generation;
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
    if (name === 'process') wanted.add(LEARN_AGENT);
    for (const program of object.programNames) object.setAutoload(program, wanted.has(program));
    prepare(name, object, { options: this.#options, plan: this.#plan, loaded: this.objects });
    object.load();
  }

  /** What must be there before the first program runs. */
  #begin(): void {
    for (const [name, object] of this.objects) partOf(name).begin?.(object);
    const events = this.objects.get('events');
    if (events !== undefined) this.ring = openEventRing(events, this.#options.events!, this.#plan.ringbuf);
    const shared = this.objects.get('process')!;
    shared.program(LEARN_AGENT).testRun(new Uint8Array(16));
    this.#pod = scopeCgroup(shared.map('agent_cgroups'), this.#options.scope.scope);
    if (this.#pod !== undefined) setScope(shared.map('node'), this.#pod.id);
  }

  #attach(name: ObjectName): void {
    const object = this.objects.get(name)!;
    const rungs = this.#rungsOf(name);
    for (const [role, rung] of rungs) {
      if (role.walk === undefined) this.#links.push(attach(object, programOf(role, rung)));
    }
    // Behind the others: what those were too late to see is there then.
    for (const [role, rung] of rungs) {
      if (role.walk !== undefined) this.#attachWalk(object, role, rung, role.walk);
    }
    for (const program of this.#programsOf(name)) this.attached.set(program, object.program(program));
    if (name === 'process') this.creditLiving();
  }

  #attachWalk(object: BpfObject, role: Role, rung: Rung, { at, map: maps }: Walk): void {
    const map = maps?.[rung];
    const link = object.program(programOf(role, rung)).attach(map === undefined ? {} : { map: object.map(map) });
    if (at === 'start') {
      using once = link;
      once.iterate();
      return;
    }
    this.#links.push(link);
    this.walks.set(role.name, link);
    if (at === 'collection') this.#atCollection.push(link);
  }

  #rungsOf(name: ObjectName): readonly (readonly [Role, Rung])[] {
    return [...this.#plan.rungs].filter(([role]) => role.object === name);
  }

  /** Programs of an object that do what the plan says. */
  #programsOf(name: ObjectName): readonly string[] {
    return this.#rungsOf(name).map(([role, rung]) => programOf(role, rung));
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
