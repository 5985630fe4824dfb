import type { Attributes, AttributeValue, ContainerFacts, Kubernetes, ObjectFacts, PodFacts } from 'bpflow/sdk';
import type { K8sEnrichConfig } from './config.ts';
import { type FieldRule, fieldAttributes, type ObjectLookup } from './field-rules.ts';
import type { ObjectKind } from './field-rules-config.ts';
import { imageOf } from './image.ts';
import type { Metadata } from './metadata.ts';
import { ownerOf, WORKLOADS, type Workload } from './owners.ts';
import { ANNOTATION, serviceAttributes } from './service-attributes.ts';

export interface ExtractionOptions {
  readonly metadata: readonly Metadata[];
  readonly extract: K8sEnrichConfig['extract'];
  readonly names: K8sEnrichConfig['attribute_names'];
}

export interface PodAttributes {
  readonly attributes: Attributes;
  /** Whether everything is known that the pod belongs to. */
  readonly complete: boolean;
}

/** What is added to the data of a pod. */
export interface Extraction {
  /** Of the pod and what it belongs to. */
  pod(pod: PodFacts, cluster: Kubernetes): PodAttributes;
  /** Of the namespace, node and workload that a resource names itself, where its pod is not known. */
  named(said: (name: string) => string, kubernetes: Kubernetes): PodAttributes;
  /** Of one of its containers; with what only its run has where that is known. */
  container(pod: PodFacts, container: ContainerFacts, isRun: boolean): Attributes;
}

export function createExtraction({ metadata, extract, names }: ExtractionOptions): Extraction {
  const wanted = new Set(metadata);
  const rules: readonly FieldRule[] = [
    ...extract.labels.map((rule) => ({ ...rule, what: 'labels' as const })),
    ...extract.annotations.map((rule) => ({ ...rule, what: 'annotations' as const })),
  ];
  const pick = (
    all: Readonly<Partial<Record<Metadata, AttributeValue | undefined>>>,
  ): Record<string, AttributeValue> => {
    const picked: Record<string, AttributeValue> = {};
    for (const [key, value] of Object.entries(all)) {
      if (value !== undefined && value !== '' && wanted.has(key as Metadata)) picked[key] = value;
    }
    return picked;
  };
  return {
    pod(pod, kubernetes) {
      let complete = true;
      const object: ObjectLookup = (kind, name, namespace) => {
        const found = kubernetes.object(kind, name, namespace);
        if (found === undefined) complete = false;
        return found;
      };
      const of = (kind: ObjectKind): readonly [string, string] => {
        if (kind === 'namespace') return [pod.namespace, ''];
        return kind === 'node' ? [pod.node, ''] : [ownerOf(pod, kind as Workload)?.name ?? '', pod.namespace];
      };
      const all: Partial<Record<Metadata, AttributeValue | undefined>> = {
        'k8s.namespace.name': pod.namespace,
        'k8s.pod.name': pod.name,
        'k8s.pod.uid': pod.uid,
        'k8s.pod.hostname': pod.hostname,
        'k8s.pod.ip': pod.ips[0],
        'k8s.pod.start_time': pod.startTime,
        'k8s.node.name': pod.node,
        'k8s.node.uid': wanted.has('k8s.node.uid') ? object('node', pod.node, '')?.uid : undefined,
        'k8s.cluster.uid': wanted.has('k8s.cluster.uid') ? kubernetes.clusterUid : undefined,
        ...serviceAttributes(pod, undefined, extract.otel_annotations),
      };
      for (const kind of WORKLOADS) {
        const owner = ownerOf(pod, kind);
        all[`k8s.${kind}.name`] = owner?.name;
        if (owner === undefined || !wanted.has(`k8s.${kind}.uid`)) continue;
        all[`k8s.${kind}.uid`] = owner.uid ?? object(kind, owner.name, pod.namespace)?.uid;
      }
      const attributes = {
        ...pick(all),
        ...fieldAttributes(rules, (from) => (from === 'pod' ? pod : belonging(from, of, object)), names),
        ...(extract.otel_annotations && otelAnnotations(pod)),
      };
      return { attributes, complete };
    },
    named(said, kubernetes) {
      let complete = true;
      const object: ObjectLookup = (kind, name, namespace) => {
        const found = kubernetes.object(kind, name, namespace);
        if (found === undefined) complete = false;
        return found;
      };
      const [namespace, node] = [said('k8s.namespace.name'), said('k8s.node.name')];
      const of = (kind: ObjectKind): readonly [string, string] =>
        kind === 'namespace' || kind === 'node'
          ? [kind === 'node' ? node : namespace, '']
          : [said(`k8s.${kind}.name`), namespace];
      const uid = wanted.has('k8s.node.uid') && node !== '' ? object('node', node, '')?.uid : undefined;
      const attributes = {
        ...pick({ 'service.namespace': namespace, 'k8s.node.uid': uid }),
        ...fieldAttributes(rules, (from) => (from === 'pod' ? undefined : belonging(from, of, object)), names),
      };
      return { attributes, complete };
    },
    container(pod, container, isRun) {
      const image = imageOf(container);
      return pick({
        'k8s.container.name': container.name,
        'container.id': isRun ? container.id : undefined,
        'container.image.name': image.name,
        ...(names === 'v1'
          ? { 'container.image.tags': image.tag === '' ? undefined : [image.tag] }
          : { 'container.image.tag': image.tag }),
        'container.image.repo_digests': isRun && image.digest !== '' ? [image.digest] : undefined,
        ...serviceAttributes(pod, container, extract.otel_annotations),
      });
    },
  };
}

/** What data belongs to, by name and namespace; undefined where it names none. */
function belonging(
  kind: Exclude<ObjectKind, 'pod'>,
  of: (kind: ObjectKind) => readonly [name: string, namespace: string],
  object: ObjectLookup,
): ObjectFacts | undefined {
  const [name, namespace] = of(kind);
  return name === '' ? undefined : object(kind, name, namespace);
}

/** `resource.opentelemetry.io/foo` says what the attribute `foo` is. */
function otelAnnotations(pod: PodFacts): Record<string, string> {
  const own = Object.entries(pod.annotations).filter(([key]) => key.startsWith(ANNOTATION));
  return Object.fromEntries(own.map(([key, value]) => [key.slice(ANNOTATION.length), value]));
}
