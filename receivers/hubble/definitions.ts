import { defineMetric, type MetricDefinition } from 'bpflow/sdk';

type Attributes = Readonly<Record<string, string>>;

export interface DefinitionOptions {
  /** Attribute → label of the context. */
  readonly context: Attributes;
  /** One connection in so many is counted, with that weight. */
  readonly sampleRate: number;
}

/** Attributes by the short names that labels have. */
const KEYS = {
  protocol: 'network.protocol',
  verdict: 'hubble.verdict',
  type: 'hubble.flow.type',
  direction: 'hubble.direction',
  reporter: 'hubble.reporter',
  method: 'http.request.method',
  status: 'http.response.status_code',
  rpc_service: 'rpc.service',
  rpc_method: 'rpc.method',
  grpc_status: 'rpc.grpc.status_code',
  qtype: 'dns.question.type',
  rcode: 'dns.response.code',
  query: 'dns.question.name',
  api_key: 'kafka.api_key',
  topic: 'kafka.topic',
  error_code: 'kafka.error_code',
  reason: 'hubble.drop.reason',
  match: 'hubble.policy.match',
  action: 'hubble.policy.action',
  service: 'service.name',
  service_namespace: 'service.namespace',
  source: 'hubble.lost.source',
  node: 'k8s.node.name',
  client: 'client',
  server: 'server',
  connection_type: 'connection_type',
} as const;
export type Label = keyof typeof KEYS;

/** The attribute of a label. */
export function key(label: Label): string {
  return KEYS[label];
}

