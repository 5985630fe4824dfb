import { isIP } from 'node:net';
import type { AttributeSet, AttributeValue, Kubernetes, PodFacts } from 'bpflow/sdk';
import type { K8sEnrichConfig } from './config.ts';
import { keys, keysOf } from './pod-keys.ts';

/** What was found for data. */
export interface Association {
  readonly pod: PodFacts | undefined;
  /** What the answer depends on; empty when the data names nothing. */
  readonly keys: readonly string[];
  /** The address by which it was asked for, where that was what counted. */
  readonly connection: string | undefined;
}

/** Finds the pod of foreign data. */
export interface PodAssociation {
  find(attributes: AttributeSet, peer: string): Association;
  /** Keys of a pod that changes, beyond those of {@link keysOf}. To be told of every pod. */
  changed(pod: PodFacts, change: 'set' | 'removed'): readonly string[];
  /** Whether the peer's address matters. */
  readonly usesConnection: boolean;
}

type Source = K8sEnrichConfig['pod_association'][number]['sources'][number];

export function createAssociation(
  rules: K8sEnrichConfig['pod_association'],
  cluster: Kubernetes,
  attributesOf: (pod: PodFacts) => Readonly<Record<string, AttributeValue>>,
): PodAssociation {
  return rules.length === 0 ? anyAssociation(cluster) : new RuleAssociation(rules, cluster, attributesOf);
}

/** Without rules: whatever leads to a pod. */
function anyAssociation(cluster: Kubernetes): PodAssociation {
  return {
    usesConnection: true,
    changed: () => [],
    find(attributes, peer) {
      const asked: string[] = [];
      const [container, uid] = ['container.id', 'k8s.pod.uid'].map((key) => textOf(attributes.get(key)));
      let pod: PodFacts | undefined;
      if (container !== '') {
        asked.push(keys.container(container!));
        pod = cluster.podByContainer(container!);
      }
      if (pod === undefined && uid !== '') {
        asked.push(keys.uid(uid!));
        pod = cluster.podByUid(uid!);
      }
      const address = addressOf(attributes, asked.length > 0 ? '' : peer);
      if (pod === undefined && address !== '') {
        asked.push(keys.ip(address));
        pod = cluster.podByIp(address);
      }
      return { pod, keys: asked, connection: address === '' ? undefined : address };
    },
  };
}

/** The address that data names or comes from, in the Collector's order; empty for none. */
export function addressOf(attributes: AttributeSet, peer: string): string {
  const [podIp, ip, host] = ['k8s.pod.ip', 'ip', 'host.name'].map((key) => textOf(attributes.get(key)));
  return podIp || ip || peer || (isIP(host!) === 0 ? '' : host!);
}

/** The first rule whose sources are all there decides, also when it leads nowhere, as in the Collector. */
class RuleAssociation implements PodAssociation {
  readonly usesConnection: boolean;
  readonly #rules: readonly (readonly Source[])[];
  readonly #cluster: Kubernetes;
  readonly #attributesOf: (pod: PodFacts) => Readonly<Record<string, AttributeValue>>;
  /** Pods by the key of a rule with their values. */
  #pods: Map<string, string> | undefined;
  /** Keys of each pod in it, by uid. */
  readonly #keys = new Map<string, readonly string[]>();

  constructor(
    rules: K8sEnrichConfig['pod_association'],
    cluster: Kubernetes,
    attributesOf: (pod: PodFacts) => Readonly<Record<string, AttributeValue>>,
  ) {
    this.#rules = rules.map(({ sources }) => sources);
    this.#cluster = cluster;
    this.#attributesOf = attributesOf;
    this.usesConnection = this.#rules.flat().some(({ from }) => from === 'connection');
  }

  find(attributes: AttributeSet, peer: string): Association {
    for (const [rule, sources] of this.#rules.entries()) {
      const values = sources.map((source) =>
        source.from === 'connection' ? peer : textOf(attributes.get(source.name)),
      );
      if (values.some((value, i) => value === '' || (sources[i]!.name === 'host.name' && isIP(value) === 0))) continue;
      const connection = sources.some(({ from }) => from === 'connection') ? peer : undefined;
      const key = keys.rule(rule, values);
      const uid = this.#indexed().get(key);
      return { pod: uid === undefined ? undefined : this.#cluster.podByUid(uid), keys: [key], connection };
    }
    return { pod: undefined, keys: [], connection: undefined };
  }

  changed(pod: PodFacts, change: 'set' | 'removed'): readonly string[] {
    if (this.#pods === undefined) return [];
    const before = this.#keys.get(pod.uid) ?? [];
    for (const key of before) this.#pods.delete(key);
    const after = change === 'set' ? this.#keysOf(pod) : [];
    this.#enter(pod, after);
    return [...before, ...after];
  }

  #indexed(): ReadonlyMap<string, string> {
    if (this.#pods === undefined) {
      this.#pods = new Map();
      for (const pod of this.#cluster.pods()) this.#enter(pod, this.#keysOf(pod));
    }
    return this.#pods;
  }

  #enter(pod: PodFacts, podKeys: readonly string[]): void {
    for (const key of podKeys) this.#pods!.set(key, pod.uid);
    if (podKeys.length === 0) this.#keys.delete(pod.uid);
    else this.#keys.set(pod.uid, podKeys);
  }

  /** Every combination of the values that the sources can have for a pod. */
  #keysOf(pod: PodFacts): readonly string[] {
    return this.#rules.flatMap((sources, rule) => {
      let combinations: readonly (readonly string[])[] = [[]];
      for (const source of sources) {
        const values = this.#valuesOf(source, pod);
        combinations = combinations.flatMap((left) => values.map((value) => [...left, value]));
      }
      return combinations.map((values) => keys.rule(rule, values));
    });
  }

  #valuesOf({ from, name }: Source, pod: PodFacts): readonly string[] {
    const ips = pod.hostNetwork ? [] : pod.ips;
    if (from === 'connection') return ips;
    switch (name) {
      case 'k8s.pod.uid':
        return keysOf(pod).flatMap((key) => (key.startsWith('uid ') ? key.slice('uid '.length) : []));
      case 'k8s.pod.name':
        return [pod.name];
      case 'k8s.namespace.name':
        return [pod.namespace];
      case 'k8s.node.name':
        return [pod.node];
      case 'k8s.pod.hostname':
        return [pod.hostname];
      case 'k8s.pod.ip':
      case 'ip':
        return ips;
      case 'host.name':
        return ips;
      case 'container.id':
        return pod.containers.map(({ id }) => id);
      case 'k8s.container.name':
        return [...new Set(pod.containers.map((container) => container.name))];
      default: {
        const value = textOf(this.#attributesOf(pod)[name]);
        return value === '' ? [] : [value];
      }
    }
  }
}

function textOf(value: AttributeValue | undefined): string {
  return typeof value === 'string' ? value : '';
}
