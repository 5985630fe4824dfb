import { duration, z } from 'bpflow/sdk';
import { tlsClientSettings } from 'bpflow/transport';
import { targetOf } from './address.ts';
import { flowFilters } from './filters.ts';
import { CONTEXT_LABELS, IDENTIFIERS } from './labels.ts';

/** Where Helm's chart of Cilium puts what clients of a relay need. */
export const TLS_FOLDER = '/etc/hubble';

const identifiers = (text: string) => z.array(z.enum(IDENTIFIERS)).describe(text);

const bounds = (text: string) =>
  z
    .array(duration())
    .max(64, { error: 'must be at most 64 bounds' })
    .refine((list) => list.every((ms, i) => i === 0 || ms > list[i - 1]!), { error: 'must ascend' })
    .describe(text);

const namespace = z.string().regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, { error: 'is no name of a namespace' });

const address = z.string().superRefine((value, context) => {
  try {
    targetOf(value);
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message });
  }
});

const entries = (most: number) => z.int().min(1, { error: 'must be at least 1' }).max(most);

export const config = z
  .strictObject({
    enabled: z.boolean().default(true).describe('false: the receiver stays idle and connects to nobody.'),
    endpoint: address
      .optional()
      .describe(
        'Address of Hubble Relay or of an agent: host:port, dns:host:port or unix:path. The same as hubble_address.',
      ),
    hubble_address: address
      .optional()
      .describe('Address of Hubble Relay or of an agent. Default: hubble-relay.kube-system.svc:4245.'),
    hubble_tls_enabled: z
      .boolean()
      .optional()
      .describe('TLS. Default: true; unix sockets never have it. Leave it out where tls is set.'),
    hubble_tls_cert: z
      .string()
      .min(1)
      .optional()
      .describe('PEM file of the own certificate. Default: /etc/hubble/tls.crt where it exists.'),
    hubble_tls_key: z
      .string()
      .min(1)
      .optional()
      .describe('PEM file of its private key. Default: /etc/hubble/tls.key where it exists.'),
    hubble_tls_ca: z
      .string()
      .min(1)
      .optional()
      .describe('PEM file of the authorities that are trusted. Default: /etc/hubble/ca.crt where it exists.'),
    tls: tlsClientSettings()
      .unwrap()
      .safeExtend({
        server_name: z
          .string()
          .min(1)
          .optional()
          .describe("Name that the server's certificate must have, such as ui.hubble-relay.cilium.io."),
      })
      .optional()
      .describe("TLS with the Collector's keys, in place of hubble_tls_…. Hubble speaks TLS 1.3 and nothing older."),

    collect_flows: z.boolean().default(true).describe('Flows, UDP flows, TCP connections and how long they last.'),
    collect_l7_flows: z
      .boolean()
      .default(true)
      .describe('HTTP, gRPC, DNS and Kafka, where a proxy of Cilium sees them.'),
    collect_drops: z.boolean().default(true).describe('Dropped packets by reason, and denied requests.'),
    collect_policies: z.boolean().default(true).describe('Verdicts of network policies.'),
    collect_services: z
      .boolean()
      .default(true)
      .describe('Requests, errors and durations by service, and the edges of the service map.'),
    flow_logs: z
      .boolean()
      .default(true)
      .describe('One log record for each flow, in the logs pipelines that name this receiver.'),
    names: z
      .enum(['seed', 'hubble_upstream'])
      .default('seed')
      .describe(
        "Which metrics: seed is this receiver's own set; hubble_upstream is the set of Cilium's agent with its names and labels, for dashboards made for it.",
      ),

    kubernetes_enabled: z
      .boolean()
      .default(true)
      .describe(
        'Workloads of pods on other nodes from the Kubernetes extension when there is one, else from their names.',
      ),
    watch_namespaces: z.array(namespace).max(1000).default([]).describe('Only flows of pods in these. Empty: all.'),
    exclude_namespaces: z
      .array(namespace)
      .max(1000)
      .default(['kube-system', 'cilium'])
      .describe('Flows whose pods are all in these are left out; those to or from a pod elsewhere count.'),
    include: flowFilters("Only flows that match one of these filters; the fields are Cilium's FlowFilter. Empty: all."),
    exclude: flowFilters('Flows that match one of these filters are left out.'),
    reporter: z
      .enum(['server', 'client', 'both'])
      .default('both')
      .describe(
        'Whose view counts: server is the node of the destination, client that of the source. A flow between two nodes is seen by both; flows without a direction always count.',
      ),

    context: z
      .strictObject({
        labels: z
          .array(z.enum(CONTEXT_LABELS))
          .optional()
          .describe(
            'Labels of both ends. Default: namespace and workload of source and destination; none with names: hubble_upstream.',
          ),
        source: identifiers('What becomes the label source: the first that is known.').default([]),
        destination: identifiers('What becomes the label destination: the first that is known.').default([]),
        source_egress: identifiers('In place of source where the flow leaves its node.').optional(),
        source_ingress: identifiers('In place of source where the flow enters its node.').optional(),
        destination_egress: identifiers('In place of destination where the flow leaves its node.').optional(),
        destination_ingress: identifiers('In place of destination where the flow enters its node.').optional(),
      })
      .prefault({})
      .describe('Labels that say who talks to whom. ip and dns make many series.'),
    dns_query_label: z
      .boolean()
      .default(false)
      .describe('The name in a DNS query as a label. Every name that is asked for makes series.'),
    upstream_options: z
      .strictObject({
        dns: z
          .array(z.enum(['query', 'ignoreAAAA']))
          .default([])
          .describe(
            'query: the name as a label, as dns_query_label. ignoreAAAA: messages that ask for AAAA alone do not count.',
          ),
        flows_to_world: z
          .array(z.enum(['any-drop', 'port', 'syn-only']))
          .default([])
          .describe(
            'any-drop: drops of every reason, not of policies alone. port: the destination port as a label. syn-only: TCP connections alone, by their first SYN.',
          ),
      })
      .prefault({})
      .describe("Options of Cilium's metrics under its own words; for names: hubble_upstream alone."),
    histogram: z
      .strictObject({
        form: z
          .enum(['explicit', 'exponential'])
          .default('explicit')
          .describe('Fixed bounds, or exponential buckets of scale 3.'),
        request_bounds: bounds('Bounds of durations of requests.').prefault([
          '5ms',
          '10ms',
          '25ms',
          '50ms',
          '100ms',
          '250ms',
          '500ms',
          '1s',
          '2500ms',
          '5s',
          '10s',
        ]),
        connection_bounds: bounds('Bounds of durations of connections.').prefault([
          '1ms',
          '10ms',
          '100ms',
          '1s',
          '10s',
          '1m',
          '5m',
          '30m',
          '1h',
        ]),
      })
      .prefault({})
      .describe('How durations are laid out.'),

    aggregation_window: duration()
      .refine((ms) => ms >= 100, { error: 'must be at least 100ms' })
      .prefault('10s')
      .describe('Flows are added up and handed on after this time, or when the page is scraped.'),
    flow_buffer_size: entries(1_000_000)
      .default(4096)
      .describe(
        'Log records that wait to be handed on; what comes while it is full and nobody takes them is dropped and counted.',
      ),
    flow_sample_rate: z
      .int()
      .min(1, { error: 'must be at least 1' })
      .max(1_000_000)
      .default(1)
      .describe('1 in N connections is looked at and counts N times; both directions stay together. 1: all.'),
    max_flows_per_second: z
      .int()
      .min(0)
      .max(10_000_000)
      .default(10_000)
      .describe('More flows than this are not looked at, and counted as dropped. 0: no limit.'),
    idle_timeout: duration().prefault('5m').describe('A series that has not changed for so long ends.'),
    max_series: entries(1_000_000)
      .default(20_000)
      .describe('Series of one metric. What is above is added up in one series with otel.metric.overflow.'),
    max_connections: entries(4_000_000)
      .default(65_536)
      .describe('TCP connections whose end is waited for; the oldest make room, which is counted.'),
    connection_timeout: duration()
      .prefault('1h')
      .describe('A connection of which nothing was heard for so long is given up, which is counted.'),
    field_mask: z
      .boolean()
      .default(false)
      .describe(
        'Ask for the needed fields alone: half the bytes, and twice the work for the agent, which copies each flow.',
      ),
    join: z
      .string()
      .regex(/^[a-zA-Z][0-9a-zA-Z_]*(\/\S+)?$/, { error: 'expected the id of a receiver: ebpf, or ebpf/name' })
      .optional()
      .describe(
        'Receiver on this node whose sockets tell the bytes of flows: ebpf, or ebpf/name. Without it hubble_flow_bytes_total is not there.',
      ),
  })
  .superRefine((value, context) => {
    const refuse = (path: string, message: string): void => context.addIssue({ code: 'custom', path: [path], message });
    if (value.endpoint !== undefined && value.hubble_address !== undefined && value.endpoint !== value.hubble_address) {
      refuse('hubble_address', 'is another address than endpoint; set one of them');
    }
    if (value.tls !== undefined) {
      for (const name of ['hubble_tls_enabled', 'hubble_tls_cert', 'hubble_tls_key', 'hubble_tls_ca'] as const) {
        if (value[name] !== undefined) refuse(name, 'cannot stand beside tls; put it there');
      }
      if (value.tls.server_name !== undefined && value.tls.server_name_override !== undefined) {
        refuse('tls', 'server_name and server_name_override are the same; set one of them');
      }
      if (value.tls.max_version !== undefined && value.tls.max_version !== '1.3') {
        refuse('tls', `max_version ${value.tls.max_version}: Hubble speaks TLS 1.3 only`);
      }
    }
    if ((value.hubble_tls_cert === undefined) !== (value.hubble_tls_key === undefined)) {
      refuse(
        value.hubble_tls_cert === undefined ? 'hubble_tls_cert' : 'hubble_tls_key',
        'certificate and key go together: set both or neither',
      );
    }
    if (value.join !== undefined && value.names === 'hubble_upstream') {
      refuse('join', "is for names: seed; Cilium's own set has no bytes of flows");
    } else if (value.join !== undefined && !value.collect_flows) {
      refuse('join', 'needs collect_flows, which is off');
    }
    const { dns, flows_to_world: toWorld } = value.upstream_options;
    if (value.names !== 'hubble_upstream' && dns.length + toWorld.length > 0) {
      refuse('upstream_options', 'is for names: hubble_upstream; these metrics have other names and rules');
    }
    const both = value.watch_namespaces.filter((name) => value.exclude_namespaces.includes(name));
    if (both.length > 0) refuse('watch_namespaces', `${both.join(', ')} is in exclude_namespaces too`);
  });

export type Config = z.output<typeof config>;

/** The address that is connected to. */
export function addressOf({ endpoint, hubble_address }: Pick<Config, 'endpoint' | 'hubble_address'>): string {
  return endpoint ?? hubble_address ?? 'hubble-relay.kube-system.svc:4245';
}
