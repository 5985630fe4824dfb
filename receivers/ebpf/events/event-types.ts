import { EventKind } from '../../../bpf/events.gen.ts';
import type { PartRole } from '../kernel/part.ts';

/** What can be switched on and off. */
export type EventType =
  | 'process'
  | 'signal'
  | 'oom'
  | 'container'
  | 'tcp'
  | 'file'
  | 'dns'
  | 'namespace'
  | 'privilege'
  | 'memory'
  | 'move';

export const KIND_NAMES: readonly string[] = Object.entries(EventKind)
  .filter(([, kind]) => kind !== EventKind.EVENT_KINDS)
  .map(([name]) => name.replace('EVENT_', '').toLowerCase());

/** Kinds that `sample_rate` touches. What is rare, or says that something went wrong, is told each time. */
export const SAMPLED_KINDS: ReadonlySet<number> = new Set([
  EventKind.EVENT_FORK,
  EventKind.EVENT_EXEC,
  EventKind.EVENT_EXIT,
  EventKind.EVENT_SIGNAL,
  EventKind.EVENT_TCP_CONNECT,
  EventKind.EVENT_TCP_ACCEPT,
  EventKind.EVENT_TCP_CLOSE,
  EventKind.EVENT_FILE_OPEN,
  EventKind.EVENT_FILE_RENAME,
  EventKind.EVENT_FILE_UNLINK,
  EventKind.EVENT_FILE_CHMOD,
  EventKind.EVENT_DNS_QUERY,
  EventKind.EVENT_DNS_RESPONSE,
]);

/** What can be asked for with the stack of who did it: kinds that are told where it happens. */
export const STACK_KINDS = {
  fork: EventKind.EVENT_FORK,
  exec: EventKind.EVENT_EXEC,
  signal: EventKind.EVENT_SIGNAL,
  oom: EventKind.EVENT_OOM_KILL,
  tcp_connect: EventKind.EVENT_TCP_CONNECT,
  file_open: EventKind.EVENT_FILE_OPEN,
  file_rename: EventKind.EVENT_FILE_RENAME,
  file_unlink: EventKind.EVENT_FILE_UNLINK,
  file_chmod: EventKind.EVENT_FILE_CHMOD,
  namespace: EventKind.EVENT_NAMESPACE,
  privilege: EventKind.EVENT_PRIVILEGE,
} as const;
export type StackKind = keyof typeof STACK_KINDS;

/** What the kernel has to do for these types. */
export function eventRoles(types: ReadonlySet<EventType>): readonly PartRole[] {
  return [...types].flatMap((type) => ROLES[type]);
}

const ROLES: Readonly<Record<EventType, readonly PartRole[]>> = {
  process: [
    role('event_fork', 'There are no events of forks.'),
    role('event_exec', 'There are no events of programs that are executed.'),
    role('event_exit', 'There are no events of processes that end.'),
  ],
  signal: [role('event_signal', 'There are no events of signals.')],
  oom: [role('event_oom', 'There are no events of OOM kills.')],
  container: [
    role('event_cgroup_make', 'There are no events of containers that are made.'),
    role('event_cgroup_enter', 'There are no events of containers that start.'),
    role('event_cgroup_remove', 'There are no events of containers that are gone.'),
  ],
  tcp: [{ ...role('event_tcp', 'There are no events of TCP connections.'), sockets: 'keeps' }],
  file: [role('event_file', 'There are no events of files.')],
  // Its programs count, too: they are those of the group.
  dns: [],
  namespace: [
    role('event_namespace_fork', 'There are no events of processes that are made with namespaces of their own.'),
    ...calls(['setns', 'unshare'], 'There are no events of namespaces that change'),
  ],
  privilege: calls(
    [
      ...['setuid', 'setgid', 'setreuid', 'setregid', 'setresuid', 'setresgid', 'setfsuid', 'setfsgid'],
      ...['capset', 'execve', 'execveat'],
    ],
    'There are no events of privileges that change',
  ),
  move: [role('event_cgroup_move', 'There are no events of processes that move between cgroups.')],
  memory: [
    {
      ...role('event_memory', 'There are no events of processes that use much memory.'),
      walk: { at: 'request' },
    },
  ],
};

/** At both ends of each call. */
function calls(names: readonly string[], without: string): PartRole[] {
  return names.flatMap((name) =>
    ['enter', 'exit'].map((end) => role(`event_${end}_${name}`, `${without} (by ${name}).`)),
  );
}

/** None moves the state of tasks, which the counters need, when its typed tracepoint is refused. */
function role(name: string, without: string): PartRole {
  return { name, stateless: true, without };
}
