import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { asError, type BpfMap, type Clock, type Logger, type Scope, type Timer } from 'bpflow/sdk';
import { GroupKey, GroupValue } from '../../bpf/process.gen.ts';
import { SyscallKey } from '../../bpf/syscall.gen.ts';
import type { UserRange } from './filters/users.ts';
import { MapBuffer } from './kernel/map-buffer.ts';
import { packageRoot } from './kernel/objects.ts';

/** The executable's name, by which its calls are found. It is a process as any other: what hid by its name would hide others, too. */
export const CANARY = 'bpflow-canary';

/** Number of the call. */
const GETPPID = process.arch === 'arm64' ? 173 : 110;
/** Calls in each round. */
const CALLS = 1000;
/** They take a millisecond; a machine that is stopped meanwhile, longer. */
const PATIENCE_MS = 10_000;

export interface CanaryOptions {
  /** The kernel's map of group keys to ids. */
  readonly groups: BpfMap;
  /** The kernel's map of calls by group and call. */
  readonly calls: BpfMap;
  /** Whether the kernel half counts what the agent's user does; else nothing of it must be counted. */
  readonly isCounted: boolean;
  readonly clock: Clock;
  readonly log: Logger;
  readonly intervalMs: number;
  /** The program; the packaged one by default. */
  readonly program?: string;
}

/**
 * A child that makes a known number of system calls from time to time, and what the kernel half has counted of them: the difference must
 * stay 0. Read before filters of user space, which do not matter therefore. It ends with the agent, however that ends.
 */
export class Canary {
  readonly #options: CanaryOptions;
  readonly #child: ChildProcess;
  readonly #names: MapBuffer;
  readonly #timer: Timer;
  #round: PromiseWithResolvers<void> | undefined;
  #made = 0;
  #error = 0;
  #problem = '';
  #isStopping = false;

  constructor(options: CanaryOptions) {
    this.#options = options;
    this.#names = new MapBuffer(options.groups, { batch: true });
    this.#child = spawn(options.program ?? canaryProgram(), [], { stdio: ['pipe', 'pipe', 'ignore'], env: {} });
    this.#child.on('error', (error) => this.#failed(error.message));
    this.#child.on('exit', (code, signal) => this.#failed(`it ended with ${code ?? signal}`));
    // It ends while it is written to: that is told by its exit.
    this.#child.stdin!.on('error', () => {});
    this.#child.stdout!.on('data', () => this.#round?.resolve());
    this.#child.unref();
    this.#timer = options.clock.every(options.intervalMs, () => void this.check());
  }

  /** Calls that were made and looked for. */
  get made(): number {
    return this.#made;
  }

  /** Calls that were counted too much or too little, since the start. */
  get error(): number {
    return this.#error;
  }

  /** Why nothing can be said now; empty otherwise. */
  get problem(): string {
    return this.#problem;
  }

  /** One round: lets it call, and compares. Never rejects; who asks during a round waits for its end. */
  async check(): Promise<void> {
    if (this.#isStopping || this.#problem !== '') return;
    if (this.#round !== undefined) return this.#round.promise.catch(() => {});
    const { clock, isCounted, log } = this.#options;
    const round = Promise.withResolvers<void>();
    this.#round = round;
    const late = clock.after(PATIENCE_MS, () => round.reject(new Error('it does not answer')));
    try {
      const before = this.#counted();
      this.#child.stdin!.write(new Uint8Array(Uint32Array.of(CALLS).buffer));
      await round.promise;
      const counted = this.#counted() - before;
      const expected = isCounted ? CALLS : 0;
      this.#made += CALLS;
      this.#error += Math.abs(counted - expected);
      if (counted !== expected) {
        log.error('The canary was not counted exactly.', { made: expected, counted, since_start: this.#error });
      }
    } catch (error) {
      if (!this.#isStopping) this.#failed(asError(error).message);
    } finally {
      late.cancel();
      this.#round = undefined;
    }
  }

  stop(): void {
    this.#isStopping = true;
    this.#timer.cancel();
    this.#round?.reject(new Error('the agent ends'));
    this.#child.stdin!.destroy();
    this.#child.kill('SIGKILL');
  }

  /** Calls that the kernel has counted under the canary's name. */
  #counted(): number {
    const { calls } = this.#options;
    const entry = new Uint32Array(calls.stride / 4);
    let sum = 0;
    for (const group of this.#groups()) {
      const key = new Uint32Array(SyscallKey.WORDS);
      key[SyscallKey.WORD.group] = group;
      key[SyscallKey.WORD.syscall] = GETPPID;
      if (!calls.lookup(new Uint8Array(key.buffer), new Uint8Array(entry.buffer))) continue;
      for (let word = 0; word < entry.length; word += 2) sum += entry[word]! + entry[word + 1]! * 2 ** 32;
    }
    return sum;
  }

  #groups(): number[] {
    const key = new GroupKey();
    const value = new GroupValue();
    const entries = Array.from({ length: this.#names.read() }, (_, entry) => entry);
    const { keys, values, entryWords } = this.#names;
    return entries
      .filter((entry) => key.move(keys, entry * GroupKey.WORDS).process === CANARY)
      .map((entry) => value.move(values, entry * entryWords).id);
  }

  #failed(problem: string): void {
    if (this.#isStopping || this.#problem !== '') return;
    this.#problem = problem;
    this.#round?.reject(new Error(problem));
    this.#options.log.error('The canary does not work: exactness is not checked.', { problem });
  }
}

/** Publishes `bpflow_exactness_error` and `bpflow_exactness_calls`, while there is a canary that works. */
export function publishCanary(
  { meter }: Pick<Scope, 'meter'>,
  canary: () => Pick<Canary, 'made' | 'error' | 'problem'> | undefined,
): void {
  const working = () => (canary()?.problem === '' ? canary() : undefined);
  meter
    .createObservableGauge('bpflow_exactness_error', {
      description:
        'Calls that the canary made and the kernel half did not count, or counted without, since the start: anything but 0 is an error of the agent, or a map that is full. There is none while the canary does not work.',
    })
    .addCallback((result) => {
      const { made = 0, error = 0 } = working() ?? {};
      if (made > 0) result.observe(error, { metric: 'ebpf_syscall_count' });
    });
  meter
    .createObservableCounter('bpflow_exactness_calls', { description: 'Calls of the canary that were looked for.' })
    .addCallback((result) => {
      const found = working();
      if (found !== undefined) result.observe(found.made, { metric: 'ebpf_syscall_count' });
    });
}

/** Whether the kernel half counts what this process' user does. */
export function isOwnUserCounted(users: readonly UserRange[]): boolean {
  const user = hostUser(process.geteuid!(), readFileSync('/proc/self/uid_map', 'utf8'));
  return users.length === 0 || users.some(({ first, last }) => user >= first && user <= last);
}

/** A user of this user namespace as the one around it knows it, from the text of a `uid_map`. */
export function hostUser(user: number, map: string): number {
  for (const line of map.split('\n')) {
    const [inside, outside, count] = line.trim().split(/\s+/).map(Number) as [number, number, number];
    if (user >= inside && user < inside + count) return user - inside + outside;
  }
  return user;
}

/** Beside the addon: in a checkout's `build/`, else in the package's `prebuilds/`. */
export function canaryProgram(start: string = import.meta.dirname): string {
  const root = packageRoot(start);
  const built = join(root, 'build', 'native', CANARY);
  return existsSync(built) ? built : join(root, 'prebuilds', `linux-${process.arch}`, basename(built));
}
