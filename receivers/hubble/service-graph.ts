import type { Attributes } from 'bpflow/sdk';
import { key } from './definitions.ts';
import { addLatency } from './durations.ts';
import { DIRECTION, L7_TYPE } from './enums.ts';
import type { Flow } from './flow.ts';
import type { MetricsOptions } from './flow-metrics.ts';
import { PendingCounter, PendingHistogram, type PendingMetric } from './pending-metrics.ts';
import { NO_CONTEXT } from './series.ts';

const CONNECTION_TYPES = ['tcp', 'http', 'grpc'] as const;
export type ConnectionType = (typeof CONNECTION_TYPES)[number];
/** gRPC's codes that are the server's fault: UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS. */
const GRPC_SERVER_ERRORS: ReadonlySet<number> = new Set([2, 4, 12, 13, 14, 15]);
/** Where the packed labels of an edge have the services at its ends. */
const CLIENT = 16;
const SERVER = 2;
const SERVICE_MASK = 0x3fff;

/** Whether an answer has an error that is the server's fault. */
export function hasFailed(flow: Flow, isGrpc: boolean): boolean {
  return flow.httpCode >= 500 || (isGrpc && GRPC_SERVER_ERRORS.has(flow.grpcStatus));
}

/**
 * The metrics of the service map under the names of Grafana Tempo's: requests from one service to another, those that failed, and how
 * long their answers took, as the node of the server saw it and as the node of the client did.
 */
export class ServiceGraph {
  readonly metrics: readonly PendingMetric[];
  readonly #options: MetricsOptions;
  readonly #requests: PendingCounter;
  readonly #failed: PendingCounter;
  readonly #ofServer: PendingHistogram;
  readonly #ofClient: PendingHistogram;

  constructor(options: MetricsOptions) {
    const { definitions: own, shared, services, requestForm } = options;
    this.#options = options;
    const label = (number: number): string => {
      const { name, namespace } = services.name(number & SERVICE_MASK);
      return namespace === '' ? name : `${namespace}/${name}`;
    };
    const describe = (packed: number): Attributes => ({
      [key('client')]: label(packed >>> CLIENT),
      [key('server')]: label(packed >>> SERVER),
      [key('connection_type')]: CONNECTION_TYPES[packed & 3] ?? 'unknown',
    });
    this.#requests = new PendingCounter(own.serviceGraphRequests, shared, describe);
    this.#failed = new PendingCounter(own.serviceGraphFailed, shared, describe);
    this.#ofServer = new PendingHistogram(own.serviceGraphServer, shared, describe, requestForm);
    this.#ofClient = new PendingHistogram(own.serviceGraphClient, shared, describe, requestForm);
    this.metrics = [this.#requests, this.#failed, this.#ofServer, this.#ofClient];
    for (const metric of this.metrics) services.usedBy(metric, CLIENT, SERVER);
  }

  /** A TCP connection has begun. */
  connection(flow: Flow, weight: number): void {
    this.#requests.add(NO_CONTEXT, this.#edge(flow, 'tcp', false), weight);
  }

  /** A request or an answer of HTTP. */
  http(flow: Flow, isGrpc: boolean, weight: number): void {
    const type = isGrpc ? 'grpc' : 'http';
    if (flow.l7Type === L7_TYPE.REQUEST) this.#requests.add(NO_CONTEXT, this.#edge(flow, type, false), weight);
    else if (flow.l7Type === L7_TYPE.RESPONSE) this.#answer(flow, isGrpc, this.#edge(flow, type, true), weight);
  }

  #answer(flow: Flow, isGrpc: boolean, edge: number, weight: number): void {
    const { reader } = this.#options;
    if (hasFailed(flow, isGrpc)) this.#failed.add(NO_CONTEXT, edge, weight);
    if (flow.direction === DIRECTION.INGRESS) addLatency(this.#ofServer, NO_CONTEXT, edge, flow, reader, weight);
    else if (flow.direction === DIRECTION.EGRESS) addLatency(this.#ofClient, NO_CONTEXT, edge, flow, reader, weight);
  }

  #edge(flow: Flow, type: ConnectionType, swapped: boolean): number {
    const { services } = this.#options;
    const client = services.source(flow, swapped);
    const server = services.destination(flow, swapped);
    return (client << CLIENT) | (server << SERVER) | CONNECTION_TYPES.indexOf(type);
  }
}
