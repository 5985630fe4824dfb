import type { MetricDefinition } from 'bpflow/sdk';
import { key } from './definitions.ts';
import type { Endpoint } from './endpoints.ts';
import type { Flow } from './flow.ts';
import type { FlowReader } from './flow-reader.ts';
import { appOf, reservedOf, type WorkloadOf } from './labels.ts';
import { PairTable } from './pair-table.ts';
import { PendingCounter } from './pending-metrics.ts';
import { NO_CONTEXT, type SeriesContext } from './series.ts';
import { Words } from './words.ts';

/** A service as `namespace` and `name`, both word numbers of {@link ServiceNames}. */
export interface ServiceName {
  readonly name: number;
  readonly namespace: number;
}

/** Endpoints whose service is remembered. */
const MAX_REMEMBERED = 65_536;
const CONNECTION_TYPES = ['tcp', 'http', 'grpc'] as const;
export type ConnectionType = (typeof CONNECTION_TYPES)[number];

/**
 * Which service an end of a flow is: the Kubernetes service that the flow names, else the workload, else the application, else
 * the DNS name, else the reserved identity (`world`). Dense numbers for pairs of them, which are the edges of the service map.
 */
export class ServiceNames {
  readonly #reader: FlowReader;
  readonly #workloadOf: WorkloadOf;
  readonly #words = new Words(16_384);
  readonly #ofEndpoint = new Map<number, ServiceName>();
  readonly #numbers = new PairTable();
  readonly #limit = 16_384;

  constructor(reader: FlowReader, workloadOf: WorkloadOf) {
    this.#reader = reader;
    this.#workloadOf = workloadOf;
    this.#numbers.add(OTHER, EMPTY);
  }

  /** Number of the service that a flow goes to; `swapped`: comes from. */
  destination(flow: Flow, swapped: boolean): number {
    return swapped
      ? this.#number(flow.source, flow.sourceService, flow.sourceServiceNamespace, flow.sourceNames)
      : this.#number(
          flow.destination,
          flow.destinationService,
          flow.destinationServiceNamespace,
          flow.destinationNames,
        );
  }

  source(flow: Flow, swapped: boolean): number {
    return this.destination(flow, !swapped);
  }

  name(number: number): { readonly name: string; readonly namespace: string } {
    return {
      name: this.#words.text(this.#numbers.first(number)),
      namespace: this.#words.text(this.#numbers.second(number)),
    };
  }

  /** A counter of edges, for {@link addEdge}. */
  counter(definition: MetricDefinition, shared: SeriesContext): PendingCounter {
    const label = (number: number): string => {
      const { name, namespace } = this.name(number);
      return namespace === '' ? name : `${namespace}/${name}`;
    };
    return new PendingCounter(definition, shared, (packed) => ({
      [key('client')]: label((packed >>> 16) & 0x3fff),
      [key('server')]: label((packed >>> 2) & 0x3fff),
      [key('connection_type')]: CONNECTION_TYPES[packed & 3] ?? 'unknown',
    }));
  }

  addEdge(counter: PendingCounter, flow: Flow, type: ConnectionType, weight: number, swapped = false): void {
    const client = this.source(flow, swapped);
    const server = this.destination(flow, swapped);
    counter.add(NO_CONTEXT, (client << 16) | (server << 2) | CONNECTION_TYPES.indexOf(type), weight);
  }

  #number(endpoint: Endpoint, service: number, namespace: number, names: number): number {
    if (service !== 0) {
      const { words } = this.#reader;
      return this.#numberOf(this.#words.idOf(words.text(service)), this.#words.idOf(words.text(namespace)));
    }
    if (names !== 0 && endpoint.pod === '') {
      return this.#numberOf(this.#words.idOf(this.#reader.words.text(names).split(',', 1)[0]!), EMPTY);
    }
    let known = this.#ofEndpoint.get(endpoint.id);
    if (known === undefined) {
      known = this.#resolve(endpoint);
      if (this.#ofEndpoint.size >= MAX_REMEMBERED) this.#ofEndpoint.clear();
      this.#ofEndpoint.set(endpoint.id, known);
    }
    return this.#numberOf(known.name, known.namespace);
  }

  #numberOf(name: number, namespace: number): number {
    const known = this.#numbers.find(name, namespace);
    if (known >= 0) return known;
    return this.#numbers.size >= this.#limit ? 0 : this.#numbers.add(name, namespace);
  }

  #resolve(endpoint: Endpoint): ServiceName {
    const name =
      this.#workloadOf(endpoint).name || appOf(endpoint) || reservedOf(endpoint).replace('reserved:', '') || 'unknown';
    return { name: this.#words.idOf(name), namespace: this.#words.idOf(endpoint.namespace) };
  }
}

const EMPTY = 0;
const OTHER = 1;
