import { WireWriter, z } from 'bpflow/sdk';
import { dropReasonNumber, VERDICTS } from './enums.ts';

const MAX_FILTERS = 100;

function strings(text: string) {
  return z.array(z.string().min(1)).min(1).optional().describe(text);
}

function numbers(text: string) {
  return z
    .array(
      z
        .int()
        .min(0)
        .max(2 ** 32 - 1),
    )
    .min(1)
    .optional()
    .describe(text);
}

const TCP_FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR', 'NS'] as const;
const EVENT_TYPES = { drop: 1, debug: 2, capture: 3, trace: 4, 'policy-verdict': 5, 'trace-sock': 7, l7: 129 } as const;

const workloads = (text: string) =>
  z
    .array(
      z.strictObject({
        name: z.string().min(1).optional().describe('Name of the workload.'),
        kind: z.string().min(1).optional().describe('Kind of the workload: Deployment, StatefulSet, …'),
      }),
    )
    .min(1)
    .optional()
    .describe(text);

/** Cilium's FlowFilter: within a field one of its values, all fields together. The server applies it. */
const flowFilter = z.strictObject({
  source_ip: strings('Addresses or CIDRs of the source.'),
  source_ip_xlated: strings('Addresses or CIDRs of the source after address translation.'),
  source_pod: strings('Pods of the source: a prefix of the name, `namespace/prefix`, or `namespace/`.'),
  source_fqdn: strings('DNS names of the source; * is any run of characters.'),
  source_label: strings('Label selectors of the source, such as app=web or reserved:world.'),
  source_service: strings('Services of the source: `namespace/name`.'),
  source_workload: workloads('Workloads of the source.'),
  source_cluster_name: strings('Clusters of the source.'),
  source_identity: numbers('Security identities of the source.'),
  source_port: strings('Ports of the source.'),
  destination_ip: strings('Addresses or CIDRs of the destination.'),
  destination_pod: strings('Pods of the destination: a prefix of the name, `namespace/prefix`, or `namespace/`.'),
  destination_fqdn: strings('DNS names of the destination; * is any run of characters.'),
  destination_label: strings('Label selectors of the destination.'),
  destination_service: strings('Services of the destination: `namespace/name`.'),
  destination_workload: workloads('Workloads of the destination.'),
  destination_cluster_name: strings('Clusters of the destination.'),
  destination_identity: numbers('Security identities of the destination.'),
  destination_port: strings('Ports of the destination.'),
  traffic_direction: z
    .array(z.enum(['INGRESS', 'EGRESS']))
    .min(1)
    .optional()
    .describe('As seen from the node that reports: INGRESS, EGRESS.'),
  verdict: z
    .array(z.enum(VERDICTS.slice(1) as [string, ...string[]]))
    .min(1)
    .optional()
    .describe('FORWARDED, DROPPED, ERROR, AUDIT, REDIRECTED, TRACED, TRANSLATED.'),
  drop_reason_desc: z
    .array(
      z.string().refine((name) => dropReasonNumber(name) !== undefined, {
        error: 'is no reason of Cilium; write its name, such as POLICY_DENIED',
      }),
    )
    .min(1)
    .optional()
    .describe("Reasons of drops, by Cilium's names: POLICY_DENIED, …"),
  event_type: z
    .array(
      z.strictObject({
        type: z
          .enum(Object.keys(EVENT_TYPES) as [keyof typeof EVENT_TYPES, ...(keyof typeof EVENT_TYPES)[]])
          .describe('drop, debug, capture, trace, policy-verdict, trace-sock or l7.'),
        sub_type: z
          .int()
          .min(0)
          .max(255)
          .optional()
          .describe('Number of the sub-type: observation point or drop reason.'),
      }),
    )
    .min(1)
    .optional()
    .describe('Kinds of events.'),
  http_status_code: strings('HTTP status codes, or prefixes: 503, 5+.'),
  http_method: strings('HTTP methods.'),
  http_path: strings('Regular expressions (RE2) of the path.'),
  http_url: strings('Regular expressions (RE2) of the URL.'),
  http_header: z
    .array(
      z.strictObject({
        key: z.string().min(1).describe('Name of the header.'),
        value: z.string().describe('Its value.'),
      }),
    )
    .min(1)
    .optional()
    .describe('HTTP headers.'),
  protocol: strings('Protocols: tcp, udp, icmp, sctp, http, dns, kafka, …'),
  reply: z.array(z.boolean()).min(1).optional().describe('Whether the flow is an answer.'),
  dns_query: strings('Regular expressions (RE2) of the name in a DNS query.'),
  tcp_flags: z
    .array(z.array(z.enum(TCP_FLAGS)).min(1))
    .min(1)
    .optional()
    .describe('Sets of TCP flags, all of which must be set: [[SYN], [FIN, ACK]].'),
  node_name: strings('Nodes: `name`, `cluster/name`, with * and ?.'),
  node_labels: strings('Label selectors of nodes.'),
  ip_version: z
    .array(z.enum(['IPv4', 'IPv6']))
    .min(1)
    .optional()
    .describe('IPv4, IPv6.'),
  trace_id: strings('Trace ids.'),
  uuid: strings('Ids of single flows.'),
  ip_trace_id: numbers('Ids in an IP option.'),
  encrypted: z.array(z.boolean()).min(1).optional().describe('Whether the packet was encrypted.'),
  cel_expression: strings('Expressions in CEL over `_flow`; experimental in Cilium.'),
});

