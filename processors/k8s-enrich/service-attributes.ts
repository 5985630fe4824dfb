import type { ContainerFacts, PodFacts } from 'bpflow/sdk';
import { imageOf } from './image.ts';
import type { Metadata } from './metadata.ts';
import { ownerOf } from './owners.ts';

/** Recommended labels: of an instance, of an application, of its version. */
export const SERVICE_LABELS = [
  'app.kubernetes.io/instance',
  'app.kubernetes.io/name',
  'app.kubernetes.io/version',
] as const;

/** Prefix of annotations that say what an attribute is. */
export const ANNOTATION = 'resource.opentelemetry.io/';

/**
 * The `service.*` attributes as OpenTelemetry's operator and Collector compute them: an annotation of the pod, then its
 * recommended labels, then the name of what it was made from.
 */
export function serviceAttributes(
  pod: PodFacts,
  container: ContainerFacts | undefined,
  annotations: boolean,
): Readonly<Partial<Record<Metadata, string | undefined>>> {
  const said = (name: string): string | undefined => (annotations ? pod.annotations[ANNOTATION + name] : undefined);
  const [instance, application, version] = SERVICE_LABELS.map((label) => pod.labels[label]);
  const made = (['deployment', 'replicaset', 'statefulset', 'daemonset', 'cronjob', 'job'] as const).flatMap(
    (kind) => ownerOf(pod, kind)?.name ?? [],
  );
  const name = said('service.name') ?? instance ?? application ?? made[0] ?? pod.name;
  if (container === undefined) {
    return {
      'service.namespace': said('service.namespace') ?? pod.namespace,
      'service.name': name,
      'service.version': said('service.version') ?? version,
    };
  }
  const image = imageOf(container);
  return {
    'service.version': said('service.version') ?? version ?? (image.version || undefined),
    'service.instance.id': said('service.instance.id') ?? [pod.namespace, pod.name, container.name].join('.'),
  };
}
