import { type Attributes, defineMetric, type MetricDefinition } from 'bpflow/sdk';
import { lostEvents } from './definitions.ts';
import {
  DIRECTIONS,
  dropReason,
  EVENT,
  IP_VERSIONS,
  L7_TYPE,
  LOST_SOURCES,
  nameOf,
  OBSERVATION_POINTS,
  PROTOCOL,
  RECORD,
  REPORTERS,
  SCTP_CHUNKS,
  TCP_FLAG,
  VERDICT,
  VERDICTS,
} from './enums.ts';
import type { Flow } from './flow.ts';
import { type FlowMetrics, type MetricsOptions, policyMatch } from './flow-metrics.ts';
import { icmpName } from './icmp-names.ts';
import { PairTable } from './pair-table.ts';
import { type HistogramForm, PendingCounter, PendingHistogram, type PendingMetric } from './pending-metrics.ts';
import { NO_CONTEXT } from './series.ts';
import { Words } from './words.ts';

/** Prometheus' default buckets, which Cilium's histograms have. */
const PROMETHEUS_BOUNDS_MS = [5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000];
const MAX_QUESTIONS = 16_384;
const HOST = 1;

const L7_PROTOCOLS: readonly string[] = ['Unknown L7', 'DNS', 'HTTP', 'Unknown L7'];
const L4_PROTOCOLS: readonly string[] = ['Unknown L4', 'TCP', 'UDP', 'ICMPv4', 'ICMPv6', 'SCTP', 'VRRP', 'IGMP'];
const RCODES: readonly string[] = [
  'No Error',
  'Format Error',
  'Server Failure',
  'Non-Existent Domain',
  'Not Implemented',
  'Query Refused',
  'Name Exists when it should not',
  'RR Set Exists when it should not',
  'RR Set that should exist does not',
  'Not Authorized',
  'Name not contained in zone',
  'DSO-TYPE Not Implemented',
  '',
  '',
  '',
  '',
  'Bad OPT Version',
  'Key not recognized',
  'Signature out of time window',
  'Bad TKEY Mode',
  'Duplicate key name',
  'Algorithm not supported',
  'Bad Truncation',
  'Bad/missing Server Cookie',
];
const FLAG_NAMES: readonly string[] = ['FIN', 'SYN', 'SYN-ACK', 'RST'];

/**
 * The metrics of Cilium's own agent (`hubble-metrics` of 1.20: flow, drop, tcp, port-distribution, icmp, sctp, dns, httpV2,
 * policy, flows-to-world), with its names, labels and rules, counted from the stream.
 */
export class UpstreamMetrics implements FlowMetrics {
  readonly metrics: readonly PendingMetric[];
  readonly connections = undefined;
  readonly #options: MetricsOptions;
  readonly #flows: PendingCounter;
  readonly #drops: PendingCounter;
  readonly #tcpFlags: PendingCounter;
  readonly #ports: PendingCounter;
  readonly #icmp: PendingCounter;
  readonly #sctp: PendingCounter;
  readonly #dnsQueries: PendingCounter;
  readonly #dnsResponses: PendingCounter;
  readonly #dnsTypes: PendingCounter;
  readonly #httpRequests: PendingCounter;
  readonly #httpDuration: PendingHistogram;
  readonly #policy: PendingCounter;
  readonly #world: PendingCounter;
  readonly #lost: PendingCounter;
  readonly #words = new Words();
  /** DNS types and name; HTTP method and protocol. */
  readonly #pairs = new PairTable();
  /** Whether an endpoint is the outside world, by its id. */
  readonly #isWorld = new Map<number, boolean>();

