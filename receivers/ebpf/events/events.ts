import { CgroupPaths } from 'bpflow/containers';
import { asError, type BpfLink, type Consumer, type LogBatch, type Logger, type Scope } from 'bpflow/sdk';
import { EventKind } from '../../../bpf/events.gen.ts';
import type { Collection } from '../collection.ts';
import { pageSize } from '../kernel/page-size.ts';
import { syscallNames } from '../metrics/syscall-names.ts';
import { sampleThresholdOf } from '../series/sampling.ts';
import { EventChannel } from './channel.ts';
import { EventCounts } from './event-counts.ts';
import type { EventOptions } from './event-kernel.ts';
import { KernelSymbols } from './kernel-symbols.ts';
import { Modules } from './modules.ts';
import { followCpus } from './online-cpus.ts';
import { Stacks } from './stacks.ts';
import type { WatchedPaths } from './watched-paths.ts';

/** How often directories that are watched are looked for: they may come later, or be replaced. */
const WATCH_MS = 1000;

/** How often the memory of every process is looked at. */
const MEMORY_MS = 1000;

/** Events from the ring of a loaded kernel half to the next component, until they are stopped. */
export interface Events {
  readonly channel: EventChannel;
  readonly counts: EventCounts;
  /** Undefined when none were asked for. */
  readonly stacks: Stacks | undefined;
  stop(): Promise<void>;
}

/** Undefined when the kernel half has no ring: no events were asked for, or none can be had. */
export function openEvents(
  collection: Collection,
  scope: Scope,
  next: Consumer<LogBatch>,
  watched: WatchedPaths,
  options: EventOptions,
): Events | undefined {
  const { kernel, groups } = collection;
  const { ring } = kernel;
  if (ring === undefined) return undefined;
  const counts = new EventCounts(kernel.map('events', 'event_counts')!, { batch: true });
  const names = syscallNames(process.arch);
  const cgroups = new CgroupPaths({ made: (id) => kernel.cgroupPath(id) });
  const stacks = options.stacks.length === 0 ? undefined : openStacks(options.stackDepth, counts, scope);
  const channel = new EventChannel({
    ring,
    refused: kernel.map('events', 'refused_groups')!,
    groups,
    counts,
    threshold: sampleThresholdOf(kernel.sampleShift),
    next,
    clock: scope.clock,
    monotonicNs: () => process.hrtime.bigint(),
    log: scope.log,
    version: scope.agent.version,
    pageSize: pageSize(),
    watched: (path) => watched.has(path),
    errno: (error) => names.errno(error),
    syscall: (call) => names.syscall(call),
    stacks,
    cgroupPath: (id) => cgroups.path(id),
    isCgroupWanted: collection.isCgroupWanted,
  });
  const inodes = kernel.map('events', 'watched_inodes')!;
  const prefixes = kernel.map('events', 'watched_prefixes')!;
  watched.tell(inodes, prefixes);
  const memory = kernel.walk('event_memory');
  const cpus = kernel.plan.ringbuf ? undefined : followCpus(ring, counts, scope);
  const timers = [
    ...(watched.isEmpty ? [] : [scope.clock.every(WATCH_MS, () => watched.tell(inodes, prefixes))]),
    ...(memory === undefined ? [] : [scope.clock.every(MEMORY_MS, () => walkMemory(memory, scope.log))]),
  ];
  return {
    channel,
    counts,
    stacks,
    stop: () => {
      for (const timer of timers) timer.cancel();
      cpus?.cancel();
      return channel.stop();
    },
  };
}

/** Looks at the memory of every process. A walk that fails is made up for by the next one: who is above the threshold stays there. */
function walkMemory(walk: BpfLink, log: Logger): void {
  try {
    walk.iterate();
  } catch (error) {
    log.warn('The memory of processes could not be looked at; it is tried again.', { error: asError(error).message });
  }
}

function openStacks(depth: number, counts: EventCounts, { clock }: Scope): Stacks {
  const symbols = new KernelSymbols();
  void symbols.read();
  return new Stacks({ symbols, modules: new Modules(clock), depth }, clock, (count) =>
    counts.dropped(EventKind.EVENT_STACK, 'unclaimed', count),
  );
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
    ...(events()?.stacks && { stacks: events()?.stacks?.view }),
    kinds: Object.fromEntries(events()?.counts.balance() ?? []),
  }));
}
