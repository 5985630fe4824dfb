import type { FieldWish, KubernetesObjectKind, KubernetesWishes } from 'bpflow/sdk';
import type { K8sEnrichConfig } from './config.ts';
import { ANNOTATION, SERVICE_LABELS } from './service-attributes.ts';

/** What must be known of pods and what they belong to; nothing else is kept in memory. */
export function wishesOf({ extract, filter }: K8sEnrichConfig): KubernetesWishes {
  const metadata = extract.metadata ?? [];
  const services = metadata.some((name) => name.startsWith('service.'));
  const ofPod = (key: string): FieldWish => ({ from: 'pod', key, key_regex: '' });
  const field = ({ from, key, key_regex }: FieldWish): FieldWish => ({ from, key, key_regex });
  const objects = metadata.flatMap((name): KubernetesObjectKind[] => {
    const kind = /^k8s\.(\w+)\.uid$/.exec(name)?.[1];
    if (kind === 'cluster') return ['namespace'];
    return kind === undefined || kind === 'pod' ? [] : [kind as KubernetesObjectKind];
  });
  return {
    labels: [
      ...extract.labels.map(field),
      ...filter.labels.map(({ key }) => ofPod(key)),
      ...(services ? SERVICE_LABELS.map(ofPod) : []),
    ],
    annotations: [
      ...extract.annotations.map(field),
      ...(extract.otel_annotations
        ? [{ from: 'pod' as const, key: '', key_regex: `${ANNOTATION.replaceAll('.', '\\.')}.*` }]
        : []),
    ],
    objects: [...new Set(objects)],
  };
}
