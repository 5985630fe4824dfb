import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import type { Bpf, PlanCheck } from 'bpflow/sdk';

export interface MachineFiles {
  /** The running kernel's BTF. */
  readonly btf?: string;
  readonly mounts?: string;
  /** `uname -r`. */
  readonly release?: string;
}

/** What the troubleshooting page tells people to look at: kernel version, BTF, the BPF file system, capabilities. */
export function machineChecks(bpf: Bpf, btfPath: string, files: MachineFiles = {}): readonly PlanCheck[] {
  const { btf = '/sys/kernel/btf/vmlinux', mounts = '/proc/mounts', release: kernel = release() } = files;
  const [major = 0, minor = 0] = kernel.split('.').map((part) => Number.parseInt(part, 10));
  const isTested = major > 5 || (major === 5 && minor >= 10);
  const types = btfPath === '' ? btf : btfPath;
  const capabilities = bpf.capabilities();
  const isPrivileged = capabilities.includes('cap_sys_admin');
  const isAllowed = capabilities.includes('cap_bpf') && capabilities.includes('cap_perfmon');
  return [
    check('kernel version', isTested, kernel, 'Untested before Linux 5.10: what cannot be loaded is listed below.'),
    check(
      'BTF',
      existsSync(types),
      existsSync(types) ? types : `${types} is missing`,
      'Use a kernel with CONFIG_DEBUG_INFO_BTF, or set btf_path.',
    ),
    check(
      'BPF file system',
      isMounted(mounts),
      isMounted(mounts) ? '/sys/fs/bpf' : 'not mounted at /sys/fs/bpf',
      'Only pin_path needs it: mount -t bpf bpf /sys/fs/bpf',
    ),
    check(
      'cap_sys_admin',
      isPrivileged || isAllowed,
      isPrivileged ? 'there' : isAllowed ? 'not there; cap_bpf and cap_perfmon are' : 'not there',
      'Permission denied: run as root, or give the agent CAP_BPF and CAP_PERFMON (before Linux 5.8: CAP_SYS_ADMIN).',
    ),
  ];
}

function check(name: string, ok: boolean, found: string, advice: string): PlanCheck {
  return { name, ok, found, advice: ok ? '' : advice };
}

function isMounted(mounts: string): boolean {
  try {
    return /^\S+ \/sys\/fs\/bpf bpf /m.test(readFileSync(mounts, 'utf8'));
  } catch {
    return false;
  }
}
