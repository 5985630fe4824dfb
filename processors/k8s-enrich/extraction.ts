import type { Attributes, AttributeValue } from 'bpflow/sdk';
import { type Cluster, type KnownContainer, type KnownPod, WORKLOADS } from './cluster.ts';
import type { K8sEnrichConfig } from './config.ts';
import { type FieldRule, fieldAttributes } from './field-rules.ts';
import { imageOf } from './image.ts';
import type { Metadata } from './metadata.ts';
import { serviceAttributes } from './service-attributes.ts';

export interface ExtractionOptions {
  readonly metadata: readonly Metadata[];
  readonly extract: K8sEnrichConfig['extract'];
  readonly names: K8sEnrichConfig['attribute_names'];
}

/** What is added to the data of a pod. */
export interface Extraction {
  /** Of the pod and what it belongs to. */
  pod(pod: KnownPod, cluster: Cluster): Attributes;
  /** Of one of its containers. */
  container(pod: KnownPod, container: KnownContainer): Attributes;
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
    pod(pod, cluster) {
      const all: Partial<Record<Metadata, AttributeValue | undefined>> = {
        'k8s.namespace.name': pod.namespace,
        'k8s.pod.name': pod.name,
        'k8s.pod.uid': pod.uid,
        'k8s.pod.hostname': pod.hostname,
        'k8s.pod.ip': pod.ips[0],
        'k8s.pod.start_time': pod.startTime,
        'k8s.node.name': pod.node,
        'k8s.node.uid': wanted.has('k8s.node.uid') ? cluster.object('node', pod.node, '')?.uid : undefined,
        'k8s.cluster.uid': wanted.has('k8s.cluster.uid') ? cluster.clusterUid : undefined,
        ...serviceAttributes(pod, undefined, extract.otel_annotations),
      };
      for (const kind of WORKLOADS) {
        const owner = pod.owners[kind];
        all[`k8s.${kind}.name`] = owner?.name;
        all[`k8s.${kind}.uid`] = owner?.uid;
      }
      return {
        ...pick(all),
        ...fieldAttributes(rules, pod, cluster, names),
        ...(extract.otel_annotations && otelAnnotations(pod)),
      };
    },
    container(pod, container) {
      const image = imageOf(container);
      return pick({
        'k8s.container.name': container.name,
        'container.id': container.id,
        'container.image.name': image.name,
        ...(names === 'v1'
          ? { 'container.image.tags': image.tag === '' ? undefined : [image.tag] }
          : { 'container.image.tag': image.tag }),
        'container.image.repo_digests': image.digest === '' ? undefined : [image.digest],
        ...serviceAttributes(pod, container, extract.otel_annotations),
      });
    },
  };
}

const OTEL_ANNOTATION = 'resource.opentelemetry.io/';

/** `resource.opentelemetry.io/foo` says what the attribute `foo` is. */
function otelAnnotations(pod: KnownPod): Record<string, string> {
  const own = Object.entries(pod.annotations).filter(([key]) => key.startsWith(OTEL_ANNOTATION));
  return Object.fromEntries(own.map(([key, value]) => [key.slice(OTEL_ANNOTATION.length), value]));
}
