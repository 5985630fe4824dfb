import { CgroupPaths } from 'bpflow/containers';
import type { Consumer, LogBatch, Scope } from 'bpflow/sdk';
import type { Collection } from '../collection.ts';
import { pageSize } from '../page-size.ts';
import { syscallNames } from '../syscall-names.ts';
import { EventChannel } from './channel.ts';
import { EventCounts } from './event-counts.ts';

/** Events from the ring of a loaded kernel half to the next component, until they are stopped. */
export interface Events {
  readonly channel: EventChannel;
  readonly counts: EventCounts;
}

/** Undefined when the kernel half has no ring: no events were asked for, or none can be had. */
export function openEvents(collection: Collection, scope: Scope, next: Consumer<LogBatch>): Events | undefined {
  const { kernel, groups } = collection;
  const ring = kernel.map('events', 'events');
  if (ring === undefined) return undefined;
  const counts = new EventCounts(kernel.map('events', 'event_counts')!, { batch: true });
  const names = syscallNames(process.arch);
  const cgroups = new CgroupPaths({ made: (id) => kernel.cgroupPath(id) });
  const channel = new EventChannel({
    ring,
    refused: kernel.map('events', 'refused_groups')!,
    groups,
    counts,
    next,
    clock: scope.clock,
    monotonicNs: () => process.hrtime.bigint(),
    log: scope.log,
    version: scope.agent.version,
    pageSize: pageSize(),
    errno: (error) => names.errno(error),
    cgroupPath: (id) => cgroups.path(id),
  });
  return { channel, counts };
}

/** Publishes `bpflow_ebpf_events` and the view `events`. */
export function publishEvents(scope: Scope, events: () => Events | undefined): void {
  scope.meter
    .createObservableCounter('bpflow_ebpf_events', {
      description:
        'Events by kind and outcome: received by the next component, or dropped, by reason. At rest they add up to those offered.',
    })
    .addCallback((result) => {
      for (const [kind, { received, dropped }] of events()?.counts.balance() ?? []) {
        result.observe(received, { kind, outcome: 'received' });
        for (const [reason, count] of Object.entries(dropped)) result.observe(count, { kind, outcome: reason });
      }
    });
  scope.meter
    .createObservableCounter('bpflow_ebpf_events_offered', {
      description: 'Events that the programs in the kernel saw, by kind.',
    })
    .addCallback((result) => {
      for (const [kind, { offered }] of events()?.counts.balance() ?? []) result.observe(offered, { kind });
    });
  scope.inspect('events', () => ({
    waiting: events()?.channel.waiting ?? 0,
    kinds: Object.fromEntries(events()?.counts.balance() ?? []),
  }));
}
