import { readlinkSync } from 'node:fs';
import type { Bpf, PlannedNeed } from 'bpflow/sdk';

/** A feature, the rights that it takes, and how each way to run the agent gives them. */
interface Need {
  readonly feature: string;
  readonly capabilities: readonly string[];
  readonly namespaces: readonly Namespace[];
  readonly without: string;
  readonly given: Readonly<Record<'root' | 'DaemonSet' | 'sidecar', string>>;
}

type Namespace = 'pid' | 'cgroup';

const PROGRAMS = ['cap_bpf', 'cap_perfmon'];
const ADD = 'capabilities.add: [BPF, PERFMON]';

const NEEDS = {
  programs: {
    feature: 'programs',
    capabilities: PROGRAMS,
    namespaces: [],
    without: 'Nothing is counted.',
    given: { root: 'yes', DaemonSet: ADD, sidecar: ADD },
  },
  cgroups: {
    feature: 'programs at the root of the cgroup tree',
    capabilities: [...PROGRAMS, 'cap_net_admin'],
    namespaces: ['cgroup'],
    without: 'DNS and HTTP are not counted.',
    given: {
      root: 'yes',
      DaemonSet: 'capabilities.add: [BPF, PERFMON, NET_ADMIN], mount of /sys/fs/cgroup from the host',
      sidecar: 'no',
    },
  },
  interfaces: {
    feature: 'programs of your own at network interfaces',
    capabilities: [...PROGRAMS, 'cap_net_admin', 'cap_net_raw'],
    namespaces: [],
    without: 'Descriptions that name an interface are refused.',
    given: {
      root: 'yes',
      DaemonSet: 'capabilities.add: [BPF, PERFMON, NET_ADMIN, NET_RAW], hostNetwork: true',
      sidecar: "capabilities.add: [BPF, PERFMON, NET_ADMIN, NET_RAW], for the pod's interfaces",
    },
  },
  walks: {
    feature: 'walks over living tasks and sockets',
    capabilities: PROGRAMS,
    namespaces: ['pid'],
    without:
      'What the kernel keeps for each task is credited at each switch instead, at its cost; there are no gauges.',
    given: { root: 'yes', DaemonSet: `${ADD}, hostPID: true`, sidecar: 'no: it sees the tasks of its pod alone' },
  },
  paths: {
    feature: 'paths of cgroups, ids of containers',
    capabilities: [],
    namespaces: ['cgroup'],
    without: 'Paths are those below the own cgroup of the agent; containers beside it have no id.',
    given: { root: 'yes', DaemonSet: 'mount of /sys/fs/cgroup from the host', sidecar: 'no' },
  },
  statistics: {
    feature: 'run time of programs',
    capabilities: ['cap_sys_admin'],
    namespaces: [],
    without: 'Costs are not measured.',
    given: { root: 'yes', DaemonSet: 'capabilities.add: [SYS_ADMIN]', sidecar: 'capabilities.add: [SYS_ADMIN]' },
  },
} as const satisfies Readonly<Record<string, Need>>;

/** Features by what a hook begins with. */
export function needsOf(hook: string): readonly string[] {
  if (hook.startsWith('cgroup')) return [NEEDS.cgroups.feature];
  if (/^(?:xdp|tcx?|socket)(?:[./ ]|$)/.test(hook)) return [NEEDS.interfaces.feature];
  return hook.startsWith('iter') ? [NEEDS.walks.feature] : [NEEDS.programs.feature];
}

/** The table with what of it is there. */
export function plannedNeeds(bpf: Bpf, isHost: (namespace: Namespace) => boolean = inHostNamespace): PlannedNeed[] {
  const had = bpf.capabilities();
  const has = (capability: string) =>
    had.includes(capability) || (PROGRAMS.includes(capability) && had.includes('cap_sys_admin'));
  return Object.values<Need>(NEEDS).map((need) => ({
    ...need,
    met: need.capabilities.every(has) && need.namespaces.every(isHost),
  }));
}

/** Inode numbers that the kernel gives to its first namespaces, include/linux/proc_ns.h. */
const FIRST: Readonly<Record<Namespace, string>> = { pid: 'pid:[4026531836]', cgroup: 'cgroup:[4026531835]' };

export function inHostNamespace(namespace: Namespace): boolean {
  try {
    return readlinkSync(`/proc/self/ns/${namespace}`) === FIRST[namespace];
  } catch {
    return false;
  }
}
