import { readFileSync } from 'node:fs';
import { release, version } from 'node:os';

/**
 * Whether tracepoints miss calls: a kernel that preempts tasks in them skips their program for every other task of the CPU
 * until that task goes on (`bpflow_ebpf_recursion_misses`). Found on 7.2, not on 6.12 with `preempt=full`.
 */
export function tracepointsMiss(kernel = release()): boolean {
  return Number.parseInt(kernel, 10) >= 7;
}

export interface PreemptionFacts {
  /** `uname -v`. */
  readonly version?: string;
  /** What a kernel that can change its mind says of its mode: `none (voluntary) full`. */
  readonly mode?: string;
  readonly commandLine?: string;
}

/**
 * Whether a task can be preempted in a program at a function, which then is not run for the others on its CPU until that task goes
 * on. Measured on Debian 7.2: 42,195 of 80,000 calls of a slow program. True where it cannot be found out.
 */
export function tasksArePreempted(facts: PreemptionFacts = {}): boolean {
  const { version: build = version(), mode = textOf('/sys/kernel/debug/sched/preempt') } = facts;
  if (!build.includes('PREEMPT')) return false;
  if (!build.includes('PREEMPT_DYNAMIC')) return true;
  const { commandLine = textOf('/proc/cmdline') } = facts;
  const now = /\((\w+)\)/.exec(mode)?.[1] ?? /(?:^|\s)preempt=(\w+)/.exec(commandLine)?.[1];
  return now !== 'none' && now !== 'voluntary';
}

/** Empty for a file that cannot be read. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
