import type { Config } from '../config.ts';
import { attachesToNetworks, describedFolder } from '../programs/described-objects.ts';
import { tracepointsMiss } from './preemption.ts';

/** What counting goes on with, and what a changed receiver is loaded with at a reload. `had`: what the agent was given. */
export function neededCapabilities(
  config: Config,
  had: readonly string[],
  readsUnpreempted = tracepointsMiss(),
): readonly string[] {
  if (!config.enabled) return [];
  const ownAtNetworks = attachesToNetworks(describedFolder(config));
  const canSplit = had.includes('cap_bpf') && had.includes('cap_perfmon');
  return [
    // Before Linux 5.8 there is nothing smaller.
    ...(canSplit ? ['cap_bpf', 'cap_perfmon'] : ['cap_sys_admin']),
    // Directories that come later are looked for on the way of others.
    ...(config.monitor_paths.length > 0 ? ['cap_dac_read_search'] : []),
    ...(config.collect_dns || config.collect_http || ownAtNetworks ? ['cap_net_admin'] : []),
    ...(ownAtNetworks ? ['cap_net_raw'] : []),
    // Files that processes of others run, and the addresses of the kernel's functions.
    ...(config.stack_traces.length > 0 ? ['cap_sys_ptrace', 'cap_syslog'] : []),
    ...(readsUnpreempted ? ['cap_sys_nice'] : []),
  ];
}
