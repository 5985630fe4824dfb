import type { z } from 'bpflow/sdk';
import type { keys } from './config.ts';

type Keys = Partial<Omit<z.input<typeof keys>, 'preset'>>;

export const PRESET_NAMES = ['default', 'high_performance', 'security'] as const;

/** Named sets of keys. What a configuration says itself stands before them. */
export const PRESETS: Readonly<Record<(typeof PRESET_NAMES)[number], Keys>> = {
  default: {},
  /** What the kernel counts anyway, calls without their time, a large ring, and no helpers of the system. */
  high_performance: {
    syscall_latency: false,
    collect_network: true,
    network_messages: false,
    file_operations: false,
    memory_allocations: false,
    exclude_processes: ['tfo-agent', 'systemd', 'systemd-*', 'kernel'],
    event_arguments: false,
    ring_buffer_size: 16 * 2 ** 20,
  },
  /** Every call and every event that says who did what; nobody is left out. */
  security: {
    collect_network: true,
    network_messages: true,
    collect_memory: true,
    memory_allocations: false,
    labels: ['process', 'cgroup'],
    exclude_processes: [],
    collect_process_events: true,
    event_arguments: true,
    collect_signal_events: true,
    collect_oom_events: true,
    collect_container_events: true,
    collect_tcp_events: true,
    collect_namespace_events: true,
    collect_privilege_events: true,
    collect_dns: true,
    collect_dns_events: true,
    collect_cgroup_events: true,
    monitor_paths: ['/etc', '/boot', '/usr/bin', '/usr/sbin', '/usr/local/bin'],
    exclude_paths: ['/etc/ld.so.cache'],
    event_rate_limit: 100_000,
    ring_buffer_size: 4 * 2 ** 20,
  },
};

/** A configuration as it is written, with the keys of its preset that it does not say itself. */
export function withPreset(written: unknown): unknown {
  if (typeof written !== 'object' || written === null || Array.isArray(written)) return written;
  const preset = PRESET_NAMES.find((name) => 'preset' in written && name === written.preset);
  return preset === undefined ? written : { ...PRESETS[preset], ...written };
}
