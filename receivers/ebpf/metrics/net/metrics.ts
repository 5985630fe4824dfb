import { ConnectErrorKey, ConnectionKey, NetKey, TcpTimeKey } from '../../../../bpf/net.gen.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { tracepointsMiss } from '../../kernel/preemption.ts';
import type { MetricFact } from '../../series/metric-fact.ts';
import { lostMessages } from './messages.ts';

export const DIRECTION = 'network.io.direction';
export const TRANSPORT = 'network.transport';
export const STATE = 'network.connection.state';
export const ERROR = 'error.type';

/** By the kernel's number. */
export const TCP_STATES: readonly (string | undefined)[] = [
  undefined,
  'established',
  'syn_sent',
  'syn_received',
  'fin_wait_1',
  'fin_wait_2',
  'time_wait',
  'close',
  'close_wait',
  'last_ack',
  'listen',
  'closing',
];

const TCP = ['collect_network'];
/** Without these some connections, or calls on other sockets, are missing or another process' own. */
const EXACT_WITH = ['task_newtask', 'process_exec', 'socket_softirq'];
const TRAFFIC_WITH = [...EXACT_WITH, 'socket_state', 'socket_send', 'socket_receive'];
const TRAFFIC: MetricFact['maps'] = [{ object: 'net', map: 'traffic', key: NetKey.WORD }];

const TIMES: MetricFact['maps'] = [
  { object: 'net', map: 'tcp_times', key: TcpTimeKey.WORD },
  { object: 'net', map: 'all_tcp_times', key: { time: 0 } },
];

/** What is missing where sockets cannot be walked. */
function lostTraffic(kernel: Kernel): string | undefined {
  if (!kernel.serves('socket_state')) return 'TCP is not counted.';
  const late = kernel.serves('living_sockets') ? undefined : 'What a TCP connection carried shows only when it ends.';
  return sentences(late, lostElders(kernel));
}

function lostOfAll(kernel: Kernel): string | undefined {
  return sentences(lostTraffic(kernel), lostMessages(kernel));
}

function lostElders(kernel: Kernel): string | undefined {
  const elders = kernel.serves('older_sockets') ? undefined : 'TCP sockets older than the agent are not counted.';
  return sentences(elders, lostConnections(kernel));
}

/** What is missing where a task can be preempted in a tracepoint; in a trace event it cannot. */
function lostConnections(kernel: Kernel): string | undefined {
  const isTraceEvent = [...kernel.plan.rungs].some(([{ name }, rung]) => name === 'socket_state' && rung === 'tp');
  return tracepointsMiss() && !isTraceEvent
    ? 'A TCP connection that begins or ends on a CPU while another one is being counted there may be missing.'
    : undefined;
}

function sentences(...all: readonly (string | undefined)[]): string | undefined {
  return all.filter((each) => each !== undefined).join(' ') || undefined;
}

export const BYTES: MetricFact = {
  definition: {
    name: 'ebpf.network.io',
    unit: 'By',
    seedName: 'ebpf_network_bytes_total',
    kind: 'counter',
    description:
      "Payload over sockets, of the process that connected or listens (TCP, by the kernel's account of each socket, in order and without repetitions) or that called (UDP, UNIX).",
    exactness: 'exact',
  },
  own: { [DIRECTION]: 'direction', [TRANSPORT]: 'transport' },
  keys: ['collect_network'],
  needs: [],
  oneOf: ['socket_state', 'living_sockets', 'socket_send', 'socket_receive'],
  perEvent: ['socket_send', 'socket_receive'],
  exactWith: TRAFFIC_WITH,
  maps: TRAFFIC,
  estimated: lostOfAll,
};

export const PACKETS: MetricFact = {
  definition: {
    name: 'ebpf.network.packet.count',
    unit: '{packet}',
    seedName: 'ebpf_network_packets_total',
    kind: 'counter',
    description:
      'Segments by the account of each TCP socket, those without payload and repetitions included, but not what the kernel answers without one (SYN-ACK, RST, TIME_WAIT); for UDP and UNIX calls that sent or received.',
    exactness: 'exact',
  },
  own: { [DIRECTION]: 'direction', [TRANSPORT]: 'transport' },
  keys: ['collect_network'],
  needs: [],
  oneOf: ['socket_state', 'living_sockets', 'socket_send', 'socket_receive'],
  perEvent: ['socket_send', 'socket_receive'],
  exactWith: TRAFFIC_WITH,
  maps: TRAFFIC,
  estimated: lostOfAll,
};

export const RETRANSMITS: MetricFact = {
  definition: {
    name: 'ebpf.tcp.retransmits',
    unit: '{segment}',
    seedName: 'ebpf_tcp_retransmits',
    kind: 'counter',
    description: "Segments that TCP sent again, by the kernel's account of each socket.",
    exactness: 'exact',
  },
  own: {},
  keys: TCP,
  needs: ['socket_state'],
  perEvent: [],
  exactWith: EXACT_WITH,
  maps: TRAFFIC,
  estimated: lostTraffic,
};