/** The metrics of this receiver's own profile: rows T-F, T-L, T-X, T-P and T-V of docs/promises.md, and what stands beside them. */
export function definitions({ context, sampleRate }: DefinitionOptions) {
  const exactness =
    sampleRate === 1
      ? ('exact' as const)
      : { estimated: `one connection in ${sampleRate} is counted, with the weight ${sampleRate}.` };
  const attributes = (labels: readonly Label[]): Attributes =>
    Object.fromEntries(labels.map((label) => [KEYS[label], label]));
  const counter = (name: string, unit: string, description: string, labels: readonly Label[]): MetricDefinition =>
    defineMetric({
      name: `hubble.${name}`,
      unit,
      seedName: `hubble_${name.replaceAll('.', '_')}_total`,
      kind: 'counter',
      description,
      exactness,
      attributes: { ...context, ...attributes(labels) },
    });
  const duration = (name: string, description: string, labels: readonly Label[]): MetricDefinition =>
    defineMetric({
      name: `hubble.${name}`,
      unit: 'ns',
      otelUnit: 's',
      seedName: `hubble_${name.replaceAll('.', '_')}_seconds`,
      kind: 'histogram',
      description,
      exactness,
      attributes: { ...context, ...attributes(labels) },
    });
  const ofService = (definition: MetricDefinition): MetricDefinition =>
    defineMetric({ ...definition, attributes: attributes(['service', 'service_namespace', 'reporter']) });
  return {
    flows: counter(
      'flows',
      '{flow}',
      'Flows that Hubble sent, of every kind; one packet can be seen at several places.',
      ['protocol', 'verdict', 'type', 'direction'],
    ),
    tcpConnections: counter(
      'tcp.connections',
      '{connection}',
      'TCP connections that began: their first SYN was forwarded, and the node knows who sent it.',
      ['reporter'],
    ),
    tcpDuration: duration(
      'tcp.connection.duration',
      'Time from the first SYN of a TCP connection to the FIN of its second end, or to an RST; connections whose begin was not seen are left out.',
      ['reporter'],
    ),
    flowBytes: counter(
      'flow.bytes',
      'By',
      'Payload of TCP connections that flows told of, from source to destination, by the sockets of this node: as the client has sent and received it, and as the server has (reporter). What was carried before the join began is not in it.',
      ['reporter'],
    ),
    udpFlows: counter(
      'udp.flows',
      '{flow}',
      'Flows of UDP packets; DNS messages that a proxy saw are not among them.',
      ['verdict', 'direction'],
    ),
    httpRequests: counter('http.requests', '{request}', 'HTTP requests that a proxy saw, gRPC included.', [
      'method',
      'reporter',
    ]),
    httpResponses: counter(
      'http.responses',
      '{response}',
      'HTTP responses that a proxy saw, gRPC included; source and destination are those of the request.',
      ['method', 'status', 'reporter'],
    ),
    httpDuration: duration(
      'http.request.duration',
      'Time from an HTTP request to its response, where the agent could tell: both carried the same X-Request-Id.',
      ['method', 'reporter'],
    ),
    grpcRequests: counter(
      'grpc.requests',
      '{request}',
      'gRPC calls that a proxy saw, told by their content type, or by their path where headers are not shown.',
      ['rpc_service', 'rpc_method', 'reporter'],
    ),
    grpcResponses: counter(
      'grpc.responses',
      '{response}',
      'Answers to gRPC calls; the status is known only where it came in the headers, which is so for most errors and no success.',
      ['rpc_service', 'rpc_method', 'grpc_status', 'reporter'],
    ),
    grpcDuration: duration(
      'grpc.request.duration',
      'Time from a gRPC call to the headers of its answer, where the agent could tell.',
      ['rpc_service', 'rpc_method', 'reporter'],
    ),
    dnsQueries: counter('dns.queries', '{query}', 'DNS queries that the DNS proxy saw, by type.', [
      'qtype',
      'query',
      'reporter',
    ]),
    dnsResponses: counter(
      'dns.responses',
      '{response}',
      'DNS responses that the DNS proxy saw, by response code; source and destination are those of the query.',
      ['qtype', 'rcode', 'query', 'reporter'],
    ),
    kafkaRequests: counter(
      'kafka.requests',
      '{request}',
      'Kafka requests; agents from Cilium 1.20 on do not see them any more.',
      ['api_key', 'topic', 'reporter'],
    ),
    kafkaResponses: counter('kafka.responses', '{response}', 'Kafka responses, by error code.', [
      'api_key',
      'topic',
      'error_code',
      'reporter',
    ]),
    drops: counter(
      'drop',
      '{packet}',
      'Packets that the datapath dropped, by reason. Counted from drop events alone: the verdict of the policy that led to one, and what a proxy denied, are not in it.',
      ['reason', 'protocol', 'direction'],
    ),
    l7Denied: counter('l7.denied', '{request}', 'Requests that a proxy denied by policy.', ['protocol', 'direction']),
    policyVerdicts: counter(
      'policy.verdicts',
      '{verdict}',
      'Verdicts of network policies over new connections: ALLOWED (also by way of a proxy), DENIED or AUDIT.',
      ['action', 'direction'],
    ),
    policyMatches: counter(
      'policy.match',
      '{verdict}',
      'The same by what matched, and requests that a proxy decided on (l7/http, l7/dns, l7/kafka).',
      ['match', 'action', 'direction'],
    ),
    serviceRequests: ofService(
      counter(
        'service.requests',
        '{request}',
        'HTTP and gRPC requests by the service they went to: the Kubernetes service, else the workload, else the application.',
        [],
      ),
    ),
    serviceErrors: ofService(
      counter(
        'service.errors',
        '{response}',
        "Responses with a status from 500 up, and gRPC answers with a server's error.",
        [],
      ),
    ),
    serviceDuration: ofService(
      duration('service.request.duration', 'Time from request to response by service, where the agent could tell.', []),
    ),
    serviceGraphRequests: edge(
      'request_total',
      counter(
        'service_graph.requests',
        '{request}',
        'Edges of the service map: TCP connections, HTTP requests and gRPC calls from one service to another.',
        [],
      ),
    ),
    serviceGraphFailed: edge(
      'request_failed_total',
      counter(
        'service_graph.requests.failed',
        '{request}',
        'Requests between two services that were answered with an error of the server.',
        [],
      ),
    ),
    serviceGraphServer: edge(
      'request_server_seconds',
      duration(
        'service_graph.server.duration',
        "Time from request to answer between two services as the server's node saw it, where the agent could tell.",
        [],
      ),
    ),
    serviceGraphClient: edge(
      'request_client_seconds',
      duration(
        'service_graph.client.duration',
        "Time from request to answer between two services as the client's node saw it, where the agent could tell.",
        [],
      ),
    ),
    lost: lostEvents(),
  } as const;

  function edge(name: string, definition: MetricDefinition): MetricDefinition {
    return defineMetric({
      ...definition,
      seedName: `traces_service_graph_${name}`,
      attributes: attributes(['client', 'server', 'connection_type']),
    });
  }
}

export type Definitions = ReturnType<typeof definitions>;

/** What Hubble itself says it has lost; never an estimate. */
export function lostEvents(): MetricDefinition {
  return defineMetric({
    name: 'hubble.lost_events',
    unit: '{event}',
    seedName: 'hubble_lost_events_total',
    kind: 'counter',
    description:
      'Events that Hubble has lost before they could be sent, by where: the perf ring of the kernel, the queue of the agent, the ring of Hubble (this reader was too slow), or a gap while it was not connected (at least so many).',
    exactness: 'exact',
    attributes: { [KEYS.source]: 'source' },
  });
}
