import type { Endpoint } from './endpoints.ts';
import type { FlowFilter } from './filters.ts';
import type { Flow } from './flow.ts';

export interface NamespaceOptions {
  /** Empty: all. */
  readonly watch: readonly string[];
  readonly exclude: readonly string[];
}

/**
 * Which flows are about wanted namespaces. A flow counts when one of its ends is a pod in one; so a query of an application to
 * the DNS servers in kube-system counts, and what kube-system does by itself or with the outside does not. Where all namespaces
 * are watched, flows between ends that are no pods count too.
 */
export class Namespaces {
  readonly #watch: ReadonlySet<string>;
  readonly #exclude: ReadonlySet<string>;

  constructor({ watch, exclude }: NamespaceOptions) {
    this.#watch = new Set(watch);
    this.#exclude = new Set(exclude);
  }

  wants({ source, destination }: Flow): boolean {
    if (this.#watch.size === 0 && this.#exclude.size === 0) return true;
    if (this.#isWanted(source) || this.#isWanted(destination)) return true;
    return this.#watch.size === 0 && source.namespace === '' && destination.namespace === '';
  }

  /** What the server can leave out already: flows between excluded namespaces. */
  get blacklist(): readonly FlowFilter[] {
    const pods = [...this.#exclude].map((namespace) => `${namespace}/`);
    return pods.length === 0 ? [] : [{ source_pod: pods, destination_pod: pods }];
  }

  /** The filters, each only for flows of watched namespaces. */
  whitelist(include: readonly FlowFilter[]): readonly FlowFilter[] {
    const pods = [...this.#watch].filter((namespace) => !this.#exclude.has(namespace)).map((name) => `${name}/`);
    if (pods.length === 0) return include;
    const wanted = include.length === 0 ? [{}] : include;
    // A filter that names pods itself is left as it is: this agent leaves out the rest.
    return wanted.flatMap((filter: FlowFilter) =>
      filter.source_pod !== undefined || filter.destination_pod !== undefined
        ? [filter]
        : [
            { ...filter, source_pod: pods },
            { ...filter, destination_pod: pods },
          ],
    );
  }

  #isWanted({ namespace }: Endpoint): boolean {
    if (namespace === '' || this.#exclude.has(namespace)) return false;
    return this.#watch.size === 0 || this.#watch.has(namespace);
  }
}
