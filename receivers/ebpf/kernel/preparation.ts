import type { BpfObject } from 'bpflow/sdk';
import { MemoryKind } from '../../../bpf/mem.gen.ts';
import { channelMaps, setChannelKnobs, setEventKnobs, sizeEventMaps } from '../events/event-kernel.ts';
import { setDnsKnobs, sizeDnsMaps } from '../metrics/dns/kernel.ts';
import { setNetworkKnobs, sizeNetworkMaps } from '../metrics/net/kernel.ts';
import { setCgroupKnobs } from './cgroup-knobs.ts';
import type { Plan } from './ladder.ts';
import type { ObjectName } from './objects.ts';
import type { KernelOptions } from './options.ts';
import { programsOf, tellsDns } from './roles.ts';
import { setUserKnobs } from './scope.ts';

/** What objects are prepared for. */
export interface Preparation {
  readonly options: KernelOptions;
  readonly plan: Plan;
  /** Objects that are loaded already. */
  readonly loaded: ReadonlyMap<ObjectName, BpfObject>;
}

/** Maps that all objects share. */
const SHARED_MAPS = ['task_states', 'task_table', 'groups', 'totals', 'node', 'ledger'];

/** Objects that time or tell what comes often. */
const SAMPLED_OBJECTS: ReadonlySet<ObjectName> = new Set(['syscall', 'sched', 'fileio', 'events', 'dns']);

/*
 * What maps have room for is what keeps them below 64 MiB on 64 CPUs with every group on: an entry of a map by CPU has a value
 * for each of them. What finds no room is `other`.
 */

/** Most entries of the map of failed calls: groups times calls times errors. */
const SYSCALL_ERRORS = 6144;
/** Calls of other ABIs than the machine's own that have a histogram each. */
const FOREIGN_LATENCIES = 64;
/** Entries of files, unless `max_groups` is raised: one has 2 KiB on 64 CPUs. */
const FILES = 3072;
/** Entries of allocations, unless there are more groups: not every group has one of each kind. */
const MEMORY = 4096;
const { MEMORY_KINDS } = MemoryKind;
/** Histograms of block devices: devices times operations. */
const BLOCK_LATENCIES = 96;
/** Most entries of histogram maps: one takes about fifty times as much as a counter. */
const LATENCIES_BY_GROUP = 2048;
const WAITS_BY_GROUP = 1024;
/** Most entries of the map of failed opens: groups times errors. */
const FILE_ERRORS = 2048;

/**
 * Sizes the maps of an object, has it share those of objects that are loaded already, and leaves out what the plan does not use. To be
 * called before it is loaded.
 */
export function setMaps(name: ObjectName, object: BpfObject, { options, plan, loaded }: Preparation): void {
  const { maxEntries, maxGroups, syscalls, scheduler, files, network, dns, events } = options;
  object.setAutocreate(plan.taskStorage ? 'task_table' : 'task_states', false);
  if (name === 'process') {
    object.setMaxEntries('groups', maxGroups);
    object.setMaxEntries('totals', maxGroups + 1);
    return;
  }
  const shared = loaded.get('process')!;
  for (const map of SHARED_MAPS) {
    if (map !== (plan.taskStorage ? 'task_table' : 'task_states')) object.reuseMap(map, shared.map(map));
  }
  if (name === 'syscall') {
    object.setMaxEntries('syscalls', maxEntries);
    object.setMaxEntries('syscall_errors', Math.min(maxEntries, SYSCALL_ERRORS));
    if (!syscalls?.latency || syscalls.latencyByGroup) object.setMaxEntries('latencies', 1);
    const keyed = syscalls?.latencyByGroup ? Math.min(maxEntries, LATENCIES_BY_GROUP) : FOREIGN_LATENCIES;
    object.setMaxEntries('keyed_latencies', syscalls?.latency ? keyed : 1);
  } else if (name === 'net') {
    sizeNetworkMaps(object, network!, { ...options, socketTable: plan.socketTable });
  } else if (name === 'mem') {
    object.setMaxEntries('memory', Math.min(maxEntries, maxGroups * MEMORY_KINDS, Math.max(MEMORY, maxGroups)));
  } else if (name === 'block') {
    object.setMaxEntries('block_latencies', BLOCK_LATENCIES);
  } else if (name === 'fileio') {
    object.setMaxEntries('files', Math.min(maxGroups, Math.max(FILES, Math.ceil((maxGroups * 3) / 4))));
    object.setMaxEntries('file_errors', Math.min(maxEntries, FILE_ERRORS));
    object.setMaxEntries('file_latencies', files?.latencyByGroup ? Math.min(maxEntries, WAITS_BY_GROUP) : 1);
  } else if (name === 'sched') {
    object.setMaxEntries('waits', scheduler?.waitByGroup ? Math.min(maxEntries, WAITS_BY_GROUP) : 1);
  } else if (name === 'events') {
    sizeEventMaps(object, events!, plan);
  } else if (name === 'dns') {
    const { ringbuf } = plan;
    sizeDnsMaps(object, dns!, maxEntries, tellsDns(options) && !ringbuf);
    const { shared, unused } = channelMaps(ringbuf);
    for (const map of shared) {
      if (tellsDns(options)) object.reuseMap(map, loaded.get('events')!.map(map));
      else object.setAutocreate(map, false);
    }
    object.setAutocreate(unused, false);
  }
}

/** Sets the constants of an object's programs. To be called before it is loaded. */
export function setKnobs(name: ObjectName, object: BpfObject, { options, plan }: Preparation): void {
  const { scope, withPid, withCommand, sampleShift, syscalls, scheduler, fileIo, memory, files, network, dns, events } =
    options;
  setCgroupKnobs(object);
  object.setGlobal('use_task_storage', plan.taskStorage);
  setUserKnobs(object, scope.users);
  object.setGlobal('with_pid', withPid);
  object.setGlobal('with_command', withCommand);
  object.setGlobal('with_io', fileIo);
  object.setGlobal('with_memory', memory !== undefined);
  if (SAMPLED_OBJECTS.has(name)) object.setGlobal('sample_shift', sampleShift);
  if (name === 'syscall') {
    const served = new Set([...plan.rungs.keys()].map((role) => role.name));
    object.setGlobal('with_latency', served.has('sys_enter'));
    object.setGlobal('with_restarts', served.has('signal_deliver') && served.has('process_exit'));
    object.setGlobal('latency_by_group', syscalls?.latencyByGroup ?? false);
  } else if (name === 'fileio') {
    object.setGlobal('with_operations', files?.operations ?? false);
    object.setGlobal('with_regular_files', files?.regularFiles ?? false);
    object.setGlobal('file_latency_by_group', files?.latencyByGroup ?? false);
  } else if (name === 'net') {
    const apart = programsOf(plan, name).includes('socket_softirq_btf');
    setNetworkKnobs(object, network!, { apart, socketTable: plan.socketTable });
  } else if (name === 'sched') {
    object.setGlobal('wait_by_group', scheduler?.waitByGroup ?? false);
  } else if (name === 'events') {
    setEventKnobs(object, events!, plan);
  } else if (name === 'dns') {
    setDnsKnobs(object, dns!, tellsDns(options));
    if (events !== undefined) setChannelKnobs(object, events, plan.ringbuf);
  }
}
