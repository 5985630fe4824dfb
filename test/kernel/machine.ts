import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { loadBpf } from '../../native/index.ts';
import type { Bpf } from '../../sdk/bpf.ts';

export * from './emulation.ts';

export const root = join(import.meta.dirname, '..', '..');

export const bpf: Bpf = loadBpf();

/** Why the tests with the kernel cannot run here; false when they can. For node:test's `skip`. */
export const skip: string | false = reasonToSkip() ?? false;

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
