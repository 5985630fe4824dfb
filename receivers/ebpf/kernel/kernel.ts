import type { Bpf, BpfLink, BpfMap, BpfObject, BpfProgram, RingBuffer } from 'bpflow/sdk';
import { CgroupPath } from '../../../bpf/process.gen.ts';
import { Absent, withAbsent } from './absent.ts';
import { Ladder, type Plan, type ProgramStatus, programNames, programOf, type Role } from './ladder.ts';
import { loadByLadder } from './load-by-ladder.ts';
import type { LoadedKernel } from './loaded-kernel.ts';
import { fileNames, openObject } from './objects.ts';
import type { KernelOptions } from './options.ts';
import { type OwnObject, ownObjects, refuseAll } from './own-objects.ts';
import { type ObjectName, objectNames, rolesOf } from './parts.ts';
import type { ScopeCgroup } from './scope.ts';

/** A thing to do in the kernel, and what does it. */
export interface ServedRole {
  readonly role: Role;
  /** Undefined when no program does it. */
  readonly program: string | undefined;
  /** Hooks that would be tried next, the strongest first. */
  readonly below: readonly string[];
}

/** What is known before anything is loaded. */
interface Known {
  readonly own: readonly OwnObject[];
  /** What is to be done. */
  readonly roles: readonly Role[];
  /** Programs whose tracepoint the kernel has not got, and the reason. */
  readonly absent: ReadonlyMap<string, string>;
  readonly options: KernelOptions;
}

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
  readonly #loaded: LoadedKernel;
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
    const here = new Absent();
    // Objects of the user's own may be at tracepoints of modules.
    const absent = options.source.own === undefined ? here.programs(programs) : new Map<string, string>();
    const there = new Set([...programs.keys()].filter((program) => !absent.has(program)));
    const roles = rolesOf({ ...options, iterators });
    const ladder = new Ladder(roles, there, here.without(options.allowed));
    const loaded = loadByLadder(bpf, options, ladder);
    if (iterators && (loaded.agent !== process.pid || !loaded.walks.has('living'))) {
      loaded.close();
      return Kernel.#load(bpf, { ...options, iterators: false }, own);
    }
    return new Kernel(loaded, ladder, programs, { own, roles, absent, options });
  }

  private constructor(loaded: LoadedKernel, ladder: Ladder, sections: ReadonlyMap<string, string>, known: Known) {
    this.objects = known.own;
    this.sampleShift = known.options.sampleShift;
    this.#loaded = loaded;
    this.#ladder = ladder;
    this.#sections = sections;
    this.plan = ladder.plan;
    this.programs = withAbsent(ladder.status(), known.roles, known.absent, known.options.allowed);
    this.missing = ladder.missing();
    this.attached = loaded.attached;
  }

  /** The agent's pod, when nothing outside counts. */
  get pod(): ScopeCgroup | undefined {
    return this.#loaded.pod;
  }

  /** Whether run time and switches of the living are credited by walking them; else at each switch. */
  get walksLiving(): boolean {
    return this.#loaded.walks.has('living');
  }

  /** Whether a role is served, or a part of it. */
  serves(name: string): boolean {
    return [...this.plan.rungs.keys()].some((role) => isOf(role, name));
  }

  /** What is lost because these roles are not served, one sentence each. */
  lostOf(...names: readonly string[]): string[] {
    return this.missing.filter((role) => names.some((name) => isOf(role, name))).map((role) => role.without);
  }

  /** Programs of a role that were tried in vain. */
  failuresOf(name: string): readonly ProgramStatus[] {
    const names = [name, ...this.#ladder.partsOf(name)];
    const tried = new Set(names.flatMap(programNames));
    return this.programs.filter(({ program, state }) => state !== 'attached' && tried.has(program));
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

  /** What does a role, or the parts of it; what is not done is among them. */
  servedAs(name: string): readonly ServedRole[] {
    return this.roles().filter(({ role }) => isOf(role, name));
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

  /** Undefined for one that is not loaded. */
  object(name: ObjectName): BpfObject | undefined {
    return this.#loaded.objects.get(name);
  }

  /** A map of an object that is loaded. */
  map(object: ObjectName, name: string): BpfMap | undefined {
    return this.object(object)?.map(name);
  }

  /** What runs the program of a role that is a walk; undefined when there is none. */
  walk(role: string): BpfLink | undefined {
    return this.#loaded.walks.get(role);
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

  /** Credits what living tasks did until now and marks their groups as alive in this generation, which it returns. */
  creditLiving(): number {
    return this.#loaded.creditLiving();
  }

  close(): void {
    this.#loaded.close();
  }
}

/** Whether it is the role of this name, or a part of that. */
function isOf(role: Role, name: string): boolean {
  return role.name === name || role.partOf === name;
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
