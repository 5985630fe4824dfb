import { type Attributes, defineMetric, type MetricDefinition } from 'bpflow/sdk';
import { EVENT, nameOf, REPORTERS } from './enums.ts';
import type { Flow } from './flow.ts';
import type { MetricsOptions } from './flow-metrics.ts';

const L7_PROTOCOLS: readonly string[] = ['Unknown L7', 'DNS', 'HTTP', 'Unknown L7'];
export const L4_PROTOCOLS: readonly string[] = ['Unknown L4', 'TCP', 'UDP', 'ICMPv4', 'ICMPv6', 'SCTP', 'VRRP', 'IGMP'];

/** Number of a protocol: 0 to 7 as in Layer4, 8 and more for records of L7, 15 for events of other kinds. */
export function protocolOf(flow: Flow): number {
  switch (flow.eventType) {
    case EVENT.ACCESS_LOG:
      return 8 + flow.record;
    case EVENT.DROP:
    case EVENT.TRACE:
    case EVENT.POLICY_VERDICT:
    case EVENT.CAPTURE:
      return flow.protocol & 7;
    default:
      return 15;
  }
}

/** What Cilium calls a protocol. */
export function protocolName(protocol: number): string {
  if (protocol < 8) return nameOf(L4_PROTOCOLS, protocol);
  return protocol < 12 ? nameOf(L7_PROTOCOLS, protocol - 8) : 'Unknown flow';
}

/** The label `reporter` out of a number's lowest two bits. */
export function upstreamReporter(packed: number): Attributes {
  return { 'hubble.reporter': nameOf(REPORTERS, packed & 3) };
}

/** A counter `hubble_<name>_total` of Cilium's agent. */
export function upstreamCounter(
  { contexts, sampleRate }: MetricsOptions,
  name: string,
  unit: string,
  description: string,
  labels: readonly string[],
): MetricDefinition {
  return defineMetric({
    name: `hubble.${name}`,
    unit,
    seedName: `hubble_${name}_total`,
    kind: 'counter',
    description,
    exactness: exactnessOf(sampleRate),
    attributes: attributesOf(contexts.attributes, labels),
  });
}

/** A histogram `hubble_<name>_seconds` of Cilium's agent. */
export function upstreamDuration(
  { contexts, sampleRate }: MetricsOptions,
  name: string,
  description: string,
  labels: readonly string[],
): MetricDefinition {
  return defineMetric({
    name: `hubble.${name}`,
    unit: 'ns',
    otelUnit: 's',
    seedName: `hubble_${name}_seconds`,
    kind: 'histogram',
    description,
    exactness: exactnessOf(sampleRate),
    attributes: attributesOf(contexts.attributes, labels),
  });
}

function attributesOf(
  context: Readonly<Record<string, string>>,
  labels: readonly string[],
): Readonly<Record<string, string>> {
  return { ...context, ...Object.fromEntries(labels.map((label) => [`hubble.${label}`, label])) };
}

function exactnessOf(sampleRate: number): MetricDefinition['exactness'] {
  return sampleRate === 1
    ? 'exact'
    : { estimated: `one connection in ${sampleRate} is counted, with the weight ${sampleRate}.` };
}
