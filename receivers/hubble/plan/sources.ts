import type { Config } from '../config.ts';
import type { Definitions } from '../definitions.ts';

/** What a metric is counted from, and the key that switches it. */
export interface MetricSource {
  readonly key:
    | 'collect_flows'
    | 'collect_l7_flows'
    | 'collect_drops'
    | 'collect_policies'
    | 'collect_services'
    | 'join';
  /** What the server has to offer for it. */
  readonly from: string;
}

const of = (key: MetricSource['key'], from: string): MetricSource => ({ key, from });

const TRACES = 'trace events: bpf.events.trace.enabled of the chart, on by default';
const HTTP = 'HTTP that a proxy of Cilium sees: a policy with L7 rules';
const LATENCY = `${HTTP}; its latency: requests and responses with an X-Request-Id`;
const DNS = 'DNS that the proxy of Cilium sees: a policy with DNS rules';
const KAFKA = 'Kafka that a proxy of Cilium sees: agents before 1.20';
const VERDICTS = 'policy verdict events: bpf.events.policyVerdict.enabled of the chart, on by default';
const SERVICES = `${HTTP}, by service`;

/** Of every metric of the own profile but the lost events, which are always there. */
export const SOURCES: Readonly<Record<Exclude<keyof Definitions, 'lost'>, MetricSource>> = {
  flows: of('collect_flows', 'every flow'),
  flowBytes: of('join', 'sockets of this node'),
  tcpConnections: of('collect_flows', TRACES),
  tcpDuration: of('collect_flows', TRACES),
  udpFlows: of('collect_flows', TRACES),
  httpRequests: of('collect_l7_flows', HTTP),
  httpResponses: of('collect_l7_flows', HTTP),
  httpDuration: of('collect_l7_flows', LATENCY),
  grpcRequests: of('collect_l7_flows', HTTP),
  grpcResponses: of('collect_l7_flows', HTTP),
  grpcDuration: of('collect_l7_flows', LATENCY),
  dnsQueries: of('collect_l7_flows', DNS),
  dnsResponses: of('collect_l7_flows', DNS),
  kafkaRequests: of('collect_l7_flows', KAFKA),
  kafkaResponses: of('collect_l7_flows', KAFKA),
  drops: of('collect_drops', 'drop events: bpf.events.drop.enabled of the chart, on by default'),
  l7Denied: of('collect_drops', HTTP),
  policyVerdicts: of('collect_policies', VERDICTS),
  policyMatches: of('collect_policies', VERDICTS),
  serviceRequests: of('collect_services', SERVICES),
  serviceErrors: of('collect_services', SERVICES),
  serviceDuration: of('collect_services', LATENCY),
  serviceGraphRequests: of('collect_services', `${TRACES}; and ${HTTP}`),
  serviceGraphFailed: of('collect_services', SERVICES),
  serviceGraphServer: of('collect_services', LATENCY),
  serviceGraphClient: of('collect_services', LATENCY),
};

/** Why the configuration does not ask for it; undefined when it does. */
export function offKeyOf({ key }: MetricSource, config: Config): string | undefined {
  if (key === 'join') return config.join === undefined ? 'join is not set' : undefined;
  return config[key] ? undefined : `${key} is off`;
}
