import { ConnectionKey, NetKey } from '../../bpf/net.gen.ts';
import type { MetricFact } from './metric-fact.ts';

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

const TCP = ['collect_network', 'features.sk_storage'];
const EXACT_WITH = ['task_newtask', 'process_exec'];
const TRAFFIC: MetricFact['maps'] = [{ object: 'net', map: 'traffic', key: NetKey.WORD }];

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
  exactWith: EXACT_WITH,
  maps: TRAFFIC,
};

export const PACKETS: MetricFact = {
  definition: {
    name: 'ebpf.network.packet.count',
    unit: '{packet}',
    seedName: 'ebpf_network_packets_total',
    kind: 'counter',
    description:
      'Segments of TCP sockets, those without payload and repetitions included; for UDP and UNIX calls that sent or received.',
    exactness: 'exact',
  },
  own: { [DIRECTION]: 'direction', [TRANSPORT]: 'transport' },
  keys: ['collect_network'],
  needs: [],
  oneOf: ['socket_state', 'living_sockets', 'socket_send', 'socket_receive'],
  perEvent: ['socket_send', 'socket_receive'],
  exactWith: EXACT_WITH,
  maps: TRAFFIC,
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
  exactWith: EXACT_WITH,
  maps: TRAFFIC,
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
  maps: [{ object: 'net', map: 'connect_errors', key: { group: 0, error: 1 } }],
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
  exactWith: [],
  maps: [{ object: 'net', map: 'tcp_times', key: { group: 0, time: 1 } }],
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
  exactWith: [],
  maps: [{ object: 'net', map: 'tcp_times', key: { group: 0, time: 1 } }],
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
  exactWith: [],
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
  exactWith: [],
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
