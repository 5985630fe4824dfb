import type { Kubernetes } from 'bpflow/sdk';
import type { Endpoint } from './endpoint.ts';
import { derivedWorkload } from './labels.ts';

interface Workload {
  readonly name: string;
  readonly kind: string;
}

/** Pods that were looked for and not found; what is above is not told of when it comes. */
const MAX_MISSED = 16_384;

/** Workloads of pods as the Kubernetes API has them; those of pods that it does not know yet are read out of their names. */
export class PodWorkloads {
  /** Stops watching. */
  readonly close: () => void;
  readonly #known = new Map<string, Workload>();
  readonly #missed = new Set<string>();
  #hasNews = false;

  constructor(kubernetes: Pick<Kubernetes, 'watch'>) {
    this.close = kubernetes.watch(({ namespace, name, workload }, change) => {
      const pod = `${namespace}/${name}`;
      if (change === 'removed' || workload === undefined) {
        this.#known.delete(pod);
        return;
      }
      this.#known.set(pod, workload);
      if (this.#missed.delete(pod)) this.#hasNews = true;
    });
  }

  of(endpoint: Endpoint): Workload {
    const pod = `${endpoint.namespace}/${endpoint.pod}`;
    const known = this.#known.get(pod);
    if (known !== undefined) return known;
    if (endpoint.pod !== '' && this.#missed.size < MAX_MISSED) this.#missed.add(pod);
    return derivedWorkload(endpoint);
  }

  /** Whether pods that were looked for have come since the last call. */
  takeNews(): boolean {
    const had = this.#hasNews;
    this.#hasNews = false;
    return had;
  }
}
