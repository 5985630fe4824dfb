/** Names of Cilium's enums by number, as its API has them (api/v1/flow/flow.proto of 1.20). A gap is a number that has no name. */

export const VERDICTS: readonly string[] = [
  'VERDICT_UNKNOWN',
  'FORWARDED',
  'DROPPED',
  'ERROR',
  'AUDIT',
  'REDIRECTED',
  'TRACED',
  'TRANSLATED',
];

export const VERDICT = { FORWARDED: 1, DROPPED: 2, ERROR: 3, AUDIT: 4, REDIRECTED: 5 } as const;

export const FLOW_TYPES: readonly string[] = ['UNKNOWN_TYPE', 'L3_L4', 'L7', 'SOCK'];
export const FLOW_TYPE = { L3_L4: 1, L7: 2, SOCK: 3 } as const;

export const DIRECTIONS: readonly string[] = ['unknown', 'ingress', 'egress'];
export const DIRECTION = { INGRESS: 1, EGRESS: 2 } as const;

/** Who saw a flow, by its direction. */
export const REPORTERS: readonly string[] = ['unknown', 'server', 'client'];

/** Field numbers of `Layer4`. */
export const PROTOCOL = { TCP: 1, UDP: 2, ICMPv4: 3, ICMPv6: 4, SCTP: 5, VRRP: 6, IGMP: 7 } as const;
export const PROTOCOLS: readonly string[] = ['unknown', 'TCP', 'UDP', 'ICMPv4', 'ICMPv6', 'SCTP', 'VRRP', 'IGMP'];

export const IP_VERSIONS: readonly string[] = ['IP_NOT_USED', 'IPv4', 'IPv6'];

/** `event_type.type`: the kind of event that a flow was made of. */
export const EVENT = { DROP: 1, CAPTURE: 3, TRACE: 4, POLICY_VERDICT: 5, ACCESS_LOG: 129 } as const;

export const L7_TYPE = { REQUEST: 1, RESPONSE: 2 } as const;
/** Which record an L7 flow has. */
export const RECORD = { NONE: 0, DNS: 1, HTTP: 2, KAFKA: 3 } as const;

/** Bits of {@link Flow.tcpFlags}: field n of `TCPFlags` is bit n - 1. */
export const TCP_FLAG = { FIN: 1, SYN: 2, RST: 4, PSH: 8, ACK: 16 } as const;

export const LOST_SOURCES: readonly string[] = [
  'unknown',
  'perf_event_ring_buffer',
  'observer_events_queue',
  'hubble_ring_buffer',
];

export const NODE_STATES: readonly string[] = ['unknown', 'connected', 'unavailable', 'gone', 'error'];

/** `policy_match_type`, as the monitor prints it in lower case. */
export const POLICY_MATCHES: readonly string[] = [
  'none',
  'l3-only',
  'l3-l4',
  'l4-only',
  'all',
  'l3-proto',
  'proto-only',
];

/** The monitor's names of `trace_observation_point`, by the number in `event_type.sub_type`. */
export const OBSERVATION_POINTS: readonly string[] = [
  'to-endpoint',
  'to-proxy',
  'to-host',
  'to-stack',
  'to-overlay',
  'from-endpoint',
  'from-proxy',
  'from-host',
  'from-stack',
  'from-overlay',
  'from-network',
  'to-network',
  'from-crypto',
  'to-crypto',
];

export const SCTP_CHUNKS: readonly string[] = [
  'UNSUPPORTED',
  'INIT',
  'INIT_ACK',
  'SHUTDOWN',
  'SHUTDOWN_ACK',
  'SHUTDOWN_COMPLETE',
  'ABORT',
];

/** IANA's mnemonics of DNS response codes. */
export const DNS_RCODES: readonly string[] = [
  'NOERROR',
  'FORMERR',
  'SERVFAIL',
  'NXDOMAIN',
  'NOTIMP',
  'REFUSED',
  'YXDOMAIN',
  'YXRRSET',
  'NXRRSET',
  'NOTAUTH',
  'NOTZONE',
  'DSOTYPENI',
];