export type FlowFilter = z.output<typeof flowFilter>;

/** A list of flow filters: what matches one of them. */
export function flowFilters(text: string) {
  return z
    .array(
      flowFilter.refine((filter) => Object.keys(filter).length > 0, { error: 'is empty and would match every flow' }),
    )
    .max(MAX_FILTERS)
    .default([])
    .describe(text);
}

const STRING_FIELDS = {
  source_ip: 1,
  source_pod: 2,
  destination_ip: 3,
  destination_pod: 4,
  source_fqdn: 7,
  destination_fqdn: 8,
  http_status_code: 9,
  source_label: 10,
  destination_label: 11,
  protocol: 12,
  source_port: 13,
  destination_port: 14,
  source_service: 16,
  destination_service: 17,
  dns_query: 18,
  http_method: 21,
  http_path: 22,
  node_name: 24,
  trace_id: 28,
  uuid: 29,
  http_url: 31,
  source_ip_xlated: 34,
  node_labels: 36,
  source_cluster_name: 37,
  destination_cluster_name: 38,
} as const satisfies Partial<Record<keyof FlowFilter, number>>;

const NUMBER_FIELDS = { source_identity: 19, destination_identity: 20, ip_trace_id: 39 } as const;
const BOOLEAN_FIELDS = { reply: 15, encrypted: 40 } as const;

/** A FlowFilter message; field numbers as in hubble.proto. */
export function encodeFlowFilter(filter: FlowFilter): Uint8Array {
  const writer = new WireWriter();
  for (const [name, field] of Object.entries(STRING_FIELDS) as [keyof typeof STRING_FIELDS, number][]) {
    for (const value of filter[name] ?? []) writer.string(field, value);
  }
  const varints = (field: number, values: readonly number[] | undefined): void => {
    if (values === undefined) return;
    const mark = writer.begin(field);
    for (const value of values) writer.varint(value);
    writer.end(mark);
  };
  for (const [name, field] of Object.entries(NUMBER_FIELDS) as [keyof typeof NUMBER_FIELDS, number][]) {
    varints(field, filter[name]);
  }
  for (const [name, field] of Object.entries(BOOLEAN_FIELDS) as [keyof typeof BOOLEAN_FIELDS, number][]) {
    varints(field, filter[name]?.map(Number));
  }
  varints(
    5,
    filter.verdict?.map((name) => VERDICTS.indexOf(name)),
  );
  varints(
    25,
    filter.ip_version?.map((name) => (name === 'IPv4' ? 1 : 2)),
  );
  varints(
    30,
    filter.traffic_direction?.map((name) => (name === 'INGRESS' ? 1 : 2)),
  );
  varints(
    33,
    filter.drop_reason_desc?.map((name) => dropReasonNumber(name)!),
  );
  for (const { type, sub_type } of filter.event_type ?? []) {
    const mark = writer.begin(6);
    number(writer, 1, EVENT_TYPES[type]);
    if (sub_type !== undefined) {
      number(writer, 2, 1);
      number(writer, 3, sub_type);
    }
    writer.end(mark);
  }
  for (const flags of filter.tcp_flags ?? []) {
    const mark = writer.begin(23);
    for (const flag of new Set(flags)) number(writer, TCP_FLAGS.indexOf(flag) + 1, 1);
    writer.end(mark);
  }
  for (const [field, list] of [
    [26, filter.source_workload],
    [27, filter.destination_workload],
  ] as const) {
    for (const { name, kind } of list ?? []) {
      const mark = writer.begin(field);
      if (name !== undefined) writer.string(1, name);
      if (kind !== undefined) writer.string(2, kind);
      writer.end(mark);
    }
  }
  for (const { key, value } of filter.http_header ?? []) {
    const mark = writer.begin(32);
    writer.string(1, key);
    if (value !== '') writer.string(2, value);
    writer.end(mark);
  }
  if (filter.cel_expression !== undefined) {
    const mark = writer.begin(999);
    for (const expression of filter.cel_expression) writer.string(1, expression);
    writer.end(mark);
  }
  return writer.take();
}

export function number(writer: WireWriter, field: number, value: number): void {
  if (value === 0) return;
  writer.tag(field, 0);
  writer.varint(value);
}
