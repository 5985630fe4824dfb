import { CgroupPaths } from 'bpflow/containers';
import type { Consumer, LogBatch, Scope } from 'bpflow/sdk';
import type { Collection } from '../collection.ts';
import { pageSize } from '../page-size.ts';
import { syscallNames } from '../syscall-names.ts';
import { EventChannel } from './channel.ts';
import { EventCounts } from './event-counts.ts';
import type { WatchedPaths } from './watched-paths.ts';

/** How often directories that are watched are looked for: they may come later, or be replaced. */
const WATCH_MS = 1000;

/** Events from the ring of a loaded kernel half to the next component, until they are stopped. */
export interface Events {
  readonly channel: EventChannel;
  readonly counts: EventCounts;
  stop(): Promise<void>;
}

/** Undefined when the kernel half has no ring: no events were asked for, or none can be had. */
export function openEvents(
  collection: Collection,
  scope: Scope,
  next: Consumer<LogBatch>,
  watched: WatchedPaths,
): Events | undefined {
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
    watched: (path) => watched.has(path),
    errno: (error) => names.errno(error),
    cgroupPath: (id) => cgroups.path(id),
    isCgroupWanted: collection.isCgroupWanted,
  });
  const inodes = kernel.map('events', 'watched_inodes')!;
  const prefixes = kernel.map('events', 'watched_prefixes')!;
  watched.tell(inodes, prefixes);
  const timer = watched.isEmpty ? undefined : scope.clock.every(WATCH_MS, () => watched.tell(inodes, prefixes));
  return {
    channel,
    counts,
    stop: () => {
      timer?.cancel();
      return channel.stop();
    },
  };
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
