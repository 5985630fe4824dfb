import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import type { Samples } from './samples.ts';
import { own, type Workloads } from './workload.ts';

/** One rule of what counts as a system call: what is run under the name of the rule, and what must then be read. */
export interface Rule {
  readonly name: string;
  readonly says: string;
  run(workloads: Workloads, name: string): Promise<unknown>;
  /** Calls and `<call> <errno>` errors of the process, as far as the rule is about them. */
  readonly expected: Readonly<Record<string, number>>;
}

const workload =
  (...args: readonly (string | number)[]) =>
  (workloads: Workloads, name: string) =>
    workloads.run(name, ...args);

/** What the library makes children and threads by: arm64 has no fork and no vfork. */
const [FORK, VFORK, THREAD] = process.arch === 'arm64' ? ['clone', 'clone', 'clone'] : ['fork', 'vfork', 'clone3'];

export const RULES: readonly Rule[] = [
  {
    name: own('rule-plain'),
    says: 'two threads are counted together, failed calls also as errors',
    run: workload('openat', 2000),
    expected: { openat: 2000, close: 1000, 'openat ENOENT': 1000, 'close ENOENT': 0, execve: 1, exit_group: 1 },
  },
  {
    name: own('rule-fork'),
    says: 'a fork counts once, though it returns twice, and then all that the child calls',
    run: workload('children', 'fork', 100),
    expected: { [FORK]: 100, wait4: 100, getppid: 100, exit_group: 101 },
  },
  {
    name: own('rule-clone'),
    says: 'a clone counts once',
    run: workload('children', 'clone', 100),
    expected: { clone: 100, getppid: 100, exit_group: 101 },
  },
  {
    name: own('rule-clone3'),
    says: 'a clone3 counts once',
    run: workload('children', 'clone3', 100),
    expected: { clone3: 100, getppid: 100, exit_group: 101 },
  },
  {
    name: own('rule-vfork'),
    says: 'a vfork counts once',
    run: workload('children', 'vfork', 100),
    expected: { [VFORK]: 100, getppid: 100, exit_group: 101 },
  },
  {
    name: own('rule-threads'),
    says: 'exit of threads and exit_group of the process are counted, though they never return',
    run: workload('threads', 50),
    expected: { [THREAD]: 50, exit: 50, exit_group: 1 },
  },
  {
    name: own('rule-killed'),
    says: 'a process that a signal ends has made no exit call',
    run: workload('killed', 30),
    expected: { exit: 0, exit_group: 1, kill: 30 },
  },
  {
    name: own('rule-sigreturn'),
    says: 'rt_sigreturn counts, and what it leaves in the result register is no error',
    run: workload('sigreturn', 200),
    expected: { rt_sigreturn: 200, tgkill: 200, errors: 0 },
  },
  {
    name: own('rule-eintr'),
    says: 'a read that a handler interrupts counts once, with EINTR',
    run: workload('interrupted', 'eintr', 30),
    expected: { readv: 30, 'readv EINTR': 30, rt_sigreturn: 30, errors: 30 },
  },
  {
    name: own('rule-restart'),
    says: 'a read that is made again after a handler counts once, without an error',
    run: workload('interrupted', 'restart', 30),
    expected: { readv: 30, 'readv EINTR': 0, rt_sigreturn: 30, errors: 0 },
  },
  {
    name: own('rule-stopped'),
    says: 'a sleep that is stopped and continued is one call, whatever restart_syscall does',
    run: stopAndContinue,
    expected: { clock_nanosleep: 1, restart_syscall: 0, 'clock_nanosleep EINTR': 0 },
  },
  {
    name: own('rule-seccomp'),
    says: 'a denied call counts with its error',
    run: workload('seccomp', 100),
    expected: { getppid: 100, 'getppid EPERM': 100 },
  },
  {
    name: own('rule-compat'),
    says: 'a 32-bit call has the name that its own table gives it',
    run: workload('compat', 100),
    expected: process.arch === 'x64' ? { 'getppid (32-bit)': 100, getppid: 0, semget: 0 } : {},
  },
];

/** What was counted for a rule, in the form of {@link Rule.expected}. */
export function counted(samples: Samples, rule: Rule): Record<string, number> {
  const process = rule.name;
  const counts: Record<string, number> = {};
  for (const key of Object.keys(rule.expected)) {
    const [syscall, errno] = key.includes('(') ? [key] : key.split(' ');
    if (key === 'errors') counts[key] = samples.total('ebpf_syscall_errors', { process });
    else if (errno === undefined) counts[key] = samples.total('ebpf_syscall_count', { process, syscall: syscall! });
    else counts[key] = samples.total('ebpf_syscall_errors', { process, syscall: syscall!, errno });
  }
  return counts;
}

async function stopAndContinue(workloads: Workloads, name: string): Promise<void> {
  const child = spawn(workloads.program(name), ['sleeper', '1000'], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  for (let i = 0; i < 3; i++) {
    await state(child.pid!, 'S');
    child.kill('SIGSTOP');
    await state(child.pid!, 'T');
    child.kill('SIGCONT');
  }
  await ended;
}

/** Waits for a process to be in this state; not for ever, because it may have ended. */
async function state(pid: number, wanted: string): Promise<void> {
  for (let i = 0; i < 1000; i++) {
    const found = /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1];
    if (found === wanted) return;
    await wait(1);
  }
  throw new Error(`Process ${pid} does not come into state ${wanted}.`);
}
