import type { Signal } from 'bpflow/sdk';
import { EVENT_ARGUMENTS_LENGTH } from '../../../bpf/events.gen.ts';
import type { Config } from '../config.ts';
import { pageSize } from '../kernel/page-size.ts';
import type { EventOptions } from './event-kernel.ts';
import type { EventType } from './event-types.ts';

/** What a configuration asks for; undefined when that are no events. */
export function eventOptionsOf(config: Config): EventOptions | undefined {
  const asked: readonly (readonly [EventType, boolean])[] = [
    ['process', config.collect_process_events],
    ['signal', config.collect_signal_events],
    ['oom', config.collect_oom_events],
    ['container', config.collect_container_events],
    ['tcp', config.collect_tcp_events],
    ['file', config.monitor_paths.length > 0],
    ['dns', config.collect_dns && config.collect_dns_events],
    ['namespace', config.collect_namespace_events],
    ['privilege', config.collect_privilege_events],
    ['move', config.collect_cgroup_events],
    ['memory', config.memory_threshold > 0],
  ];
  const types = new Set(asked.filter(([, on]) => on).map(([type]) => type));
  if (types.size === 0) return undefined;
  return {
    types,
    ringBytes: config.ring_buffer_size,
    bufferBytes: config.perf_buffer_size,
    perSecond: config.event_rate_limit,
    argumentBytes: config.event_arguments ? EVENT_ARGUMENTS_LENGTH : 0,
    memoryPages: Math.ceil(config.memory_threshold / pageSize()),
    stacks: config.stack_traces,
    stackDepth: config.max_stack_depth,
  };
}

/** The same configuration without what nobody takes. */
export function configFor(config: Config, signals: ReadonlySet<Signal>): Config {
  return {
    ...config,
    ...(!signals.has('logs') && NO_EVENTS),
    ...(!signals.has('metrics') && signals.has('logs') && NO_METRICS),
  };
}

const NO_EVENTS = {
  monitor_paths: [],
  collect_process_events: false,
  collect_signal_events: false,
  collect_oom_events: false,
  collect_container_events: false,
  collect_tcp_events: false,
  collect_dns_events: false,
  collect_namespace_events: false,
  collect_privilege_events: false,
  collect_cgroup_events: false,
  memory_threshold: 0,
} satisfies Partial<Config>;

const NO_METRICS = {
  collect_syscalls: false,
  collect_scheduler: false,
  collect_file_io: false,
  collect_memory: false,
  collect_network: false,
  collect_http: false,
  collect_programs: false,
} as const satisfies Partial<Config>;
