import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { loadBpf } from '../../native/index.ts';
import type { Bpf } from '../../sdk/bpf.ts';

export const root = join(import.meta.dirname, '..', '..');

export const bpf: Bpf = loadBpf();

/** Why the tests with the kernel cannot run here; false when they can. For node:test's `skip`. */
export const skip: string | false = reasonToSkip() ?? false;

/**
 * Whether the processor is emulated and the files stand in memory, as in the guests of test/kernels: all the kernel does for a
 * process beside its own work, as at exec and exit, takes tens of ms there, and no page comes from a disk.
 */
export const isEmulated = process.env['BPFLOW_EMULATED'] === 'yes';

/** So much of a work whose amount says nothing of itself: a tenth of it where the processor is emulated. */
export function many(count: number): number {
  return isEmulated ? count / 10 : count;
}

/** How long something may take before the wait for it ends, ms: ten times as long where the processor is emulated. */
export function patience(ms: number): number {
  return isEmulated ? 10 * ms : ms;
}

/** Where files stand on a block device, as far as the machine has one. */
export const disk = process.env['BPFLOW_DISK'] ?? join(root, 'build');

/** Whether the kernel is older than this version: `isBefore(6, 3)`. */
export function isBefore(major: number, minor: number): boolean {
  const [a = 0, b = 0] = release()
    .split('.')
    .map((part) => Number.parseInt(part, 10));
  return a < major || (a === major && b < minor);
}

/** Whether a command is there. */
export function has(command: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${command}`], { stdio: 'ignore' }).status === 0;
}

function reasonToSkip(): string | undefined {
  if (process.platform !== 'linux') return 'needs Linux';
  if (bpf.possibleCpus === 0) return 'needs the native addon: scripts/build-addon.sh';
  if (!bpf.capabilities().includes('cap_sys_admin')) return 'needs root';
  if (!existsSync('/sys/kernel/btf/vmlinux')) return 'needs a kernel with BTF';
  if (!existsSync(join(root, 'build', 'bpf'))) return 'needs the BPF objects: scripts/build-bpf.sh';
  return undefined;
}
