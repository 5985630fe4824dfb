import { EventKind } from '../../../bpf/events.gen.ts';
import { type ContainerStep, cgroupPathOf, tellContainer } from './container-events.ts';
import { tellDns } from './dns-events.ts';
import type { UserReason } from './event-counts.ts';
import { tellFile } from './file-events.ts';
import { tellNamespaces, tellPrivilege } from './identity-events.ts';
import { tellMemory } from './memory-events.ts';
import { tellMove } from './move-events.ts';
import { tellExec, tellExit, tellFork, tellOomKill, tellSignal } from './process-events.ts';
import type { EventRecord, Told } from './record.ts';
import { type TcpStep, tellTcp } from './tcp-events.ts';

export interface TellerOptions {
  /** Bytes of a page of memory. */
  readonly pageSize: number;
  /** Name of an error's number. */
  readonly errno: (error: number) => string;
  /** Name of a system call. */
  readonly syscall: (call: number) => string;
  /** Whether events of the file with this path are wanted. */
  readonly watched: (path: string) => boolean;
  /** Path of a cgroup in the cgroup v2 tree; undefined when nobody knows it. */
  readonly cgroupPath: (id: bigint) => string | undefined;
  /** Whether what runs in the cgroup with this path counts. */
  readonly isCgroupWanted: (path: string) => boolean;
}

/** What a record says; `executable` is whom it concerns. Why it says nothing: it is of a cgroup that is no container's, or of a file that is not watched. */
export function tell(record: EventRecord, executable: string, options: TellerOptions): Told | UserReason {
  switch (record.header.kind) {
    case EventKind.EVENT_FORK:
      return tellFork(record);
    case EventKind.EVENT_EXEC:
      return tellExec(record, executable);
    case EventKind.EVENT_EXIT:
      return tellExit(record);
    case EventKind.EVENT_SIGNAL:
      return tellSignal(record);
    case EventKind.EVENT_OOM_KILL:
      return tellOomKill(record, options.pageSize);
    case EventKind.EVENT_CGROUP_MAKE:
      return container('create', cgroupPathOf(record));
    case EventKind.EVENT_CGROUP_REMOVE:
      return container('remove', cgroupPathOf(record));
    case EventKind.EVENT_CGROUP_ENTER:
      return container('start', options.cgroupPath(record.header.cgroup));
    case EventKind.EVENT_TCP_CONNECT:
      return tcp('connect');
    case EventKind.EVENT_TCP_ACCEPT:
      return tcp('accept');
    case EventKind.EVENT_TCP_CLOSE:
      return tcp('close');
    case EventKind.EVENT_FILE_OPEN:
      return tellFile(record, 'open', options.watched);
    case EventKind.EVENT_FILE_RENAME:
      return tellFile(record, 'rename', options.watched);
    case EventKind.EVENT_FILE_UNLINK:
      return tellFile(record, 'unlink', options.watched);
    case EventKind.EVENT_FILE_CHMOD:
      return tellFile(record, 'chmod', options.watched);
    case EventKind.EVENT_DNS_QUERY:
      return tellDns(record, 'query');
    case EventKind.EVENT_DNS_RESPONSE:
      return tellDns(record, 'response');
    case EventKind.EVENT_NAMESPACE:
      return tellNamespaces(record);
    case EventKind.EVENT_PRIVILEGE:
      return tellPrivilege(record, options.syscall);
    case EventKind.EVENT_CGROUP_MOVE:
      return tellMove(record);
    case EventKind.EVENT_MEMORY:
      return tellMemory(record, options.pageSize);
    default:
      return 'filtered';
  }

  function container(step: ContainerStep, path: string | undefined): Told | UserReason {
    if (path === undefined) return 'no_container';
    return options.isCgroupWanted(path) ? tellContainer(step, path) : 'filtered';
  }

  function tcp(step: TcpStep): Told {
    return tellTcp(record, step, options.errno);
  }
}
