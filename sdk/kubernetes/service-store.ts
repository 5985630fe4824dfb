import type { ServiceFacts } from '../kubernetes.ts';
import type { ApiEndpoint, ApiEndpointSlice } from './api-objects.ts';
import type { Store } from './store.ts';

const SERVICE_LABEL = 'kubernetes.io/service-name';

interface Slice {
  readonly namespace: string;
  readonly service: string;
  /** Who stands behind it → how it is, as bits. */
  readonly endpoints: ReadonlyMap<string, number>;
  list: number;
}

/** EndpointSlices, added up by Service. */
export class ServiceStore implements Store<ApiEndpointSlice> {
  readonly #slices = new Map<string, Slice>();
  #list = 0;

  get size(): number {
    return this.#slices.size;
  }

  begin(): void {
    this.#list++;
  }

  set({ metadata = {}, endpoints = [] }: ApiEndpointSlice): void {
    const { uid = '', namespace = '', labels } = metadata;
    const service = labels?.[SERVICE_LABEL];
    if (service === undefined) {
      this.#slices.delete(uid);
      return;
    }
    this.#slices.set(uid, { namespace, service, endpoints: statesOf(endpoints), list: this.#list });
  }

  remove({ metadata }: ApiEndpointSlice): void {
    this.#slices.delete(metadata?.uid ?? '');
  }

  complete(): void {
    for (const [uid, { list }] of this.#slices) if (list !== this.#list) this.#slices.delete(uid);
  }

  services(): readonly ServiceFacts[] {
    const services = new Map<string, { readonly slice: Slice; readonly states: Map<string, number> }>();
    for (const slice of this.#slices.values()) {
      const key = `${slice.namespace}/${slice.service}`;
      const known = services.get(key) ?? { slice, states: new Map<string, number>() };
      services.set(key, known);
      // Of two families, or while it moves from slice to slice, an endpoint is in two.
      for (const [who, state] of slice.endpoints) known.states.set(who, (known.states.get(who) ?? 0) | state);
    }
    return [...services.values()].map(({ slice: { namespace, service }, states }) => {
      const count = (bit: number): number => [...states.values()].filter((state) => (state & bit) !== 0).length;
      return { namespace, name: service, endpoints: states.size, ready: count(READY), terminating: count(TERMINATING) };
    });
  }
}

const READY = 1;
const TERMINATING = 2;

function statesOf(endpoints: readonly ApiEndpoint[]): ReadonlyMap<string, number> {
  const states = new Map<string, number>();
  for (const { addresses = [], conditions = {}, targetRef } of endpoints) {
    // Not said is ready, as the API has it.
    const state = (conditions.ready === false ? 0 : READY) | (conditions.terminating === true ? TERMINATING : 0);
    for (const address of addresses) {
      const who = targetRef?.uid || address;
      states.set(who, (states.get(who) ?? 0) | state);
    }
  }
  return states;
}
