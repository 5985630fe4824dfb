import { type Dashboard, graph, type Panel, stat, table } from './grafana.ts';
import { orZero, quantile, rate, share, topRates, type Where } from './promql.ts';
import type { KnownMetric, Registry } from './registry.ts';

/** What flows through the network of the cluster: the receiver `hubble` with its own names and its default labels. */
export function hubbleDashboard(registry: Registry): Dashboard {
  const metric = (name: string): KnownMetric => {
    const known = registry.get(`hubble_${name}`) ?? registry.get(name);
    if (known === undefined) throw new Error(`The receiver hubble has no metric ${name}.`);
    return known;
  };
  /** Those of the variables that the metric has, and more. */
  const chosen = (of: KnownMetric, more: Where = {}): Where => ({
    job: '=~"$job"',
    ...Object.fromEntries(VARIABLES.filter((name) => of.labels.has(name)).map((name) => [name, `=~"$${name}"`])),
    ...more,
  });
  const rates = (name: string, by: readonly string[] = [], more: Where = {}): string =>
    rate(metric(name), by, chosen(metric(name), more));
  const top = (name: string, by: readonly string[], more: Where = {}): string =>
    topRates(10, metric(name), by, chosen(metric(name), more));
  const edges = (name: string): string => topRates(50, metric(name), EDGE, chosen(metric(name)));
  const edgeQuantile = (name: string): string =>
    quantile(0.95, metric(name), ['client', 'server'], chosen(metric(name)));
  const quantiles = (name: string, title: string, description: string): Panel => {
    const of = metric(name);
    return graph({
      title,
      description,
      unit: 's',
      queries: [0.5, 0.95, 0.99].map((q) => [quantile(q, of, [], chosen(of)), `p${q * 100}`]),
    });
  };
  const failed = rates('http_responses_total', [], { status: '=~"5.."' });
  const notFound = rates('dns_responses_total', [], { rcode: '!="NOERROR"' });

  return {
    uid: 'bpflow-hubble',
    title: 'bpflow / Hubble flows',
    description: 'Flows of Cilium as the receiver hubble counts them, with its own names and default labels.',
    variables: [
      { name: 'job', label: 'Job', metric: 'hubble_flows_total' },
      { name: 'source_namespace', label: 'From namespace', metric: 'hubble_flows_total' },
      { name: 'destination_namespace', label: 'To namespace', metric: 'hubble_flows_total' },
      { name: 'reporter', label: 'Reporter', metric: 'hubble_tcp_connections_total' },
    ],
    rows: [
      {
        title: 'Now',
        panels: [
          stat({
            title: 'Flows',
            description: 'Flows that Hubble sent. One packet can be seen at several places.',
            unit: 'cps',
            queries: [[orZero(rates('flows_total')), '']],
          }),
          stat({
            title: 'Dropped packets',
            description: 'Packets that the datapath dropped, whatever the reason.',
            unit: 'pps',
            thresholds: [1, 100],
            queries: [[orZero(rates('drop_total')), '']],
          }),
          stat({
            title: 'Denied connections',
            description: 'Verdicts of network policies that denied a connection.',
            unit: 'cps',
            thresholds: [1, 50],
            queries: [[orZero(rates('policy_verdicts_total', [], { action: '="DENIED"' })), '']],
          }),
          stat({
            title: 'HTTP errors',
            description: 'Share of HTTP responses with a status from 500 up.',
            unit: 'percentunit',
            thresholds: [0.01, 0.05],
            queries: [[orZero(share(failed, rates('http_responses_total'))), '']],
          }),
          stat({
            title: 'DNS errors',
            description: 'Share of DNS responses with another code than NOERROR.',
            unit: 'percentunit',
            thresholds: [0.1, 0.5],
            queries: [[orZero(share(notFound, rates('dns_responses_total'))), '']],
          }),
          stat({
            title: 'Lost events',
            description:
              'What Hubble says it has lost before it could be sent. While it is above 0 everything else is too low.',
            unit: 'cps',
            thresholds: [0.001, 10],
            queries: [[orZero(rates('lost_events_total')), '']],
          }),
        ],
      },
      {
        title: 'Flows',
        panels: [
          graph({
            title: 'Flows by verdict',
            description: 'Every flow by what became of it.',
            unit: 'cps',
            stacked: true,
            queries: [[rates('flows_total', ['verdict']), '{{verdict}}']],
          }),
          graph({
            title: 'Flows by protocol',
            description: 'Every flow by its protocol and whether it is of L3/L4 or L7.',
            unit: 'cps',
            stacked: true,
            queries: [[rates('flows_total', ['protocol', 'type']), '{{protocol}} {{type}}']],
          }),
          graph({
            title: 'Busiest workloads, outgoing',
            description: 'The ten workloads with the most flows from them.',
            unit: 'cps',
            queries: [
              [top('flows_total', ['source_namespace', 'source_workload']), '{{source_namespace}}/{{source_workload}}'],
            ],
          }),
          graph({
            title: 'Busiest workloads, incoming',
            description: 'The ten workloads with the most flows to them.',
            unit: 'cps',
            queries: [
              [
                top('flows_total', ['destination_namespace', 'destination_workload']),
                '{{destination_namespace}}/{{destination_workload}}',
              ],
            ],
          }),
          graph({
            title: 'Bytes between workloads',
            description:
              "Payload of TCP by the sockets of the nodes, where the receiver has join: ebpf. Both ends' nodes tell it: choose one reporter.",
            unit: 'Bps',
            queries: [
              [
                top('flow_bytes_total', ['source_workload', 'destination_workload', 'reporter']),
                '{{source_workload}} → {{destination_workload}} {{reporter}}',
              ],
            ],
          }),
          graph({
            title: 'UDP flows by verdict',
            description: 'Flows of UDP packets; DNS messages that a proxy saw are not among them.',
            unit: 'cps',
            queries: [[rates('udp_flows_total', ['verdict', 'direction']), '{{verdict}} {{direction}}']],
          }),
        ],
      },
      {
        title: 'TCP',
        panels: [
          graph({
            title: 'Connections opened',
            description: 'TCP connections that began, by the workload that was connected to.',
            unit: 'cps',
            queries: [
              [
                top('tcp_connections_total', ['destination_namespace', 'destination_workload']),
                '{{destination_namespace}}/{{destination_workload}}',
              ],
            ],
          }),
          quantiles(
            'tcp_connection_duration_seconds',
            'Duration of connections',
            'From the first SYN to the FIN of the second end or an RST, of connections that ended.',
          ),
        ],
      },
      {
        title: 'Drops and policies',
        panels: [
          graph({
            title: 'Drops by reason',
            description: 'Packets that the datapath dropped. Counted from drop events alone.',
            unit: 'pps',
            stacked: true,
            queries: [[rates('drop_total', ['reason']), '{{reason}}']],
          }),
          graph({
            title: 'Drops by workload',
            description: 'The ten workloads that the most dropped packets were for.',
            unit: 'pps',
            queries: [
              [
                top('drop_total', ['destination_namespace', 'destination_workload', 'protocol']),
                '{{destination_namespace}}/{{destination_workload}} {{protocol}}',
              ],
            ],
          }),
          graph({
            title: 'Policy verdicts',
            description: 'Verdicts of network policies over new connections.',
            unit: 'cps',
            queries: [[rates('policy_verdicts_total', ['action', 'direction']), '{{action}} {{direction}}']],
          }),
          graph({
            title: 'What policies matched',
            description: 'The same by what matched, and what proxies decided on requests.',
            unit: 'cps',
            queries: [[rates('policy_match_total', ['match', 'action']), '{{match}} {{action}}']],
          }),
          graph({
            title: 'Requests that a proxy denied',
            description: 'Denied by policies of layer 7; they are no dropped packets.',
            unit: 'reqps',
            queries: [[rates('l7_denied_total', ['protocol', 'direction']), '{{protocol}} {{direction}}']],
          }),
        ],
      },
      {
        title: 'HTTP',
        panels: [
          graph({
            title: 'Requests by method',
            description: 'HTTP requests that a proxy saw, gRPC included.',
            unit: 'reqps',
            stacked: true,
            queries: [[rates('http_requests_total', ['method']), '{{method}}']],
          }),
          graph({
            title: 'Responses by status',
            description: 'HTTP responses that a proxy saw, gRPC included.',
            unit: 'reqps',
            stacked: true,
            queries: [[rates('http_responses_total', ['status']), '{{status}}']],
          }),
          quantiles('http_request_duration_seconds', 'Duration of requests', 'Where the agent could tell it.'),
          graph({
            title: 'Errors by workload',
            description: 'The ten workloads with the most responses from 500 up.',
            unit: 'reqps',
            queries: [
              [
                top('http_responses_total', ['destination_namespace', 'destination_workload'], { status: '=~"5.."' }),
                '{{destination_namespace}}/{{destination_workload}}',
              ],
            ],
          }),
        ],
      },
      {
        title: 'gRPC',
        collapsed: true,
        panels: [
          graph({
            title: 'Calls by method',
            description: 'The ten methods that are called most.',
            unit: 'reqps',
            queries: [[top('grpc_requests_total', ['rpc_service', 'rpc_method']), '{{rpc_service}}/{{rpc_method}}']],
          }),
          graph({
            title: 'Answers by status',
            description: 'The status is known where it came in the headers: for most errors and no success.',
            unit: 'reqps',
            queries: [[rates('grpc_responses_total', ['grpc_status']), '{{grpc_status}}']],
          }),
          quantiles(
            'grpc_request_duration_seconds',
            'Duration of calls',
            'From the call to the headers of its answer.',
          ),
        ],
      },
      {
        title: 'DNS',
        panels: [
          graph({
            title: 'Queries by type',
            description: 'DNS queries that the DNS proxy saw.',
            unit: 'reqps',
            stacked: true,
            queries: [[rates('dns_queries_total', ['qtype']), '{{qtype}}']],
          }),
          graph({
            title: 'Responses by code',
            description: 'DNS responses that the DNS proxy saw.',
            unit: 'reqps',
            stacked: true,
            queries: [[rates('dns_responses_total', ['rcode']), '{{rcode}}']],
          }),
        ],
      },
      {
        title: 'Kafka',
        collapsed: true,
        panels: [
          graph({
            title: 'Requests by topic',
            description: 'Agents from Cilium 1.20 on do not see them any more.',
            unit: 'reqps',
            queries: [[top('kafka_requests_total', ['topic', 'api_key']), '{{topic}} {{api_key}}']],
          }),
          graph({
            title: 'Responses by error code',
            description: 'Code 0 is success.',
            unit: 'reqps',
            queries: [[rates('kafka_responses_total', ['error_code']), '{{error_code}}']],
          }),
        ],
      },
      {
        title: 'Services',
        panels: [
          graph({
            title: 'Requests by service',
            description: 'The ten services with the most HTTP requests and gRPC calls.',
            unit: 'reqps',
            queries: [
              [top('service_requests_total', ['service_namespace', 'service']), '{{service_namespace}}/{{service}}'],
            ],
          }),
          graph({
            title: 'Share of errors by service',
            description: "Responses that are the server's fault, of all requests.",
            unit: 'percentunit',
            thresholds: [0.01, 0.05],
            queries: [
              [
                share(
                  rates('service_errors_total', ['service_namespace', 'service']),
                  rates('service_requests_total', ['service_namespace', 'service']),
                ),
                '{{service_namespace}}/{{service}}',
              ],
            ],
          }),
          graph({
            title: 'Duration by service, p95',
            description: 'Time from request to response, where the agent could tell it.',
            unit: 's',
            queries: [
              [
                quantile(
                  0.95,
                  metric('service_request_duration_seconds'),
                  ['service_namespace', 'service'],
                  chosen(metric('service_request_duration_seconds')),
                ),
                '{{service_namespace}}/{{service}}',
              ],
            ],
          }),
          graph({
            title: 'Duration by edge, p95',
            description: "Time from request to answer between two services, as the server's node saw it.",
            unit: 's',
            queries: [[edgeQuantile('traces_service_graph_request_server_seconds'), '{{client}} → {{server}}']],
          }),
          graph({
            title: "Duration by edge, p95, as the client's node saw it",
            description:
              "Time from request to answer between two services; more than the server's by what the network takes.",
            unit: 's',
            queries: [[edgeQuantile('traces_service_graph_request_client_seconds'), '{{client}} → {{server}}']],
          }),
          table({
            title: 'Who talks to whom',
            description: 'Edges of the service map: connections, requests and calls a second, and those that failed.',
            unit: 'reqps',
            width: 12,
            columns: ['requests', 'failed'],
            queries: [
              [edges('traces_service_graph_request_total'), ''],
              [edges('traces_service_graph_request_failed_total'), ''],
            ],
          }),
        ],
      },
      {
        title: 'Losses',
        panels: [
          graph({
            title: 'Lost events by source',
            description:
              'The ring of the kernel, the queue of the agent, the ring of Hubble (this reader was too slow), or at least so many while not connected.',
            unit: 'cps',
            thresholds: [0.001, 10],
            queries: [[rates('lost_events_total', ['source']), '{{source}}']],
          }),
        ],
      },
    ],
  };
}

const VARIABLES: readonly string[] = ['source_namespace', 'destination_namespace', 'reporter'];
const EDGE: readonly string[] = ['client', 'server', 'connection_type'];
