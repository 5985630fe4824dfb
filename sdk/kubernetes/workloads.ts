import { asError } from '../errors.ts';
import type { KubernetesObjectKind, ObjectFacts } from '../kubernetes.ts';
import type { Clock } from '../scope.ts';
import { type ApiClient, connectionError } from './api-client.ts';
import type { ApiError } from './api-error.ts';
import { acceptOf, readObject } from './encoding.ts';
import { Interner } from './interner.ts';
import { sameObject } from './object-store.ts';
import { objectFacts } from './pod-facts.ts';
import { pathOf, type Resource } from './resource.ts';
import type { Selection } from './wishes.ts';

/** Workloads kept at a time, those asked for last. */
const MAX_KEPT = 4096;
/** Requests at a time, and waiting. */
const AT_ONCE = 4;
const MAX_WAITING = 4096;
/** After this a look-up asks again, and answers with what is known meanwhile. */
const RENEW_AFTER_MS = 300_000;
const RETRY_AFTER_MS = 30_000;
const PATIENCE_MS = 10_000;

export type WorkloadKind = Exclude<KubernetesObjectKind, 'namespace' | 'node'>;

const RESOURCES: Readonly<Record<WorkloadKind, Pick<Resource, 'name' | 'group' | 'version'>>> = {
  deployment: { name: 'deployments', group: 'apps', version: 'v1' },
  replicaset: { name: 'replicasets', group: 'apps', version: 'v1' },
  statefulset: { name: 'statefulsets', group: 'apps', version: 'v1' },
  daemonset: { name: 'daemonsets', group: 'apps', version: 'v1' },
  job: { name: 'jobs', group: 'batch', version: 'v1' },
  cronjob: { name: 'cronjobs', group: 'batch', version: 'v1' },
};

export interface WorkloadsOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly selection: (kind: WorkloadKind) => Selection;
  /** An answer is there that says something new. */
  readonly found: (kind: WorkloadKind, name: string, namespace: string) => void;
  readonly failed: (resource: Resource, error: ApiError) => void;
  readonly succeeded: (resource: Resource) => void;
}

interface Known {
  readonly kind: WorkloadKind;
  readonly name: string;
  readonly namespace: string;
  facts: ObjectFacts | undefined;
  askedAt: number | undefined;
  retryAt: number;
}

/** Metadata of workloads, asked for one by one when somebody needs it: a watch of them all costs more than all pods of a node. */
export class Workloads {
  readonly #options: WorkloadsOptions;
  readonly #known = new Map<string, Known>();
  readonly #waiting: Known[] = [];
  readonly #interner = new Interner();
  /** Of the requests that are open. */
  readonly #asking = new Set<AbortController>();
  #stopped = false;

  constructor(options: WorkloadsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#known.size;
  }

  /** What was asked for and is not answered. */
  get waiting(): number {
    return this.#waiting.length + this.#asking.size;
  }

  /** What is known, and asks for what is not. */
  get(kind: WorkloadKind, name: string, namespace: string): ObjectFacts | undefined {
    const key = `${kind}/${namespace}/${name}`;
    const known = this.#known.get(key) ?? { kind, name, namespace, facts: undefined, askedAt: undefined, retryAt: 0 };
    this.#known.delete(key);
    this.#known.set(key, known);
    if (this.#known.size > MAX_KEPT) this.#known.delete(this.#known.keys().next().value!);
    const now = this.#options.clock.monotonic();
    if (known.askedAt === undefined && now >= known.retryAt && this.#waiting.length < MAX_WAITING) {
      known.askedAt = now;
      this.#waiting.push(known);
      this.#next();
    }
    return known.facts;
  }

  /** Other labels or annotations are wanted. */
  forget(): void {
    this.#known.clear();
  }

  stop(): void {
    this.#stopped = true;
    this.#waiting.length = 0;
    for (const request of this.#asking) request.abort();
  }

  #next(): void {
    while (this.#asking.size < AT_ONCE && this.#waiting.length > 0) {
      const request = new AbortController();
      this.#asking.add(request);
      void this.#ask(this.#waiting.shift()!, request).finally(() => {
        this.#asking.delete(request);
        this.#next();
      });
    }
  }

  async #ask(known: Known, request: AbortController): Promise<void> {
    const { client, clock, selection, found, failed, succeeded } = this.#options;
    const { kind, name, namespace } = known;
    const resource: Resource = { ...RESOURCES[kind], namespace };
    const timer = clock.after(PATIENCE_MS, () => request.abort());
    let facts: ObjectFacts | undefined;
    let wait = RENEW_AFTER_MS;
    try {
      const { encoding, bytes } = await client.get({
        path: `${pathOf(resource)}/${encodeURIComponent(name)}`,
        accept: acceptOf('object', true, ['protobuf', 'json']),
        signal: request.signal,
      });
      facts = objectFacts(readObject(encoding, bytes).metadata ?? {}, selection(kind), this.#interner);
      succeeded(resource);
    } catch (thrown) {
      if (this.#stopped) return;
      const error = connectionError(asError(thrown));
      wait = RETRY_AFTER_MS;
      facts = error.reason === 'not_found' ? undefined : known.facts;
      if (error.reason !== 'not_found') failed(resource, error);
    } finally {
      timer.cancel();
      known.askedAt = undefined;
      known.retryAt = clock.monotonic() + wait;
    }
    const isNew = facts !== undefined && (known.facts === undefined || !sameObject(known.facts, facts));
    known.facts = facts;
    if (isNew) found(kind, name, namespace);
  }
}
