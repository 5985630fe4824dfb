import type { KnownContainer, KnownPod } from './cluster.ts';
import { imageOf } from './image.ts';
import type { Metadata } from './metadata.ts';

const ANNOTATION = 'resource.opentelemetry.io/';

/**
 * The `service.*` attributes as OpenTelemetry's operator and Collector compute them: an annotation of the pod, then its
 * recommended labels, then the name of what it was made from.
 */
export function serviceAttributes(
  pod: KnownPod,
  container: KnownContainer | undefined,
  annotations: boolean,
): Readonly<Partial<Record<Metadata, string | undefined>>> {
  const said = (name: string): string | undefined => (annotations ? pod.annotations[ANNOTATION + name] : undefined);
  const { owners, labels } = pod;
  const made = (['deployment', 'replicaset', 'statefulset', 'daemonset', 'cronjob', 'job'] as const).flatMap(
    (kind) => owners[kind]?.name ?? [],
  );
  const name =
    said('service.name') ??
    labels['app.kubernetes.io/instance'] ??
    labels['app.kubernetes.io/name'] ??
    made[0] ??
    pod.name;
  if (container === undefined) {
    return {
      'service.namespace': said('service.namespace') ?? pod.namespace,
      'service.name': name,
      'service.version': said('service.version') ?? labels['app.kubernetes.io/version'],
    };
  }
  const image = imageOf(container);
  return {
    'service.version':
      said('service.version') ?? labels['app.kubernetes.io/version'] ?? (image.tag || digestOf(image.digest)),
    'service.instance.id': said('service.instance.id') ?? [pod.namespace, pod.name, container.name].join('.'),
  };
}

function digestOf(repository: string): string | undefined {
  return repository === '' ? undefined : repository.slice(repository.indexOf('@') + 1);
}
