import type { PodFacts } from 'bpflow/sdk';
import type { K8sEnrichConfig } from './config.ts';

/** Fields of a field selector that are known of a pod. */
const FIELDS: Readonly<Record<string, (pod: PodFacts) => string>> = {
  'metadata.name': (pod) => pod.name,
  'metadata.namespace': (pod) => pod.namespace,
  'spec.nodeName': (pod) => pod.node,
  'status.podIP': (pod) => pod.ips[0] ?? '',
};

/** Whether data of a pod gets its names: as `filter` and `exclude` say. */
export function podFilter({
  filter,
  exclude,
}: Pick<K8sEnrichConfig, 'filter' | 'exclude'>): (pod: PodFacts) => boolean {
  const excluded = exclude.pods.map(({ name }) => new RegExp(name, 'u'));
  const fields = filter.fields.flatMap(({ key, ...rest }) => {
    const field = FIELDS[key];
    return field === undefined ? [] : [{ field, ...rest }];
  });
  return (pod) =>
    (filter.node === '' || pod.node === filter.node) &&
    (filter.namespace === '' || pod.namespace === filter.namespace) &&
    filter.labels.every((label) => matches(label, pod.labels[label.key])) &&
    fields.every(({ field, op, value }) => (field(pod) === value) === (op === 'equals')) &&
    !excluded.some((expression) => expression.test(pod.name));
}

/** Fields that only an API server can compare. */
export function unknownFields({ fields }: K8sEnrichConfig['filter']): readonly string[] {
  return fields.map(({ key }) => key).filter((key) => !Object.hasOwn(FIELDS, key));
}

function matches({ op, value }: K8sEnrichConfig['filter']['labels'][number], label: string | undefined): boolean {
  switch (op) {
    case 'equals':
      return label === value;
    case 'not-equals':
      return label !== value;
    case 'exists':
      return label !== undefined;
    case 'does-not-exist':
      return label === undefined;
    default:
      return op satisfies never;
  }
}
