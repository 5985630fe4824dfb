import { readFileSync } from 'node:fs';
import type { BpfObject } from 'bpflow/sdk';
import { LAYOUTS, Transport } from '../../../../bpf/net.gen.ts';
import { GROUP_OTHER } from '../../../../bpf/process.gen.ts';
import type { Plan } from '../../kernel/ladder.ts';
import { type KernelPart, makeOther, type PartRole } from '../../kernel/part.ts';
import type { NetworkLabel } from './flows.ts';
import { messageRoles } from './messages.ts';

/** What is to be loaded of the network group. */
export interface NetworkKernelOptions {
  readonly messages: boolean;
  readonly timesByGroup: boolean;
  /** What TCP connections are told apart by. */
  readonly labels: readonly NetworkLabel[];
}

const TRANSPORTS = Object.keys(Transport).length;
/** Rows without labels of peers, unless there are more groups: not every group has sockets, and a row has a value for each CPU. */
const TRAFFIC = 1536;
/** States that the connections of a group are in at a time, on average. */
const STATES_BY_GROUP = 4;
/** Sockets that have an entry in the table at least: each takes memory of its own. */
const SOCKETS = 32_768;
/** Of sockets by their address. */
const TABLE_MAPS = ['socket_table', 'socket_locks', 'late_ends'];
/** Most entries of the map of histograms: one takes about fifty times as much as a counter. */
const TIMES_BY_GROUP = 1024;

export const networkPart: KernelPart = {
  layouts: LAYOUTS,
  isWanted: ({ network }) => network !== undefined,
  roles: ({ network }) => [...CONNECTIONS, ...WALKS, ...(network?.messages ? messageRoles() : [])],
  prepare(object, { options: { network, maxEntries, maxGroups }, plan }) {
    sizeMaps(object, network!, maxEntries, maxGroups, plan);
    setKnobs(object, network!, plan);
  },
  begin(object) {
    for (const transport of Object.values(Transport)) makeOther(object, 'traffic', GROUP_OTHER, transport);
    makeOther(object, 'connect_errors', GROUP_OTHER, 0, Transport.TRANSPORT_TCP, 0);
  },
};

/** A program of its own for changes of state in softirqs. */
const SOFTIRQ = 'socket_softirq';

const CONNECTIONS: readonly PartRole[] = [
  { name: 'socket_state', sockets: 'keeps', without: 'TCP is not counted.' },
  {
    name: SOFTIRQ,
    sockets: 'keeps',
    without: 'A connection that begins or ends while another one is being counted on the same CPU is missing.',
  },
];

const WALKED = { iter: 'sockets', table: 'socket_table' };

const WALKS: readonly PartRole[] = [
  {
    name: 'older_sockets',
    sockets: 'walks',
    walk: { at: 'start' },
    without: 'TCP sockets older than the agent are not counted.',
  },
  {
    name: 'living_sockets',
    sockets: 'walks',
    walk: { at: 'collection', map: WALKED },
    without: 'What a TCP connection carried shows only when it ends.',
  },
  {
    name: 'listed_sockets',
    sockets: 'walks',
    walk: { at: 'request', map: WALKED },
    without: 'Other components cannot join with the sockets of this node.',
  },
];

function sizeMaps(
  object: BpfObject,
  { timesByGroup, labels }: NetworkKernelOptions,
  maxEntries: number,
  maxGroups: number,
  { socketTable }: Plan,
): void {
  for (const map of socketTable ? ['sockets'] : TABLE_MAPS) object.setAutocreate(map, false);
  const flows = labels.length > 0 ? maxEntries : 1;
  const withoutLabels = Math.min(maxEntries, maxGroups * TRANSPORTS, Math.max(TRAFFIC, Math.ceil((maxGroups * 3) / 8)));
  const rows = labels.length > 0 ? maxEntries : withoutLabels;
  if (socketTable) object.setMaxEntries('socket_table', Math.max(SOCKETS, 2 * maxEntries));
  object.setMaxEntries('traffic', rows + TRANSPORTS);
  object.setMaxEntries('flows', flows);
  object.setMaxEntries('flow_lives', flows);
  object.setMaxEntries('connections', Math.min(maxEntries, maxGroups * STATES_BY_GROUP));
  object.setMaxEntries('tcp_times', timesByGroup ? Math.min(maxEntries, TIMES_BY_GROUP) : 1);
}

function setKnobs(object: BpfObject, { timesByGroup, labels }: NetworkKernelOptions, plan: Plan): void {
  object.setGlobal('use_socket_storage', !plan.socketTable);
  object.setGlobal('net_by_group', timesByGroup);
  object.setGlobal(
    'softirq_apart',
    [...plan.rungs].some(([{ name }, rung]) => name === SOFTIRQ && rung === 'btf'),
  );
  object.setGlobal('with_peer_address', labels.includes('peer_address'));
  object.setGlobal('with_peer_port', labels.includes('peer_port'));
  object.setGlobal('with_local_port', labels.includes('local_port'));
  const [first, last] = randomPorts();
  object.setGlobal('first_random_port', first);
  object.setGlobal('last_random_port', last);
}

const KERNELS_OWN: readonly [number, number] = [32_768, 60_999];

/** Ports that the kernel gives to who connects. */
function randomPorts(): readonly [first: number, last: number] {
  try {
    const [first, last] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split(/\s+/).map(Number);
    return first && last ? [first, last] : KERNELS_OWN;
  } catch {
    return KERNELS_OWN;
  }
}
