import { eventRoles } from '../events/event-types.ts';
import { dnsRoles } from '../metrics/dns/kernel.ts';
import { networkRoles } from '../metrics/net/kernel.ts';
import { type Plan, programOf, type Role } from './ladder.ts';
import type { ObjectName } from './objects.ts';
import type { KernelOptions } from './options.ts';

/** Programs that run when they are asked to. */
export const ITERATORS: ReadonlySet<string> = new Set([
  'living',
  ...['living_sockets', 'older_sockets', 'listed_sockets'].flatMap((name) => [name, `${name}_table`]),
  'event_memory',
]);

/** What is to be done in the kernel. */
export function rolesOf(
  { scope, syscalls, scheduler, fileIo, blockIo, memory, files, network, dns, events }: KernelOptions,
  iterators: boolean,
): Role[] {
  const roles: Role[] = [
    {
      object: 'process',
      name: 'task_newtask',
      without: 'New tasks are told from old ones only later: forks count twice, and run time before that is missing.',
    },
    { object: 'process', name: 'process_exec', without: 'A process that executes another program keeps its old name.' },
    {
      object: 'process',
      name: 'cgroup_attach',
      without: 'A move to another cgroup shows only at the next system call.',
    },
    {
      object: 'process',
      name: 'cgroup_mkdir',
      without: 'Containers that are gone before the next collection stay without a name.',
    },
    {
      object: 'process',
      name: 'process_free',
      without: 'Run time and switches that a task had after its last collection are missing.',
    },
    iterators
      ? { object: 'process', name: 'living', without: 'Living tasks cannot be walked.' }
      : { object: 'process', name: 'process_leave', without: 'Run time and switches show only when a task ends.' },
  ];
  if (watchesUsers({ scope, syscalls })) {
    roles.push({
      object: 'users',
      name: 'user_change',
      without: 'A change of user shows only at the next collection, or where something else is counted.',
    });
  }
  if (fileIo || memory !== undefined) {
    roles.push({
      object: 'process',
      name: 'process_end',
      without: 'Bytes and faults that a task had after its last collection may be missing.',
    });
  }
  if (syscalls !== undefined) {
    roles.push(
      { object: 'syscall', name: 'sys_exit', without: 'System calls are not counted.' },
      ...(syscalls.latency
        ? [{ object: 'syscall', name: 'sys_enter', without: 'System calls have no latency.' } as const]
        : []),
      {
        object: 'syscall',
        name: 'signal_deliver',
        without: 'System calls that a signal interrupted for good are not counted.',
      },
      { object: 'syscall', name: 'process_exit', without: 'exit and exit_group are not counted.' },
    );
  }
  if (memory !== undefined) {
    roles.push(
      { object: 'mem', name: 'oom_victim', stateless: true, without: 'OOM kills are not counted.' },
      ...(memory.allocations
        ? ([
            { object: 'mem', name: 'page_alloc', without: 'Allocated pages are not counted.' },
            { object: 'mem', name: 'memory_exit', without: 'Calls of mmap and brk are not counted.' },
          ] as const)
        : []),
      ...(memory.slab
        ? ([
            { object: 'mem', name: 'slab_malloc', without: 'What kmalloc allocates is not counted.' },
            { object: 'mem', name: 'slab_cache', without: 'What kmem_cache_alloc allocates is not counted.' },
          ] as const)
        : []),
    );
  }
  if (blockIo) {
    const without = 'Block I/O is not timed.';
    roles.push(
      { object: 'block', name: 'block_issue', stateless: true, without },
      { object: 'block', name: 'block_complete', stateless: true, without },
    );
  }
  if (network !== undefined) roles.push(...networkRoles(network, iterators));
  if (dns !== undefined) roles.push(...dnsRoles());
  if (files !== undefined) {
    roles.push(
      { object: 'fileio', name: 'file_exit', without: 'Opens are not counted, and calls on files are not timed.' },
      { object: 'fileio', name: 'file_enter', without: 'Calls on files are not timed.' },
    );
  }
  if (scheduler !== undefined) {
    roles.push(
      { object: 'sched', name: 'sched_switch', without: 'The wait on the run queue is not measured.' },
      { object: 'sched', name: 'sched_wakeup', without: 'The wait on the run queue after a wake-up is not measured.' },
      {
        object: 'sched',
        name: 'sched_wakeup_new',
        without: 'The first wait of new tasks on the run queue is not measured.',
      },
    );
  }
  if (events !== undefined) {
    roles.push(...eventRoles(events.types).filter(({ name }) => iterators || !ITERATORS.has(name)));
  }
  return roles;
}

/** Programs that look at every call see a change of user themselves. */
function watchesUsers({ scope, syscalls }: Pick<KernelOptions, 'scope' | 'syscalls'>): boolean {
  return scope.users.length > 0 && syscalls === undefined;
}

/** Objects that are loaded, in this order. */
export function objectNames({
  scope,
  syscalls,
  scheduler,
  files,
  memory,
  blockIo,
  network,
  dns,
  events,
}: KernelOptions): ObjectName[] {
  return [
    'process',
    ...(watchesUsers({ scope, syscalls }) ? (['users'] as const) : []),
    ...(syscalls ? (['syscall'] as const) : []),
    ...(scheduler ? (['sched'] as const) : []),
    ...(files ? (['fileio'] as const) : []),
    ...(memory ? (['mem'] as const) : []),
    ...(blockIo ? (['block'] as const) : []),
    ...(network ? (['net'] as const) : []),
    ...(events ? (['events'] as const) : []),
    // Behind the object whose ring it fills.
    ...(dns ? (['dns'] as const) : []),
  ];
}

/** Programs of an object that do what the plan says. */
export function programsOf(plan: Plan, name: ObjectName): string[] {
  return [...plan.rungs].filter(([role]) => role.object === name).map(([role, rung]) => programOf(role, rung));
}

/** Whether messages of DNS go into the ring of events. */
export function tellsDns({ dns, events }: KernelOptions): boolean {
  return dns !== undefined && events?.types.has('dns') === true;
}