export const OPENED: MetricFact = {
  definition: {
    name: 'ebpf.tcp.connections.opened',
    unit: '{connection}',
    seedName: 'ebpf_tcp_connections_opened_total',
    kind: 'counter',
    description: 'TCP connections that this side began and that were established.',
    exactness: 'exact',
  },
  own: {},
  keys: TCP,
  needs: ['socket_state'],
  exactWith: EXACT_WITH,
  maps: TRAFFIC,
  estimated: lostConnections,
};

export const ACCEPTED: MetricFact = {
  definition: {
    name: 'ebpf.tcp.connections.accepted',
    unit: '{connection}',
    seedName: 'ebpf_tcp_connections_accepted_total',
    kind: 'counter',
    description: 'TCP connections that were established to a listening socket, of the process that listens.',
    exactness: 'exact',
  },
  own: {},
  keys: TCP,
  needs: ['socket_state'],
  exactWith: EXACT_WITH,
  maps: TRAFFIC,
  estimated: lostConnections,
};

export const RESET: MetricFact = {
  definition: {
    name: 'ebpf.tcp.connections.reset',
    unit: '{connection}',
    seedName: 'ebpf_tcp_connections_reset_total',
    kind: 'counter',
    description: 'Established TCP connections that the peer ended by a reset.',
    exactness: 'exact',
  },
  own: {},
  keys: TCP,
  needs: ['socket_state'],
  exactWith: EXACT_WITH,
  maps: TRAFFIC,
  estimated: lostElders,
};

export const FAILED: MetricFact = {
  definition: {
    name: 'ebpf.tcp.connections.failed',
    unit: '{connection}',
    seedName: 'ebpf_tcp_connections_failed_total',
    kind: 'counter',
    description:
      'TCP connections that this side began and that were not established, by error; `_OTHER` where this side gave up.',
    exactness: 'exact',
  },
  own: { [ERROR]: 'errno' },
  keys: TCP,
  needs: ['socket_state'],
  exactWith: EXACT_WITH,
  maps: [{ object: 'net', map: 'connect_errors', key: ConnectErrorKey.WORD }],
  estimated: lostConnections,
};

export const CONNECT: MetricFact = {
  definition: {
    name: 'ebpf.tcp.connect.duration',
    unit: 'ns',
    otelUnit: 's',
    seedName: 'ebpf_tcp_connect_latency_ns',
    kind: 'histogram',
    description: 'Time from the first SYN of a TCP connection that this side began until it was established.',
    exactness: 'exact',
  },
  own: {},
  keys: TCP,
  needs: ['socket_state'],
  exactWith: ['socket_softirq'],
  maps: TIMES,
  estimated: lostConnections,
};

export const RTT: MetricFact = {
  definition: {
    name: 'ebpf.tcp.connection.rtt',
    unit: 'ns',
    otelUnit: 's',
    seedName: 'ebpf_tcp_connection_rtt_ns',
    kind: 'histogram',
    description: 'Smoothed round-trip time of each TCP connection when it ended.',
    exactness: 'exact',
  },
  own: {},
  keys: TCP,
  needs: ['socket_state'],
  exactWith: ['socket_softirq'],
  maps: TIMES,
  estimated: lostElders,
};

export const CONNECTIONS: MetricFact = {
  definition: {
    name: 'ebpf.tcp.connection.count',
    unit: '{connection}',
    seedName: 'ebpf_tcp_connections',
    kind: 'gauge',
    description: 'TCP sockets that are open now, by state; the kernel keeps none for time_wait.',
    exactness: 'exact',
  },
  own: { [STATE]: 'state' },
  keys: TCP,
  needs: ['socket_state', 'living_sockets'],
  perEvent: [],
  exactWith: ['older_sockets'],
  maps: [{ object: 'net', map: 'connections', key: ConnectionKey.WORD }],
};

export const RTT_NOW: MetricFact = {
  definition: {
    name: 'ebpf.tcp.rtt',
    unit: 'us',
    otelUnit: 's',
    seedName: 'ebpf_tcp_rtt_us',
    kind: 'gauge',
    description: 'Mean of the smoothed round-trip times of the TCP connections that are open now.',
    exactness: 'exact',
  },
  own: {},
  keys: TCP,
  needs: ['socket_state', 'living_sockets'],
  perEvent: [],
  exactWith: ['older_sockets'],
  maps: [{ object: 'net', map: 'connections', key: ConnectionKey.WORD }],
};

/** Metrics of sockets and connections. */
export const NETWORK_FACTS: readonly MetricFact[] = [
  BYTES,
  PACKETS,
  RETRANSMITS,
  OPENED,
  ACCEPTED,
  RESET,
  FAILED,
  CONNECT,
  RTT,
  CONNECTIONS,
  RTT_NOW,
];
