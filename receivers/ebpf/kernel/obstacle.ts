import { existsSync } from 'node:fs';
import type { Bpf } from 'bpflow/sdk';

/** Why BPF cannot work here at all, with what to do; undefined when it may. */
export function obstacle(bpf: Bpf, btfPath: string): string | undefined {
  const capabilities = bpf.capabilities();
  const bpfAllowed = capabilities.includes('cap_bpf') && capabilities.includes('cap_perfmon');
  if (process.platform === 'linux' && bpf.possibleCpus > 0 && !bpfAllowed && !capabilities.includes('cap_sys_admin')) {
    return 'Permission denied: run as root, or give the agent CAP_BPF and CAP_PERFMON (before Linux 5.8: CAP_SYS_ADMIN).';
  }
  if (process.platform === 'linux' && btfPath === '' && !existsSync('/sys/kernel/btf/vmlinux')) {
    return 'BTF not found: /sys/kernel/btf/vmlinux is missing. Use a kernel with CONFIG_DEBUG_INFO_BTF, or set btf_path.';
  }
  return undefined;
}