  constructor(options: MetricsOptions) {
    this.#options = options;
    const { shared, contexts, collect } = options;
    const { words } = options.reader;
    this.#pairs.add(OTHER, OTHER);
    const counter = (name: string, unit: string, description: string, labels: readonly string[]): MetricDefinition =>
      upstream(name, unit, description, labels, contexts.attributes, options.sampleRate);
    const protocol = (packed: number): string =>
      packed < 8 ? nameOf(L4_PROTOCOLS, packed) : packed < 12 ? nameOf(L7_PROTOCOLS, packed - 8) : 'Unknown flow';
    const question = (packed: number): Attributes => ({
      'hubble.qtypes': words.text(this.#pairs.first(packed)),
      ...(options.dnsQuery ? { 'hubble.query': this.#words.text(this.#pairs.second(packed)) } : {}),
    });
    const dnsLabels = ['rcode', 'qtypes', 'ips_returned', ...(options.dnsQuery ? ['query'] : [])];
    const reporter = (packed: number): Attributes => ({ 'hubble.reporter': nameOf(REPORTERS, packed & 3) });
    const form: HistogramForm = { kind: 'explicit', boundsNs: PROMETHEUS_BOUNDS_MS.map((ms) => ms * 1e6) };

    this.#flows = new PendingCounter(
      counter('flows_processed', '{flow}', 'Total number of flows processed.', [
        'protocol',
        'type',
        'subtype',
        'verdict',
      ]),
      shared,
      (packed) => {
        const [type, subtype] = eventNames((packed >>> 8) & 0xff, (packed >>> 16) & 0xff, protocol(packed & 0xf));
        return {
          'hubble.protocol': protocol(packed & 0xf),
          'hubble.type': type,
          'hubble.subtype': subtype,
          'hubble.verdict': nameOf(VERDICTS, (packed >>> 4) & 0xf),
        };
      },
    );
    this.#drops = new PendingCounter(
      counter('drop', '{packet}', 'Number of drops.', ['reason', 'protocol']),
      shared,
      (p) => ({
        'hubble.reason': dropReason(p >>> 4),
        'hubble.protocol': protocol(p & 0xf),
      }),
    );
    this.#tcpFlags = new PendingCounter(
      counter('tcp_flags', '{flag}', 'TCP flag occurrences.', ['flag', 'family']),
      shared,
      (p) => ({ 'hubble.flag': nameOf(FLAG_NAMES, p & 3), 'hubble.family': nameOf(IP_VERSIONS, p >>> 2) }),
    );
    this.#ports = new PendingCounter(
      counter('port_distribution', '{flow}', 'Numbers of packets distributed by destination port.', [
        'protocol',
        'port',
      ]),
      shared,
      (p) => ({ 'hubble.protocol': nameOf(L4_PROTOCOLS, p >>> 16), 'hubble.port': String(p & 0xffff) }),
    );
    this.#icmp = new PendingCounter(
      counter('icmp', '{message}', 'Number of ICMP messages.', ['family', 'type']),
      shared,
      (p) => ({
        'hubble.family': p >>> 16 === PROTOCOL.ICMPv4 ? 'IPv4' : 'IPv6',
        'hubble.type': icmpName(p >>> 16 === PROTOCOL.ICMPv4, (p >>> 8) & 0xff, p & 0xff),
      }),
    );
    this.#sctp = new PendingCounter(
      counter('sctp_chunk_types', '{chunk}', 'SCTP chunk type occurrences.', ['chunk_type', 'family']),
      shared,
      (p) => ({ 'hubble.chunk_type': nameOf(SCTP_CHUNKS, p >>> 2), 'hubble.family': nameOf(IP_VERSIONS, p & 3) }),
    );
    const describeDns = (p: number): Attributes => ({
      'hubble.rcode': (p & 0x3f) === NO_RCODE ? '' : (p & 0x3f) === DENIED ? 'Policy denied' : (RCODES[p & 0x3f] ?? ''),
      ...question(p >>> 14),
      'hubble.ips_returned': String((p >>> 6) & 0xff),
    });
    this.#dnsQueries = new PendingCounter(
      counter('dns_queries', '{query}', 'Number of DNS queries observed.', dnsLabels),
      shared,
      describeDns,
    );
    this.#dnsResponses = new PendingCounter(
      counter('dns_responses', '{response}', 'Number of DNS responses observed.', dnsLabels),
      shared,
      describeDns,
    );
    this.#dnsTypes = new PendingCounter(
      counter('dns_response_types', '{record}', 'Number of DNS response types observed.', [
        'type',
        'qtypes',
        ...(options.dnsQuery ? ['query'] : []),
      ]),
      shared,
      (p) => ({ 'hubble.type': words.text(p >>> 14), ...question(p & 0x3fff) }),
    );
    this.#httpRequests = new PendingCounter(
      counter('http_requests', '{request}', 'Count of http requests by methods.', [
        'method',
        'protocol',
        'status',
        'reporter',
      ]),
      shared,
      (p) => ({
        'hubble.method': words.text(this.#pairs.first(p >>> 12)),
        'hubble.protocol': words.text(this.#pairs.second(p >>> 12)),
        'hubble.status': String((p >>> 2) & 0x3ff),
        ...reporter(p),
      }),
    );
    this.#httpDuration = new PendingHistogram(
      defineMetric({
        name: 'hubble.http_request_duration',
        unit: 'ns',
        otelUnit: 's',
        seedName: 'hubble_http_request_duration_seconds',
        kind: 'histogram',
        description: 'Quantiles of HTTP request duration in seconds.',
        exactness: exactnessOf(options.sampleRate),
        attributes: { ...contexts.attributes, 'hubble.method': 'method', 'hubble.reporter': 'reporter' },
      }),
      shared,
      (p) => ({ 'hubble.method': words.text(p >>> 2), ...reporter(p) }),
      form,
    );
    this.#policy = new PendingCounter(
      counter('policy_verdicts', '{verdict}', 'Total number of Cilium network policy verdicts.', [
        'direction',
        'match',
        'action',
      ]),
      shared,
      (p) => ({
        'hubble.direction': p & 3 ? nameOf(DIRECTIONS, p & 3) : 'traffic_direction_unknown',
        'hubble.match': p >>> 15 ? `l7/${['', 'dns', 'http', ''][(p >>> 13) & 3]}` : policyMatch((p >>> 6) & 0x7f),
        'hubble.action': nameOf(VERDICTS, (p >>> 2) & 0xf).toLowerCase(),
      }),
    );
    this.#world = new PendingCounter(
      counter('flows_to_world', '{flow}', 'Total number of flows to reserved:world.', ['protocol', 'verdict']),
      shared,
      (p) => ({ 'hubble.protocol': protocol(p & 0xf), 'hubble.verdict': nameOf(VERDICTS, p >>> 4) }),
    );
    this.#lost = new PendingCounter(lostEvents(), { ...shared, idleFlushes: Number.POSITIVE_INFINITY }, (packed) => ({
      'hubble.lost.source': packed < 0 ? 'reconnect' : nameOf(LOST_SOURCES, packed),
    }));
    this.metrics = [
      ...(collect.flows ? [this.#flows, this.#tcpFlags, this.#ports, this.#icmp, this.#sctp, this.#world] : []),
      ...(collect.drops ? [this.#drops] : []),
      ...(collect.l7
        ? [this.#dnsQueries, this.#dnsResponses, this.#dnsTypes, this.#httpRequests, this.#httpDuration]
        : []),
      ...(collect.policies ? [this.#policy] : []),
      this.#lost,
    ];
  }

  flow(flow: Flow, weight: number): void {
    const { collect, contexts } = this.#options;
    const context = contexts.of(flow, false);
    const protocol = protocolOf(flow);
    if (collect.flows) this.#countFlow(flow, context, protocol, weight);
    if (collect.drops && flow.verdict === VERDICT.DROPPED) {
      this.#drops.add(context, ((flow.dropReason & 0xffff) << 4) | protocol, weight);
    }
    if (collect.policies) this.#countPolicy(flow, context, weight);
    if (!collect.l7) return;
    if (flow.record === RECORD.DNS) this.#dns(flow, context, weight);
    else if (flow.record === RECORD.HTTP && flow.l7Type === L7_TYPE.RESPONSE) this.#http(flow, weight);
  }

  lost(source: number, count: number): void {
    if (count > 0) this.#lost.add(NO_CONTEXT, source, count);
  }

  #countFlow(flow: Flow, context: number, protocol: number, weight: number): void {
    const isTrace = flow.eventType === EVENT.TRACE;
    const packed =
      ((isTrace ? flow.eventSubType & 0xff : 0) << 16) |
      ((flow.eventType & 0xff) << 8) |
      ((flow.verdict & 0xf) << 4) |
      protocol;
    this.#flows.add(context, packed, weight);
    if (flow.protocol === 0) return;
    const isForwarded = flow.verdict === VERDICT.FORWARDED || flow.verdict === VERDICT.REDIRECTED;
    if (flow.protocol === PROTOCOL.ICMPv4 || flow.protocol === PROTOCOL.ICMPv6) {
      const type = (flow.protocol << 16) | ((flow.icmpType & 0xff) << 8) | (flow.icmpCode & 0xff);
      this.#icmp.add(context, type, weight);
    }
    if (isForwarded && flow.hasTcpFlags) this.#countFlags(flow, context, weight);
    if (isForwarded && flow.protocol === PROTOCOL.SCTP && flow.sctpChunk !== 0) {
      this.#sctp.add(context, ((flow.sctpChunk & 0xff) << 2) | (flow.ipVersion & 3), weight);
    }
    if (isForwarded && flow.isReply === 1) {
      this.#ports.add(context, (flow.protocol << 16) | (flow.destinationPort & 0xffff), weight);
    }
    this.#countWorld(flow, context, protocol, weight);
  }

  #countFlags(flow: Flow, context: number, weight: number): void {
    const { tcpFlags } = flow;
    const family = (flow.ipVersion & 3) << 2;
    if ((tcpFlags & TCP_FLAG.FIN) !== 0) this.#tcpFlags.add(context, family | 0, weight);
    if ((tcpFlags & TCP_FLAG.SYN) !== 0) {
      this.#tcpFlags.add(context, family | ((tcpFlags & TCP_FLAG.ACK) !== 0 ? 2 : 1), weight);
    }
    if ((tcpFlags & TCP_FLAG.RST) !== 0) this.#tcpFlags.add(context, family | 3, weight);
  }

  #countWorld(flow: Flow, context: number, protocol: number, weight: number): void {
    let isWorld = this.#isWorld.get(flow.destination.id);
    if (isWorld === undefined) {
      isWorld = flow.destination.labels.some((label) => WORLD.has(label));
      if (this.#isWorld.size > 65_536) this.#isWorld.clear();
      this.#isWorld.set(flow.destination.id, isWorld);
    }
    if (!isWorld || flow.eventType === 0) return;
    const isDropped = flow.verdict === VERDICT.DROPPED;
    if (isDropped && flow.dropReason !== POLICY_DENIED) return;
    if (!isDropped && flow.isReply === 2) return;
    this.#world.add(context, ((flow.verdict & 0xf) << 4) | protocol, weight);
  }

  #countPolicy(flow: Flow, context: number, weight: number): void {
    const rest = ((flow.verdict & 0xf) << 2) | (flow.direction & 3);
    if (flow.eventType === EVENT.POLICY_VERDICT) {
      // The host may reach every pod of its node.
      if (flow.source.identity !== HOST) this.#policy.add(context, ((flow.policyMatch & 0x7f) << 6) | rest, weight);
    } else if (flow.eventType === EVENT.ACCESS_LOG) {
      this.#policy.add(context, (1 << 15) | ((flow.record & 3) << 13) | rest, weight);
    }
  }

  #dns(flow: Flow, context: number, weight: number): void {
    const { reader, dnsQuery } = this.#options;
    const question = this.#pair(flow.dnsQtypes, dnsQuery ? this.#words.idOf(reader.text(flow.dnsQuery)) : EMPTY);
    const rest = (question << 14) | (Math.min(flow.dnsIps, 255) << 6);
    if (flow.verdict === VERDICT.DROPPED) this.#dnsQueries.add(context, rest | DENIED, weight);
    else if (flow.isReply !== 2) this.#dnsQueries.add(context, rest | NO_RCODE, weight);
    else {
      this.#dnsResponses.add(context, rest | Math.min(flow.dnsRcode & 0xfff, 32), weight);
      if (flow.dnsRrtypes === EMPTY) return;
      for (const type of reader.words.text(flow.dnsRrtypes).split(',')) {
        this.#dnsTypes.add(context, (reader.words.idOf(type) << 14) | question, weight);
      }
    }
  }

  #http(flow: Flow, weight: number): void {
    const context = this.#options.contexts.of(flow, true);
    const side = flow.direction & 3;
    const status = flow.httpCode >= 0 && flow.httpCode < 0x3ff ? flow.httpCode : 0x3ff;
    const how = this.#pair(flow.httpMethod, flow.httpProtocol);
    this.#httpRequests.add(context, (how << 12) | (status << 2) | side, weight);
    this.#httpDuration.add(context, (flow.httpMethod << 2) | side, flow.latency, weight);
  }

  #pair(a: number, b: number): number {
    const known = this.#pairs.find(a, b);
    if (known >= 0) return known;
    return this.#pairs.size >= MAX_QUESTIONS ? 0 : this.#pairs.add(a, b);
  }
}

