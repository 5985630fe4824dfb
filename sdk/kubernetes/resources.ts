import type { Resource } from './resource.ts';
import type { KubernetesSettings } from './settings.ts';
import { ENDPOINT_SLICE, POD } from './shapes.ts';

type Filter = KubernetesSettings['filter'];

export function pods({ node, namespace, fields, labels }: Filter): Resource {
  const fieldSelector = [
    ...(node === '' ? [] : [`spec.nodeName=${escaped(node)}`]),
    ...fields.map(({ key, op, value }) => `${key}${op === 'equals' ? '=' : '!='}${escaped(value)}`),
  ].join(',');
  const labelSelector = labels.map(selectorOf).join(',');
  return { ...core('pods'), namespace: namespace || undefined, shape: POD, fieldSelector, labelSelector };
}

/** With a filter by namespace only that one. */
export function namespaces({ namespace }: Filter): Resource {
  return { ...core('namespaces'), ...(namespace !== '' && { fieldSelector: `metadata.name=${escaped(namespace)}` }) };
}

/** With a filter by node only that one. */
export function nodes({ node }: Filter): Resource {
  return { ...core('nodes'), ...(node !== '' && { fieldSelector: `metadata.name=${escaped(node)}` }) };
}

export function endpointSlices({ namespace }: Filter): Resource {
  return {
    name: 'endpointslices',
    group: 'discovery.k8s.io',
    version: 'v1',
    namespace: namespace || undefined,
    shape: ENDPOINT_SLICE,
  };
}

function core(name: string): Resource {
  return { name, group: '', version: 'v1' };
}

function selectorOf({ key, op, value }: Filter['labels'][number]): string {
  switch (op) {
    case 'equals':
      return `${key}=${value}`;
    case 'not-equals':
      return `${key}!=${value}`;
    case 'exists':
      return key;
    case 'does-not-exist':
      return `!${key}`;
    default:
      return op satisfies never;
  }
}

/** As field selectors have it. */
function escaped(value: string): string {
  return value.replace(/[\\,=]/g, '\\$&');
}
