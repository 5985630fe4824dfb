import type { Attributes } from 'bpflow/sdk';
import { key } from './definitions.ts';
import { DNS_RCODES, L7_TYPE, nameOf, RECORD, REPORTERS } from './enums.ts';
import type { Flow } from './flow.ts';
import type { MetricsOptions } from './flow-metrics.ts';
import { grpcCall } from './grpc-calls.ts';
import { PairTable } from './pair-table.ts';
import { PendingCounter, PendingHistogram, type PendingMetric } from './pending-metrics.ts';
import { NO_CONTEXT } from './series.ts';
import { Words } from './words.ts';

/** gRPC's codes that are the server's fault: UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS. */
const GRPC_SERVER_ERRORS: ReadonlySet<number> = new Set([2, 4, 12, 13, 14, 15]);
/** Pairs of words that are told apart; what comes after them is `other`. */
const MAX_PAIRS = 8192;

/** Counts HTTP, gRPC, DNS and Kafka. An answer has the source and destination of its request. */
export class L7Metrics {
  readonly metrics: readonly PendingMetric[];
  readonly #options: MetricsOptions;
  readonly #edges: PendingCounter;
  readonly #httpRequests: PendingCounter;
  readonly #httpResponses: PendingCounter;
  readonly #httpDuration: PendingHistogram;
  readonly #grpcRequests: PendingCounter;
  readonly #grpcResponses: PendingCounter;
  readonly #grpcDuration: PendingHistogram;
  readonly #dnsQueries: PendingCounter;
  readonly #dnsResponses: PendingCounter;
  readonly #kafkaRequests: PendingCounter;
  readonly #kafkaResponses: PendingCounter;
  readonly #serviceRequests: PendingCounter;
  readonly #serviceErrors: PendingCounter;
  readonly #serviceDuration: PendingHistogram;
  readonly #failedEdges: PendingCounter;
  readonly #words = new Words();
  /** gRPC service and method; DNS type and name; Kafka key and topic. */
  readonly #pairs = new PairTable();

