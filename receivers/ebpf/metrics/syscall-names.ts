import {
  SYSCALL_ABI_COMPAT,
  SYSCALL_ABI_SHIFT,
  SYSCALL_ABI_X32,
  SYSCALL_NUMBER_MASK,
  SYSCALL_UNKNOWN,
} from '../../../bpf/syscall.gen.ts';
import { ARM, ARM64, ERRNO, I386, X32, X86_64 } from './syscall-tables.ts';

/** Names of system calls and errors as this machine numbers them. */
export interface SyscallNames {
  /** Name of a `syscall_t`; 32-bit calls end in ` (32-bit)`, x32 ones in ` (x32)`. A number without a name is `unknown_<number>`, one that no kernel has `unknown`. */
  syscall(value: number): string;
  /** `ENOENT` for 2; `errno_<number>` without a name. */
  errno(value: number): string;
}

export function syscallNames(architecture: string): SyscallNames {
  const native = parse(architecture === 'arm64' ? ARM64 : X86_64);
  const compat = parse(architecture === 'arm64' ? ARM : I386);
  const x32 = parse(X32);
  const errors = parse(ERRNO);
  return {
    syscall: (value) => {
      const number = value & SYSCALL_NUMBER_MASK;
      const unknown = number === SYSCALL_UNKNOWN ? 'unknown' : `unknown_${number}`;
      switch (value >>> SYSCALL_ABI_SHIFT) {
        case SYSCALL_ABI_COMPAT:
          return `${compat.get(number) ?? unknown} (32-bit)`;
        case SYSCALL_ABI_X32:
          return `${x32.get(number) ?? unknown} (x32)`;
        default:
          return native.get(number) ?? unknown;
      }
    },
    errno: (value) => errors.get(value) ?? `errno_${value}`,
  };
}

function parse(table: string): Map<number, string> {
  const names = new Map<number, string>();
  let next = 0;
  for (const word of table.split(/\s+/)) {
    if (word.endsWith(':')) next = Number(word.slice(0, -1));
    else if (word !== '') names.set(next++, word);
  }
  return names;
}