/** First number of {@link DROP_REASONS}. */
const FIRST_DROP_REASON = 130;
const DROP_REASONS: readonly string[] = [
  'INVALID_SOURCE_MAC',
  'INVALID_DESTINATION_MAC',
  'INVALID_SOURCE_IP',
  'POLICY_DENIED',
  'INVALID_PACKET_DROPPED',
  'CT_TRUNCATED_OR_INVALID_HEADER',
  'CT_MISSING_TCP_ACK_FLAG',
  'CT_UNKNOWN_L4_PROTOCOL',
  'CT_CANNOT_CREATE_ENTRY_FROM_PACKET',
  'UNSUPPORTED_L3_PROTOCOL',
  'MISSED_TAIL_CALL',
  'ERROR_WRITING_TO_PACKET',
  'UNKNOWN_L4_PROTOCOL',
  'UNKNOWN_ICMPV4_CODE',
  'UNKNOWN_ICMPV4_TYPE',
  'UNKNOWN_ICMPV6_CODE',
  'UNKNOWN_ICMPV6_TYPE',
  'ERROR_RETRIEVING_TUNNEL_KEY',
  'ERROR_RETRIEVING_TUNNEL_OPTIONS',
  'INVALID_GENEVE_OPTION',
  'UNKNOWN_L3_TARGET_ADDRESS',
  'STALE_OR_UNROUTABLE_IP',
  'NO_MATCHING_LOCAL_CONTAINER_FOUND',
  'ERROR_WHILE_CORRECTING_L3_CHECKSUM',
  'ERROR_WHILE_CORRECTING_L4_CHECKSUM',
  'CT_MAP_INSERTION_FAILED',
  'INVALID_IPV6_EXTENSION_HEADER',
  'IP_FRAGMENTATION_NOT_SUPPORTED',
  'SERVICE_BACKEND_NOT_FOUND',
  '',
  'NO_TUNNEL_OR_ENCAPSULATION_ENDPOINT',
  'FAILED_TO_INSERT_INTO_PROXYMAP',
  'REACHED_EDT_RATE_LIMITING_DROP_HORIZON',
  'UNKNOWN_CONNECTION_TRACKING_STATE',
  'LOCAL_HOST_IS_UNREACHABLE',
  'NO_CONFIGURATION_AVAILABLE_TO_PERFORM_POLICY_DECISION',
  'UNSUPPORTED_L2_PROTOCOL',
  'NO_MAPPING_FOR_NAT_MASQUERADE',
  'UNSUPPORTED_PROTOCOL_FOR_NAT_MASQUERADE',
  'FIB_LOOKUP_FAILED',
  'ENCAPSULATION_TRAFFIC_IS_PROHIBITED',
  'INVALID_IDENTITY',
  'UNKNOWN_SENDER',
  'NAT_NOT_NEEDED',
  'IS_A_CLUSTERIP',
  'FIRST_LOGICAL_DATAGRAM_FRAGMENT_NOT_FOUND',
  'FORBIDDEN_ICMPV6_MESSAGE',
  'DENIED_BY_LB_SRC_RANGE_CHECK',
  'SOCKET_LOOKUP_FAILED',
  'SOCKET_ASSIGN_FAILED',
  'PROXY_REDIRECTION_NOT_SUPPORTED_FOR_PROTOCOL',
  'POLICY_DENY',
  'VLAN_FILTERED',
  'INVALID_VNI',
  'INVALID_TC_BUFFER',
  'NO_SID',
  'MISSING_SRV6_STATE',
  'NAT46',
  'NAT64',
  'AUTH_REQUIRED',
  'CT_NO_MAP_FOUND',
  'SNAT_NO_MAP_FOUND',
  'INVALID_CLUSTER_ID',
  'UNSUPPORTED_PROTOCOL_FOR_DSR_ENCAP',
  'NO_EGRESS_GATEWAY',
  'UNENCRYPTED_TRAFFIC',
  'TTL_EXCEEDED',
  'NO_NODE_ID',
  'DROP_RATE_LIMITED',
  'IGMP_HANDLED',
  'IGMP_SUBSCRIBED',
  'MULTICAST_HANDLED',
  'DROP_HOST_NOT_READY',
  'DROP_EP_NOT_READY',
  'DROP_NO_EGRESS_IP',
  'DROP_PUNT_PROXY',
  '',
  'DROP_FRAG_NOT_FOUND_WORLD',
];

/** Name of a `drop_reason_desc`; the number where it has none. */
export function dropReason(reason: number): string {
  if (reason === 0) return 'DROP_REASON_UNKNOWN';
  return DROP_REASONS[reason - FIRST_DROP_REASON] || String(reason);
}

/** The entry of a list of names; the number where it has none. */
export function nameOf(names: readonly string[], number: number): string {
  return names[number] ?? String(number);
}

/** The number of a name, for configurations. Undefined where there is none. */
export function dropReasonNumber(name: string): number | undefined {
  if (name === 'DROP_REASON_UNKNOWN') return 0;
  const at = DROP_REASONS.indexOf(name);
  return at < 0 || name === '' ? undefined : at + FIRST_DROP_REASON;
}
