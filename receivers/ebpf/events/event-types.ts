import { EventKind } from '../../../bpf/events.gen.ts';
import type { Role } from '../ladder.ts';

/** What can be switched on and off. */
export type EventType = 'process' | 'signal' | 'oom' | 'container' | 'tcp' | 'file';

export const KIND_NAMES: readonly string[] = Object.entries(EventKind)
  .filter(([, kind]) => kind !== EventKind.EVENT_KINDS)
  .map(([name]) => name.replace('EVENT_', '').toLowerCase());

/** What the kernel has to do for these types. */
export function eventRoles(types: ReadonlySet<EventType>): Role[] {
  return [...types].flatMap((type) => ROLES[type]);
}

const ROLES: Readonly<Record<EventType, readonly Role[]>> = {
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
  tcp: [{ ...role('event_tcp', 'There are no events of TCP connections.'), sockets: 'either' }],
  file: [role('event_file', 'There are no events of files.')],
};

/** None moves the state of tasks, which the counters need, when its typed tracepoint is refused. */
function role(name: string, without: string): Role {
  return { object: 'events', name, stateless: true, without };
}