  constructor(options: MetricsOptions, edges: PendingCounter) {
    this.#options = options;
    this.#edges = edges;
    const { definitions: own, shared, requestForm, collect, services } = options;
    const { words } = options.reader;
    this.#pairs.add(OTHER, OTHER);
    const reporter = (packed: number): Attributes => ({ [key('reporter')]: nameOf(REPORTERS, packed & 3) });
    const method = (packed: number): Attributes => ({ [key('method')]: words.text(packed) });
    const rpc = (packed: number): Attributes => ({
      [key('rpc_service')]: this.#words.text(this.#pairs.first(packed)),
      [key('rpc_method')]: this.#words.text(this.#pairs.second(packed)),
    });
    const question = (packed: number): Attributes => {
      const name = this.#words.text(this.#pairs.second(packed));
      return {
        [key('qtype')]: words.text(this.#pairs.first(packed)) || 'unknown',
        ...(options.dnsQuery ? { [key('query')]: name } : {}),
      };
    };
    const kafka = (packed: number): Attributes => ({
      [key('api_key')]: words.text(this.#pairs.first(packed)),
      [key('topic')]: words.text(this.#pairs.second(packed)),
    });
    const service = (packed: number): Attributes => {
      const { name, namespace } = services.name(packed >>> 2);
      return { [key('service')]: name, [key('service_namespace')]: namespace, ...reporter(packed) };
    };

    this.#httpRequests = new PendingCounter(own.httpRequests, shared, (p) => ({ ...method(p >>> 2), ...reporter(p) }));
    this.#httpResponses = new PendingCounter(own.httpResponses, shared, (p) => ({
      ...method(p >>> 12),
      [key('status')]: String((p >>> 2) & 0x3ff),
      ...reporter(p),
    }));
    const describeMethod = (p: number): Attributes => ({ ...method(p >>> 2), ...reporter(p) });
    this.#httpDuration = new PendingHistogram(own.httpDuration, shared, describeMethod, requestForm);
    const describeRpc = (p: number): Attributes => ({ ...rpc(p >>> 2), ...reporter(p) });
    this.#grpcRequests = new PendingCounter(own.grpcRequests, shared, describeRpc);
    this.#grpcResponses = new PendingCounter(own.grpcResponses, shared, (p) => ({
      ...rpc(p >>> 9),
      [key('grpc_status')]: ((p >>> 2) & 0x7f) === 0 ? 'unknown' : String(((p >>> 2) & 0x7f) - 1),
      ...reporter(p),
    }));
    this.#grpcDuration = new PendingHistogram(own.grpcDuration, shared, describeRpc, requestForm);
    this.#dnsQueries = new PendingCounter(own.dnsQueries, shared, (p) => ({ ...question(p >>> 2), ...reporter(p) }));
    this.#dnsResponses = new PendingCounter(own.dnsResponses, shared, (p) => ({
      ...question(p >>> 14),
      [key('rcode')]: nameOf(DNS_RCODES, (p >>> 2) & 0xfff),
      ...reporter(p),
    }));
    this.#kafkaRequests = new PendingCounter(own.kafkaRequests, shared, (p) => ({ ...kafka(p >>> 2), ...reporter(p) }));
    this.#kafkaResponses = new PendingCounter(own.kafkaResponses, shared, (p) => ({
      ...kafka(p >>> 12),
      [key('error_code')]: String(((p >>> 2) & 0x3ff) - 1),
      ...reporter(p),
    }));
    this.#serviceRequests = new PendingCounter(own.serviceRequests, shared, service);
    this.#serviceErrors = new PendingCounter(own.serviceErrors, shared, service);
    this.#serviceDuration = new PendingHistogram(own.serviceDuration, shared, service, requestForm);
    this.#failedEdges = services.counter(own.serviceGraphFailed, shared);
    this.metrics = [
      ...(collect.l7
        ? [
            this.#httpRequests,
            this.#httpResponses,
            this.#httpDuration,
            this.#grpcRequests,
            this.#grpcResponses,
            this.#grpcDuration,
            this.#dnsQueries,
            this.#dnsResponses,
            this.#kafkaRequests,
            this.#kafkaResponses,
          ]
        : []),
      ...(collect.services
        ? [this.#serviceRequests, this.#serviceErrors, this.#serviceDuration, this.#failedEdges]
        : []),
    ];
  }

  /** `context` is that of the flow as it came. */
  flow(flow: Flow, context: number, weight: number): void {
    switch (flow.record) {
      case RECORD.HTTP:
        this.#http(flow, context, weight);
        break;
      case RECORD.DNS:
        if (this.#options.collect.l7) this.#dns(flow, context, weight);
        break;
      case RECORD.KAFKA:
        if (this.#options.collect.l7) this.#kafka(flow, context, weight);
        break;
      default:
    }
  }

  #http(flow: Flow, context: number, weight: number): void {
    const { collect, reader } = this.#options;
    const side = flow.direction & 3;
    const call = grpcCall(flow, reader);
    if (flow.l7Type === L7_TYPE.REQUEST) {
      if (collect.l7) {
        this.#httpRequests.add(context, (flow.httpMethod << 2) | side, weight);
        if (call !== undefined) this.#grpcRequests.add(context, (this.#rpc(call) << 2) | side, weight);
      }
      if (collect.services) this.#serviceRequest(flow, side, call === undefined ? 'http' : 'grpc', weight);
      return;
    }
    if (flow.l7Type !== L7_TYPE.RESPONSE) return;
    const asked = this.#options.contexts.of(flow, true);
    if (collect.l7) {
      const status = flow.httpCode >= 0 && flow.httpCode < 0x3ff ? flow.httpCode : 0x3ff;
      this.#httpResponses.add(asked, (flow.httpMethod << 12) | (status << 2) | side, weight);
      if (flow.latency > 0) this.#time(this.#httpDuration, asked, (flow.httpMethod << 2) | side, flow, weight);
      if (call !== undefined) {
        const rpc = this.#rpc(call);
        this.#grpcResponses.add(asked, (rpc << 9) | ((flow.grpcStatus + 1) << 2) | side, weight);
        if (flow.latency > 0) this.#time(this.#grpcDuration, asked, (rpc << 2) | side, flow, weight);
      }
    }
    if (collect.services) this.#serviceResponse(flow, side, call !== undefined, weight);
  }

  #serviceRequest(flow: Flow, side: number, type: 'http' | 'grpc', weight: number): void {
    const { services } = this.#options;
    this.#serviceRequests.add(NO_CONTEXT, (services.destination(flow, false) << 2) | side, weight);
    services.addEdge(this.#edges, flow, type, weight);
  }

  #serviceResponse(flow: Flow, side: number, isGrpc: boolean, weight: number): void {
    const { services } = this.#options;
    const packed = (services.destination(flow, true) << 2) | side;
    if (flow.httpCode >= 500 || (isGrpc && GRPC_SERVER_ERRORS.has(flow.grpcStatus))) {
      this.#serviceErrors.add(NO_CONTEXT, packed, weight);
      services.addEdge(this.#failedEdges, flow, isGrpc ? 'grpc' : 'http', weight, true);
    }
    if (flow.latency > 0) this.#time(this.#serviceDuration, NO_CONTEXT, packed, flow, weight);
  }

  #dns(flow: Flow, context: number, weight: number): void {
    const side = flow.direction & 3;
    const name = this.#options.dnsQuery ? this.#words.idOf(this.#options.reader.text(flow.dnsQuery)) : EMPTY;
    const question = this.#pair(flow.dnsQtypes, name);
    if (flow.l7Type === L7_TYPE.REQUEST) {
      this.#dnsQueries.add(context, (question << 2) | side, weight);
    } else if (flow.l7Type === L7_TYPE.RESPONSE) {
      const asked = this.#options.contexts.of(flow, true);
      this.#dnsResponses.add(asked, (question << 14) | ((flow.dnsRcode & 0xfff) << 2) | side, weight);
    }
  }

  #kafka(flow: Flow, context: number, weight: number): void {
    const side = flow.direction & 3;
    const what = this.#pair(flow.kafkaApiKey, flow.kafkaTopic);
    if (flow.l7Type === L7_TYPE.REQUEST) {
      this.#kafkaRequests.add(context, (what << 2) | side, weight);
    } else if (flow.l7Type === L7_TYPE.RESPONSE) {
      const asked = this.#options.contexts.of(flow, true);
      const error = Math.min(Math.max(flow.kafkaError, -1), 0x3fe) + 1;
      this.#kafkaResponses.add(asked, (what << 12) | (error << 2) | side, weight);
    }
  }

  #time(metric: PendingHistogram, context: number, packed: number, flow: Flow, weight: number): void {
    const series = metric.add(context, packed, flow.latency, weight);
    if (flow.traceId.end - flow.traceId.start !== 32) return;
    const traceId = Buffer.from(this.#options.reader.text(flow.traceId), 'hex');
    if (traceId.length !== 16) return;
    metric.sample(series, () => ({
      time: BigInt(flow.seconds) * 1_000_000_000n + BigInt(flow.nanos),
      value: flow.latency,
      traceId,
    }));
  }

  #rpc({ service, method }: { readonly service: string; readonly method: string }): number {
    return this.#pair(this.#words.idOf(service), this.#words.idOf(method));
  }

  #pair(a: number, b: number): number {
    const known = this.#pairs.find(a, b);
    if (known >= 0) return known;
    return this.#pairs.size >= MAX_PAIRS ? 0 : this.#pairs.add(a, b);
  }
}

const EMPTY = 0;
const OTHER = 1;
