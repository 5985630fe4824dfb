import type { Attributes } from 'bpflow/sdk';
import { L7_TYPE, RECORD, VERDICT } from './enums.ts';
import type { Flow } from './flow.ts';
import type { MetricsOptions } from './flow-metrics.ts';
import { NamePairs } from './name-pairs.ts';
import { type HistogramForm, PendingCounter, PendingHistogram, type PendingMetric } from './pending-metrics.ts';
import { upstreamCounter, upstreamDuration, upstreamReporter } from './upstream-definitions.ts';

/** Prometheus' default buckets, which Cilium's histograms have. */
const PROMETHEUS_BOUNDS_MS = [5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000];
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

/** Cilium's groups dns and httpV2. */
export class UpstreamL7 {
  readonly metrics: readonly PendingMetric[];
  readonly #options: MetricsOptions;
  readonly #ignoresAaaa: boolean;
  readonly #dnsQueries: PendingCounter;
  readonly #dnsResponses: PendingCounter;
  readonly #dnsTypes: PendingCounter;
  readonly #httpRequests: PendingCounter;
  readonly #httpDuration: PendingHistogram;
  /** DNS types and name; HTTP method and protocol. */
  readonly #pairs = new NamePairs();

  constructor(options: MetricsOptions) {
    this.#options = options;
    this.#ignoresAaaa = options.upstream.dns.includes('ignoreAAAA');
    const { shared, dnsQuery } = options;
    const { words } = options.reader;
    const question = (packed: number): Attributes => ({
      'hubble.qtypes': this.#pairs.first(packed),
      ...(dnsQuery ? { 'hubble.query': this.#pairs.second(packed) } : {}),
    });
    const named = dnsQuery ? ['query'] : [];
    const dnsLabels = ['rcode', 'qtypes', 'ips_returned', ...named];
    const form: HistogramForm = { kind: 'explicit', boundsNs: PROMETHEUS_BOUNDS_MS.map((ms) => ms * 1e6) };
    const describeDns = (p: number): Attributes => ({
      'hubble.rcode': (p & 0x3f) === NO_RCODE ? '' : (p & 0x3f) === DENIED ? 'Policy denied' : (RCODES[p & 0x3f] ?? ''),
      ...question(p >>> 14),
      'hubble.ips_returned': String((p >>> 6) & 0xff),
    });
    this.#dnsQueries = new PendingCounter(
      upstreamCounter(options, 'dns_queries', '{query}', 'Number of DNS queries observed.', dnsLabels),
      shared,
      describeDns,
    );
    this.#dnsResponses = new PendingCounter(
      upstreamCounter(options, 'dns_responses', '{response}', 'Number of DNS responses observed.', dnsLabels),
      shared,
      describeDns,
    );
    this.#dnsTypes = new PendingCounter(
      upstreamCounter(options, 'dns_response_types', '{record}', 'Number of DNS response types observed.', [
        'type',
        'qtypes',
        ...named,
      ]),
      shared,
      (p) => ({ 'hubble.type': words.text(p >>> 14), ...question(p & 0x3fff) }),
    );
    this.#httpRequests = new PendingCounter(
      upstreamCounter(options, 'http_requests', '{request}', 'Count of http requests by methods.', [
        'method',
        'protocol',
        'status',
        'reporter',
      ]),
      shared,
      (p) => ({
        'hubble.method': this.#pairs.first(p >>> 12),
        'hubble.protocol': this.#pairs.second(p >>> 12),
        'hubble.status': String((p >>> 2) & 0x3ff),
        ...upstreamReporter(p),
      }),
    );
    this.#httpDuration = new PendingHistogram(
      upstreamDuration(options, 'http_request_duration', 'Quantiles of HTTP request duration in seconds.', [
        'method',
        'reporter',
      ]),
      shared,
      (p) => ({ 'hubble.method': words.text(p >>> 2), ...upstreamReporter(p) }),
      form,
    );
    this.#pairs.usedBy(this.#dnsQueries, 14);
    this.#pairs.usedBy(this.#dnsResponses, 14);
    this.#pairs.usedBy(this.#dnsTypes, 0);
    this.#pairs.usedBy(this.#httpRequests, 12);
    this.metrics = [this.#dnsQueries, this.#dnsResponses, this.#dnsTypes, this.#httpRequests, this.#httpDuration];
  }

  /** Times that a name found no room and was `other`. */
  get refused(): number {
    return this.#pairs.refused;
  }

  /** Forgets the names that no series has. */
  forget(): void {
    this.#pairs.forget();
  }

  /** `context` is that of the flow as it came. */
  flow(flow: Flow, context: number, weight: number): void {
    if (flow.record === RECORD.DNS) this.#dns(flow, context, weight);
    else if (flow.record === RECORD.HTTP && flow.l7Type === L7_TYPE.RESPONSE) this.#http(flow, weight);
  }

  #dns(flow: Flow, context: number, weight: number): void {
    const { reader, dnsQuery } = this.#options;
    if (this.#ignoresAaaa && reader.words.text(flow.dnsQtypes) === 'AAAA') return;
    const question = this.#pairs.number(reader.words.text(flow.dnsQtypes), dnsQuery ? reader.text(flow.dnsQuery) : '');
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
    const { words } = this.#options.reader;
    const context = this.#options.contexts.of(flow, true);
    const side = flow.direction & 3;
    const status = flow.httpCode >= 0 && flow.httpCode < 0x3ff ? flow.httpCode : 0x3ff;
    const how = this.#pairs.number(words.text(flow.httpMethod), words.text(flow.httpProtocol));
    this.#httpRequests.add(context, (how << 12) | (status << 2) | side, weight);
    this.#httpDuration.add(context, (flow.httpMethod << 2) | side, flow.latency, weight);
  }
}

const EMPTY = 0;
const NO_RCODE = 62;
const DENIED = 63;
