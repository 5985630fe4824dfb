import type { ObjectName } from './objects.ts';

/**
 * A rung of a ladder: the suffix of its program's name. `call`: a trace event of one system call, where no other hook does;
 * `table`: an iterator over what stands in a table by address.
 */
export type Rung = 'btf' | 'raw' | 'tp' | 'call' | 'iter' | 'table' | 'cgroup';

/** A thing to do in the kernel that one of several programs can do. */
export interface Role {
  readonly object: ObjectName;
  /** Name of its programs without `_<rung>`; the iterator's whole name. */
  readonly name: string;
  /** Its raw rung does without the storage of other tasks. */
  readonly stateless?: boolean;
  /** It `keeps` something for sockets, in their storage or in a table by their address, or `walks` what is kept. */
  readonly sockets?: 'keeps' | 'walks';
  /** What is lost or inexact without it, in one sentence. */
  readonly without: string;
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
  failed({ program, reason, log }: Failure): boolean {
    const role = [...this.#rungs.keys()].find((each) => programOf(each, this.#rungs.get(each)!) === program);
    if (role === undefined) return false;
    const rung = this.#rungs.get(role)!;
    this.#failed.push({ program, state: 'failed', reason, ...(log !== undefined && { log }) });
    const next = this.#below(role, rung)[0];
    if (next !== undefined) {
      this.#rungs.set(role, next);
      if (role.stateless !== true && next === 'raw') this.#taskStorage = false;
    } else if (rung === 'call') {
      this.#withoutCalls(reason);
    } else if (this.#socketStorage && role.sockets === 'keeps' && this.#suspect === undefined) {
      // It may have been refused for the storage of sockets: it is tried with the table.
      this.#suspect = role;
      this.#socketStorage = false;
    } else if (this.#atomics && role.object === 'process') {
      this.#weakenAtomics();
    } else {
      this.#rungs.delete(role);
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
    const off = this.#roles
      .filter(
        (role) => !this.#rungs.has(role) && !this.#ladderOf(role).some((rung) => tried.has(programOf(role, rung))),
      )
      .map((role): ProgramStatus => ({ program: role.name, state: 'off', reason: 'every rung is switched off' }));
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
    return rung === undefined ? [] : this.#below(role, rung).map((each) => programOf(role, each));
  }

  /** Roles that no program serves. */
  missing(): readonly Role[] {
    return this.#roles.filter((role) => !this.#rungs.has(role));
  }

  /** The kernel, or this place, has no trace events of calls: to try each of them would load everything as often. */
  #withoutCalls(reason: string): void {
    for (const [role, rung] of this.#rungs) {
      if (rung !== 'call') continue;
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
    for (const role of this.#roles) {
      const top = this.#ladderOf(role)[0];
      if (top === undefined) this.#rungs.delete(role);
      else this.#rungs.set(role, top);
    }
    this.#chooseWalks();
  }

  #below(role: Role, rung: Rung): readonly Rung[] {
    return this.#ladderOf(role).filter((each) => RUNGS.indexOf(each) > RUNGS.indexOf(rung));
  }

  #ladderOf(role: Role): readonly Rung[] {
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
      case 'call':
      case 'iter':
      case 'table':
      case 'cgroup':
        return true;
    }
  }
}

const RUNGS: readonly Rung[] = ['iter', 'table', 'call', 'tp', 'btf', 'raw', 'cgroup'];

/** Name of the program that does this at this rung. */
export function programOf(role: Role, rung: Rung): string {
  return rung === 'iter' ? role.name : `${role.name}_${rung}`;
}
