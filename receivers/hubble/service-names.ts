import type { Endpoint } from './endpoint.ts';
import type { Flow } from './flow.ts';
import type { FlowReader } from './flow-reader.ts';
import { appOf, reservedOf, type WorkloadOf } from './labels.ts';
import { NamePairs } from './name-pairs.ts';
import type { Series } from './series.ts';

/** Endpoints whose service is remembered. */
const MAX_REMEMBERED = 65_536;

/**
 * Which service an end of a flow is: the Kubernetes service that the flow names, else the workload, else the application, else
 * the DNS name, else the reserved identity (`world`). Under dense numbers of 14 bits, which are forgotten with the series that have them.
 */
export class ServiceNames {
  readonly #reader: FlowReader;
  readonly #workloadOf: WorkloadOf;
  readonly #pairs = new NamePairs();
  readonly #ofEndpoint = new Map<number, number>();

  constructor(reader: FlowReader, workloadOf: WorkloadOf) {
    this.#reader = reader;
    this.#workloadOf = workloadOf;
  }

  /** Services that are known. */
  get size(): number {
    return this.#pairs.size;
  }

  /** Times that a service found no room and was `other`. */
  get refused(): number {
    return this.#pairs.refused;
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

  /** Endpoints may be other services from now on. Series that are there keep their names. */
  nameAnew(): void {
    this.#ofEndpoint.clear();
  }

  name(number: number): { readonly name: string; readonly namespace: string } {
    return { name: this.#pairs.first(number), namespace: this.#pairs.second(number) };
  }

  /** Declares that the packed labels of a metric's series have services from these bits on. */
  usedBy(metric: { readonly series: Series }, ...shifts: readonly number[]): void {
    this.#pairs.usedBy(metric, ...shifts);
  }

  /** Forgets the services that no series has. */
  forget(): void {
    if (this.#pairs.forget()) this.#ofEndpoint.clear();
  }

  #number(endpoint: Endpoint, service: number, namespace: number, names: number): number {
    const { words } = this.#reader;
    if (service !== 0) return this.#pairs.number(words.text(service), words.text(namespace));
    if (names !== 0 && endpoint.pod === '') {
      return this.#pairs.number(this.#reader.names.text(names).split(',', 1)[0]!, '');
    }
    let number = this.#ofEndpoint.get(endpoint.id);
    if (number === undefined) {
      number = this.#resolve(endpoint);
      if (this.#ofEndpoint.size >= MAX_REMEMBERED) this.#ofEndpoint.clear();
      this.#ofEndpoint.set(endpoint.id, number);
    }
    return number;
  }

  #resolve(endpoint: Endpoint): number {
    const name =
      this.#workloadOf(endpoint).name || appOf(endpoint) || reservedOf(endpoint).replace('reserved:', '') || 'unknown';
    return this.#pairs.number(name, endpoint.namespace);
  }
}
