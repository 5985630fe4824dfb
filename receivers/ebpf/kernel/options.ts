import type { EventOptions } from '../events/event-kernel.ts';
import type { DnsKernelOptions } from '../metrics/dns/kernel.ts';
import type { FileKernelOptions } from '../metrics/fileio/kernel.ts';
import type { HttpKernelOptions } from '../metrics/http/kernel.ts';
import type { MemoryKernelOptions } from '../metrics/mem/kernel.ts';
import type { NetworkKernelOptions } from '../metrics/net/kernel.ts';
import type { SchedulerKernelOptions } from '../metrics/sched/kernel.ts';
import type { SyscallKernelOptions } from '../metrics/syscall/kernel.ts';
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
  readonly syscalls: SyscallKernelOptions | undefined;
  /** Undefined: no scheduler. */
  readonly scheduler: SchedulerKernelOptions | undefined;
  /** Whether bytes read and written are credited. */
  readonly fileIo: boolean;
  /** Undefined: no call on files is traced. */
  readonly files: FileKernelOptions | undefined;
  /** Whether block I/O is timed. */
  readonly blockIo: boolean;
  /** Page faults are credited, the memory of the living is added up, OOM kills are counted; undefined: nothing of that. */
  readonly memory: MemoryKernelOptions | undefined;
  /** Undefined: no sockets. */
  readonly network: NetworkKernelOptions | undefined;
  /** Undefined: no DNS. */
  readonly dns: DnsKernelOptions | undefined;
  /** Undefined: no HTTP. */
  readonly http: HttpKernelOptions | undefined;
  /** Undefined: no events. */
  readonly events: EventOptions | undefined;
}

/** Whether messages of DNS are told as events. */
export function tellsDns({ dns, events }: KernelOptions): boolean {
  return dns !== undefined && events?.types.has('dns') === true;
}
