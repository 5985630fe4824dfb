import type { Attributes } from 'bpflow/sdk';
import { key } from './definitions.ts';
import { addLatency } from './durations.ts';
import { DNS_RCODES, L7_TYPE, nameOf, RECORD, REPORTERS } from './enums.ts';
import type { Flow } from './flow.ts';
import type { MetricsOptions } from './flow-metrics.ts';
import { grpcCall } from './grpc-calls.ts';
import { NamePairs } from './name-pairs.ts';
import { PendingCounter, PendingHistogram, type PendingMetric } from './pending-metrics.ts';
import { NO_CONTEXT } from './series.ts';
import { hasFailed, type ServiceGraph } from './service-graph.ts';

/** Counts HTTP, gRPC, DNS and Kafka. An answer has the source and destination of its request. */
export class L7Metrics {
  readonly metrics: readonly PendingMetric[];
  readonly #options: MetricsOptions;
  readonly #graph: ServiceGraph;
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
  /** gRPC service and method; DNS type and name; Kafka key and topic. */
  readonly #pairs = new NamePairs();

  constructor(options: MetricsOptions, graph: ServiceGraph) {
    this.#options = options;
    this.#graph = graph;
    const { definitions: own, shared, requestForm, collect, services } = options;
    const { words } = options.reader;
    const reporter = (packed: number): Attributes => ({ [key('reporter')]: nameOf(REPORTERS, packed & 3) });
    const method = (packed: number): Attributes => ({ [key('method')]: words.text(packed) });
    const rpc = (packed: number): Attributes => ({
      [key('rpc_service')]: this.#pairs.first(packed),
      [key('rpc_method')]: this.#pairs.second(packed),
    });
    const question = (packed: number): Attributes => ({
      [key('qtype')]: this.#pairs.first(packed) || 'unknown',
      ...(options.dnsQuery ? { [key('query')]: this.#pairs.second(packed) } : {}),
    });
    const kafka = (packed: number): Attributes => ({
      [key('api_key')]: this.#pairs.first(packed),
      [key('topic')]: this.#pairs.second(packed),
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
    for (const metric of [this.#serviceRequests, this.#serviceErrors, this.#serviceDuration])
      services.usedBy(metric, 2);
    for (const metric of [this.#grpcRequests, this.#grpcDuration, this.#dnsQueries, this.#kafkaRequests]) {
      this.#pairs.usedBy(metric, 2);
    }
    this.#pairs.usedBy(this.#grpcResponses, 9);
    this.#pairs.usedBy(this.#dnsResponses, 14);
    this.#pairs.usedBy(this.#kafkaResponses, 12);
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
      ...(collect.services ? [this.#serviceRequests, this.#serviceErrors, this.#serviceDuration] : []),
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

  /** Times that a name found no room and was `other`. */
  get refused(): number {
    return this.#pairs.refused;
  }

  /** Forgets the names that no series has. */
  forget(): void {
    this.#pairs.forget();
  }

  #http(flow: Flow, context: number, weight: number): void {
    const { collect, reader } = this.#options;
    const side = flow.direction & 3;
    const call = grpcCall(flow, reader);
    if (collect.services) this.#graph.http(flow, call !== undefined, weight);
    if (flow.l7Type === L7_TYPE.REQUEST) {
      if (collect.l7) {
        this.#httpRequests.add(context, (flow.httpMethod << 2) | side, weight);
        if (call !== undefined) this.#grpcRequests.add(context, (this.#rpc(call) << 2) | side, weight);
      }
      if (collect.services) this.#serviceRequests.add(NO_CONTEXT, this.#service(flow, side, false), weight);
      return;
    }
    if (flow.l7Type !== L7_TYPE.RESPONSE) return;
    const asked = this.#options.contexts.of(flow, true);
    if (collect.l7) {
      const status = flow.httpCode >= 0 && flow.httpCode < 0x3ff ? flow.httpCode : 0x3ff;
      this.#httpResponses.add(asked, (flow.httpMethod << 12) | (status << 2) | side, weight);
      addLatency(this.#httpDuration, asked, (flow.httpMethod << 2) | side, flow, reader, weight);
      if (call !== undefined) {
        const rpc = this.#rpc(call);
        this.#grpcResponses.add(asked, (rpc << 9) | ((flow.grpcStatus + 1) << 2) | side, weight);
        addLatency(this.#grpcDuration, asked, (rpc << 2) | side, flow, reader, weight);
      }
    }
    if (collect.services) this.#serviceResponse(flow, side, call !== undefined, weight);
  }

  #serviceResponse(flow: Flow, side: number, isGrpc: boolean, weight: number): void {
    const packed = this.#service(flow, side, true);
    if (hasFailed(flow, isGrpc)) this.#serviceErrors.add(NO_CONTEXT, packed, weight);
    addLatency(this.#serviceDuration, NO_CONTEXT, packed, flow, this.#options.reader, weight);
  }

  #service(flow: Flow, side: number, swapped: boolean): number {
    return (this.#options.services.destination(flow, swapped) << 2) | side;
  }

  #dns(flow: Flow, context: number, weight: number): void {
    const { reader, dnsQuery } = this.#options;
    const side = flow.direction & 3;
    const name = dnsQuery ? reader.text(flow.dnsQuery) : '';
    const question = this.#pairs.number(reader.words.text(flow.dnsQtypes), name);
    if (flow.l7Type === L7_TYPE.REQUEST) {
      this.#dnsQueries.add(context, (question << 2) | side, weight);
    } else if (flow.l7Type === L7_TYPE.RESPONSE) {
      const asked = this.#options.contexts.of(flow, true);
      this.#dnsResponses.add(asked, (question << 14) | ((flow.dnsRcode & 0xfff) << 2) | side, weight);
    }
  }

  #kafka(flow: Flow, context: number, weight: number): void {
    const { words } = this.#options.reader;
    const side = flow.direction & 3;
    const what = this.#pairs.number(words.text(flow.kafkaApiKey), words.text(flow.kafkaTopic));
    if (flow.l7Type === L7_TYPE.REQUEST) {
      this.#kafkaRequests.add(context, (what << 2) | side, weight);
    } else if (flow.l7Type === L7_TYPE.RESPONSE) {
      const asked = this.#options.contexts.of(flow, true);
      const error = Math.min(Math.max(flow.kafkaError, -1), 0x3fe) + 1;
      this.#kafkaResponses.add(asked, (what << 12) | (error << 2) | side, weight);
    }
  }

  #rpc({ service, method }: { readonly service: string; readonly method: string }): number {
    return this.#pairs.number(service, method);
  }
}
