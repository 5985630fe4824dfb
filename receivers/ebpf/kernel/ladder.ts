import type { ObjectName } from './parts.ts';

/**
 * A rung of a ladder: the suffix of its program's name. `call`: a trace event of one system call, where no other hook does;
 * `table`: an iterator over what stands in a table by address; `fexit`: the end of a function.
 */
export type Rung = 'btf' | 'raw' | 'tp' | 'call' | 'fexit' | 'iter' | 'table' | 'cgroup';

/** A thing to do in the kernel that one of several programs can do. */
export interface Role {
  readonly object: ObjectName;
  /** Name of its programs without `_<rung>`; the iterator's whole name. */
  readonly name: string;
  /** Its raw rung does without the storage of other tasks. */
  readonly stateless?: boolean;
  /** It `keeps` something for sockets, in their storage or in a table by their address, or `walks` what is kept. */
  readonly sockets?: 'keeps' | 'walks';
  /** Its program does not wait for something to happen: it is run. */
  readonly walk?: Walk;
  /** Name of the role that it does a part of, which stands before it. Tried where no program does that one alone. */
  readonly partOf?: string;
  /** Nothing is lost in a kernel that has not got the function which its program looks at. */
  readonly ifThere?: boolean;
  /** What is lost or inexact without it, in one sentence. */
  readonly without: string;
}

/** A program that is run. */
export interface Walk {
  /** When: once at the start, at each collection, or when somebody asks. */
  readonly at: 'start' | 'collection' | 'request';
  /** The map over whose entries it goes, by rung; without one, over what the kernel has. */
  readonly map?: Readonly<Partial<Record<Rung, string>>>;
}

/** What is being tried: the rung of each role, and the shape of the shared maps. */
export interface Plan {
  readonly rungs: ReadonlyMap<Role, Rung>;
  readonly taskStorage: boolean;
  readonly atomics: boolean;
  /** Typed tracepoints can have storage in sockets. */
  readonly socketStorage: boolean;
  /** What is kept for the metrics of sockets is in a table by their address, else in the sockets themselves. */
  readonly socketTable: boolean;
  /** Events go through one ring, else through a buffer of each CPU. */
  readonly ringbuf: boolean;
}

/** A try that failed: at a program's load or attach, or at a map. */
export interface Failure {
  readonly program: string;
  readonly reason: string;
  /** What it is to be attached to does not exist. */
  readonly isGone?: boolean;
  /** The verifier's last lines, where it refused the program. */
  readonly log?: readonly string[];
}

export type ProgramState = 'attached' | 'failed' | 'off';

/** One line of `bpflow_program_status`. */
export interface ProgramStatus {
  readonly program: string;
  readonly state: ProgramState;
  /** Empty when attached. */
  readonly reason: string;
  /** The verifier's last lines, of a program that it refused. */
  readonly log?: readonly string[];
}

/** Which rungs a machine may be tried with. */
export interface Allowed {
  readonly tpBtf: boolean;
  readonly rawTp: boolean;
  readonly taskStorage: boolean;
  readonly socketStorage: boolean;
  /**
   * They come first then: where a task may be preempted in a tracepoint, the program is not run for the others on its CPU
   * until it goes on; a trace event holds preemption off.
   */
  readonly traceEvents: boolean;
  readonly fexit: boolean;
  readonly ringbuf: boolean;
}

/**
 * Chooses a rung for every role by trying: the caller loads what {@link Ladder.plan} says and reports what failed; the plan
 * then is the next weaker one. A role without a rung left is off; nothing else stops.
 *
 * Only typed tracepoints may reach the storage of a task that is not the current one, so the first step down to raw
 * tracepoints moves all task state into a hash, unless the program needs none of it.
 */
export class Ladder {
  readonly #roles: readonly Role[];
  readonly #programs: ReadonlySet<string>;
  readonly #allowed: Allowed;
  readonly #rungs = new Map<Role, Rung>();
  readonly #failed: ProgramStatus[] = [];
  /** Roles that this kernel needs nobody for. */
  readonly #needless = new Set<Role>();
  #taskStorage: boolean;
  #atomics = true;
  #socketStorage: boolean;
  /** The role whose refusal took the storage of sockets away. */
  #suspect: Role | undefined;
  #ringbuf: boolean;

