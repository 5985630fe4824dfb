import type { EventOptions } from '../events/event-kernel.ts';
import type { DnsKernelOptions } from '../metrics/dns/kernel.ts';
import type { NetworkKernelOptions } from '../metrics/net/kernel.ts';
import type { Allowed } from './ladder.ts';
import type { ObjectSource } from './objects.ts';
import type { KernelScopeOptions } from './scope.ts';

/** What is to be loaded into the kernel, and how. */
export interface KernelOptions {
  readonly source: ObjectSource;
  /** Folder with objects that stand before those of the source; empty: none. */
  readonly ownObjects: string;
  readonly allowed: Allowed;
  /** Whether the living tasks may be walked; else run time and switches are credited at each switch. */
  readonly iterators: boolean;
  readonly scope: KernelScopeOptions;
  readonly withPid: boolean;
  readonly withCommand: boolean;
  readonly maxGroups: number;
  /** One in 2^this is timed, and told. */
  readonly sampleShift: number;
  /** Entries of `syscalls` and `syscall_errors`. */
  readonly maxEntries: number;
  /** Undefined: no system calls. */
  readonly syscalls: { readonly latency: boolean; readonly latencyByGroup: boolean } | undefined;
  /** Undefined: no scheduler. */
  readonly scheduler: { readonly waitByGroup: boolean } | undefined;
  /** Whether bytes read and written are credited. */
  readonly fileIo: boolean;
  /** Undefined: no call on files is traced. */
  readonly files:
    | { readonly operations: boolean; readonly regularFiles: boolean; readonly latencyByGroup: boolean }
    | undefined;
  /** Whether block I/O is timed. */
  readonly blockIo: boolean;
  /** Page faults are credited, the memory of the living is added up, OOM kills are counted; undefined: nothing of that. */
  readonly memory: { readonly allocations: boolean; readonly slab: boolean } | undefined;
  /** Undefined: no sockets. */
  readonly network: NetworkKernelOptions | undefined;
  /** Undefined: no DNS. */
  readonly dns: DnsKernelOptions | undefined;
  /** Undefined: no events. */
  readonly events: EventOptions | undefined;
}