const EMPTY = 0;
const OTHER = 1;
const POLICY_DENIED = 133;
const NO_RCODE = 62;
const DENIED = 63;
const WORLD: ReadonlySet<string> = new Set(['reserved:world', 'reserved:world-ipv4', 'reserved:world-ipv6']);

/** Number of a protocol: 0 to 7 as in Layer4, 8 and more for records of L7, 15 for events of other kinds. */
function protocolOf(flow: Flow): number {
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

function eventNames(type: number, subType: number, protocol: string): readonly [string, string] {
  switch (type) {
    case EVENT.ACCESS_LOG:
      return ['L7', protocol === 'Unknown L7' ? '' : protocol];
    case EVENT.DROP:
      return ['Drop', ''];
    case EVENT.CAPTURE:
      return ['Capture', ''];
    case EVENT.TRACE:
      return ['Trace', OBSERVATION_POINTS[subType] ?? ''];
    case EVENT.POLICY_VERDICT:
      return ['PolicyVerdict', ''];
    default:
      return ['Unknown', String(type)];
  }
}

function exactnessOf(sampleRate: number): MetricDefinition['exactness'] {
  return sampleRate === 1
    ? 'exact'
    : { estimated: `one connection in ${sampleRate} is counted, with the weight ${sampleRate}.` };
}

function upstream(
  name: string,
  unit: string,
  description: string,
  labels: readonly string[],
  context: Readonly<Record<string, string>>,
  sampleRate: number,
): MetricDefinition {
  return defineMetric({
    name: `hubble.${name}`,
    unit,
    seedName: `hubble_${name}_total`,
    kind: 'counter',
    description,
    exactness: exactnessOf(sampleRate),
    attributes: { ...context, ...Object.fromEntries(labels.map((label) => [`hubble.${label}`, label])) },
  });
}