  /** `programs`: names of all programs in the objects. */
  constructor(roles: readonly Role[], programs: ReadonlySet<string>, allowed: Allowed) {
    this.#roles = roles;
    this.#programs = programs;
    this.#allowed = allowed;
    this.#taskStorage = allowed.taskStorage && allowed.tpBtf;
    this.#socketStorage = allowed.socketStorage;
    this.#ringbuf = allowed.ringbuf;
    this.#startAtTop();
  }

  get plan(): Plan {
    return {
      rungs: this.#rungs,
      taskStorage: this.#taskStorage,
      atomics: this.#atomics,
      socketStorage: this.#socketStorage,
      socketTable: this.#hasSocketTable(),
      ringbuf: this.#ringbuf,
    };
  }

  /** Task storage cannot be had: all task state goes into a hash. False when that is so already. */
  withoutTaskStorage(): boolean {
    if (!this.#taskStorage) return false;
    this.#taskStorage = false;
    return true;
  }

  /** A ring cannot be had: events go through a buffer of each CPU. False when that is so already. */
  withoutRing(): boolean {
    if (!this.#ringbuf) return false;
    this.#ringbuf = false;
    return true;
  }

  /** A program failed: its role goes one rung down, or is off. False when no role has this program. */
  failed({ program, reason, log, isGone = false }: Failure): boolean {
    const role = [...this.#rungs.keys()].find((each) => programOf(each, this.#rungs.get(each)!) === program);
    if (role === undefined) return false;
    const rung = this.#rungs.get(role)!;
    if (role.ifThere === true && isGone) {
      this.#rungs.delete(role);
      this.#needless.add(role);
      return true;
    }
    this.#failed.push({ program, state: 'failed', reason, ...(log !== undefined && { log }) });
    const next = this.#below(role, rung)[0];
    if (next !== undefined) {
      this.#rungs.set(role, next);
      if (role.stateless !== true && next === 'raw') this.#taskStorage = false;
    } else if (rung === 'call' || (rung === 'fexit' && !isGone)) {
      this.#withoutRung(rung, reason);
    } else if (this.#socketStorage && role.sockets === 'keeps' && this.#suspect === undefined) {
      // It may have been refused for the storage of sockets: it is tried with the table.
      this.#suspect = role;
      this.#socketStorage = false;
    } else if (this.#atomics && role.object === 'process') {
      this.#weakenAtomics();
    } else {
      this.#rungs.delete(role);
      for (const part of this.#partsOf(role.name)) this.#startAt(part);
      if (role === this.#suspect) this.#socketStorage = true;
    }
    this.#chooseWalks();
    return true;
  }

  /** An object cannot be had at all: the roles that it serves are off. False when there are none. */
  withoutObject(object: ObjectName, reason: string): boolean {
    const roles = this.#roles.filter((role) => role.object === object && this.#rungs.has(role));
    for (const role of roles) {
      this.#failed.push({ program: programOf(role, this.#rungs.get(role)!), state: 'failed', reason });
      this.#rungs.delete(role);
    }
    return roles.length > 0;
  }

  /** All programs that were tried, and the roles that have none. */
  status(): ProgramStatus[] {
    const attached = [...this.#rungs].map(
      ([role, rung]): ProgramStatus => ({ program: programOf(role, rung), state: 'attached', reason: '' }),
    );
    const tried = new Set(this.#failed.map(({ program }) => program));
    const off = [...this.missing(), ...this.#needless]
      .filter((role) => ![role, ...this.#partsOf(role.name)].some((each) => this.#wasTried(each, tried)))
      .map((role): ProgramStatus => ({ program: role.name, state: 'off', reason: this.#whyOff(role) }));
    const failed = this.#failed.filter(
      ({ program }, i) =>
        !attached.some((each) => each.program === program) &&
        this.#failed.findLastIndex((f) => f.program === program) === i,
    );
    return [...attached, ...failed, ...off];
  }

  /** Programs that would be tried next for a role, the strongest first. */
  below(role: Role): readonly string[] {
    const rung = this.#rungs.get(role);
    if (rung === undefined) return [];
    const parts = this.#partsOf(role.name).flatMap((part) => this.#rungsOf(part).map((each) => programOf(part, each)));
    return [...this.#below(role, rung).map((each) => programOf(role, each)), ...parts];
  }

  /** Roles that no program serves, nor programs for its parts; where those do, the parts that have none. */
  missing(): readonly Role[] {
    const inParts = new Set([...this.#rungs.keys()].map(({ partOf }) => partOf));
    return this.#roles.filter(
      (role) =>
        !this.#rungs.has(role) &&
        !this.#needless.has(role) &&
        (role.partOf === undefined ? !inParts.has(role.name) : inParts.has(role.partOf)),
    );
  }

  /** Names of the roles that do a part of this one each. */
  partsOf(name: string): readonly string[] {
    return this.#partsOf(name).map((part) => part.name);
  }

  #wasTried(role: Role, tried: ReadonlySet<string>): boolean {
    return this.#ladderOf(role).some((rung) => tried.has(programOf(role, rung)));
  }

  #partsOf(name: string): readonly Role[] {
    return this.#roles.filter(({ partOf }) => partOf === name);
  }

  /**
   * The kernel, or this place, has no trace events of calls, or takes nothing at the end of functions: to try each would load
   * everything as often.
   */
  #withoutRung(without: Rung, reason: string): void {
    for (const [role, rung] of this.#rungs) {
      if (rung !== without) continue;
      this.#rungs.delete(role);
      const program = programOf(role, rung);
      if (!this.#failed.some((each) => each.program === program))
        this.#failed.push({ program, state: 'failed', reason });
    }
  }

  /**
   * The shared programs may have been refused for their atomics, which came late: all are tried again without, once. What
   * failed until now were other objects' programs.
   */
  #weakenAtomics(): void {
    this.#atomics = false;
    this.#failed.length = 0;
    this.#startAtTop();
  }

  /** Trace events have no storage in sockets. */
  #hasSocketTable(): boolean {
    return !this.#socketStorage || [...this.#rungs].some(([role, rung]) => role.sockets === 'keeps' && rung === 'tp');
  }

  /** Walks are over what is kept, wherever that is now. */
  #chooseWalks(): void {
    const failed = new Set(this.#failed.map(({ program }) => program));
    for (const role of this.#roles) {
      if (role.sockets !== 'walks') continue;
      const top = this.#ladderOf(role).find((rung) => !failed.has(programOf(role, rung)));
      if (top === undefined) this.#rungs.delete(role);
      else this.#rungs.set(role, top);
    }
  }

  #startAtTop(): void {
    for (const role of this.#roles) this.#startAt(role);
    this.#chooseWalks();
  }

  #startAt(role: Role): void {
    const top = this.#ladderOf(role)[0];
    if (top === undefined) this.#rungs.delete(role);
    else this.#rungs.set(role, top);
  }

  #whyOff(role: Role): string {
    return this.#needless.has(role) ? 'this kernel has no such function, and needs none' : 'every rung is switched off';
  }

  #below(role: Role, rung: Rung): readonly Rung[] {
    return this.#ladderOf(role).filter((each) => RUNGS.indexOf(each) > RUNGS.indexOf(rung));
  }

  #ladderOf(role: Role): readonly Rung[] {
    if ([...this.#rungs.keys()].some(({ name }) => name === role.partOf)) return [];
    return this.#rungsOf(role);
  }

  #rungsOf(role: Role): readonly Rung[] {
    const walk = this.#hasSocketTable() ? 'table' : 'iter';
    return RUNGS.filter(
      (rung) =>
        this.#programs.has(programOf(role, rung)) &&
        this.#isAllowed(rung) &&
        (role.sockets !== 'walks' || rung === walk),
    );
  }

  #isAllowed(rung: Rung): boolean {
    switch (rung) {
      case 'btf':
        return this.#allowed.tpBtf;
      case 'raw':
        return this.#allowed.rawTp;
      case 'tp':
        return this.#allowed.traceEvents;
      case 'fexit':
        return this.#allowed.fexit;
      case 'call':
      case 'iter':
      case 'table':
      case 'cgroup':
        return true;
    }
  }
}

/** The strongest first. */
const RUNGS: readonly Rung[] = ['iter', 'table', 'call', 'tp', 'btf', 'raw', 'fexit', 'cgroup'];

/** Name of the program that does this at this rung. */
export function programOf(role: Pick<Role, 'name'>, rung: Rung): string {
  return rung === 'iter' ? role.name : `${role.name}_${rung}`;
}

/** Every name that a program which does the role of this name may have. */
export function programNames(name: string): readonly string[] {
  return RUNGS.map((rung) => programOf({ name }, rung));
}
