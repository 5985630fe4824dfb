import type { ContainerFacts, ObjectFacts, OwnerFacts, PodFacts } from '../kubernetes.ts';
import type { ApiContainer, ApiMeta, ApiPod } from './api-objects.ts';
import type { Interner } from './interner.ts';
import type { Selection } from './wishes.ts';

/** Annotations by which the kubelet, and so the path of a cgroup, knows a static pod. */
export const STATIC_POD_HASHES = ['kubernetes.io/config.hash', 'kubernetes.io/config.mirror'] as const;

/** More runs than any pod has; a hostile status must not fill the memory. */
const MAX_CONTAINERS = 512;

/** What is kept of a pod, frozen. */
export function podFacts(pod: ApiPod, selection: Selection, { text }: Interner): PodFacts {
  const { metadata = {}, spec = {}, status = {} } = pod;
  const name = metadata.name ?? '';
  const owners = ownersOf(metadata, text);
  const ips = (status.podIPs ?? []).map(({ ip = '' }) => ip).filter((ip) => ip !== '');
  return Object.freeze({
    uid: metadata.uid ?? '',
    name,
    namespace: text(metadata.namespace ?? ''),
    node: text(spec.nodeName ?? ''),
    hostname: spec.hostname || name,
    startTime: status.startTime ?? '',
    ips: ips.length === 0 && status.podIP ? [status.podIP] : ips.length === 0 ? NONE : ips,
    hostNetwork: spec.hostNetwork === true,
    labels: picked(metadata.labels, selection.label, text),
    annotations: picked(metadata.annotations, (key) => HASHES.has(key) || selection.annotation(key), text),
    owners,
    workload: owners.at(-1),
    containers: containersOf(pod, text),
  });
}

/** What is kept of something that pods belong to. */
export function objectFacts(metadata: ApiMeta, selection: Selection, { text }: Interner): ObjectFacts {
  return Object.freeze({
    uid: metadata.uid ?? '',
    labels: picked(metadata.labels, selection.label, text),
    annotations: picked(metadata.annotations, selection.annotation, text),
  });
}

/** A pod that has ended; its addresses may be another's. */
export function hasEnded({ status }: ApiPod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

type Text = Interner['text'];

const HASHES: ReadonlySet<string> = new Set(STATIC_POD_HASHES);
const NONE: readonly never[] = Object.freeze([]);
const NOTHING: Readonly<Record<string, string>> = Object.freeze({});

function picked(
  all: Readonly<Record<string, string>> | undefined,
  isWanted: (key: string) => boolean,
  text: Text,
): Readonly<Record<string, string>> {
  let found: Record<string, string> | undefined;
  for (const key in all) {
    if (!isWanted(key)) continue;
    found ??= {};
    found[text(key)] = text(String(all[key]));
  }
  return found === undefined ? NOTHING : Object.freeze(found);
}

/**
 * The controller, and above it what its name tells: a Deployment, when the ReplicaSet's name ends in the pod's
 * `pod-template-hash`; a CronJob, when the Job's name ends in the minute it was made for. A mirror pod's node is no owner.
 */
function ownersOf(metadata: ApiMeta, text: Text): readonly OwnerFacts[] {
  const references = metadata.ownerReferences ?? [];
  const { kind = '', name = '', uid } = references.find(({ controller }) => controller === true) ?? references[0] ?? {};
  if (name === '' || kind === 'Node') return NONE;
  const owner = { kind: text(kind), name: text(name), uid: uid === undefined ? undefined : text(uid) };
  const above = aboveReplicaSet(kind, name, metadata.labels?.['pod-template-hash']) ?? aboveJob(kind, name, metadata);
  if (above === undefined) return [owner];
  return [owner, { kind: above.kind, name: text(above.name), uid: undefined }];
}

function aboveReplicaSet(kind: string, name: string, hash = ''): Pick<OwnerFacts, 'kind' | 'name'> | undefined {
  if (kind !== 'ReplicaSet' || hash === '' || !name.endsWith(`-${hash}`)) return undefined;
  return { kind: 'Deployment', name: name.slice(0, -hash.length - 1) };
}

function aboveJob(
  kind: string,
  name: string,
  { creationTimestamp }: ApiMeta,
): Pick<OwnerFacts, 'kind' | 'name'> | undefined {
  const [, cronJob, minute] = kind === 'Job' ? (/^(.+)-(\d{8,9})$/.exec(name) ?? []) : [];
  if (cronJob === undefined || creationTimestamp === undefined) return undefined;
  const late = Date.parse(creationTimestamp) - Number(minute) * 60_000;
  return Math.abs(late) < LATEST_RUN_MS ? { kind: 'CronJob', name: cronJob } : undefined;
}

/** A pod may be made long after its Job was due: retries, suspended Jobs. A number by chance is years away. */
const LATEST_RUN_MS = 30 * 24 * 3600_000;

function containersOf({ spec = {}, status = {} }: ApiPod, text: Text): readonly ContainerFacts[] {
  const containers: ContainerFacts[] = [];
  const { containerStatuses, initContainerStatuses, ephemeralContainerStatuses } = status;
  const specs = [...(spec.containers ?? []), ...(spec.initContainers ?? [])];
  for (const list of [containerStatuses, initContainerStatuses, ephemeralContainerStatuses]) {
    for (const written of list ?? []) {
      // The runtime writes the image with its registry into the status; people know it as they wrote it.
      const image = specs.find(({ name }) => name === written.name)?.image ?? written.image ?? '';
      const container = { ...written, image };
      const { lastState, restartCount = 0 } = container;
      add(containers, container, container.containerID ?? container.state?.terminated?.containerID, restartCount, text);
      add(containers, container, lastState?.terminated?.containerID, Math.max(restartCount - 1, 0), text);
      if (containers.length > MAX_CONTAINERS) return containers.slice(0, MAX_CONTAINERS);
    }
  }
  return containers.length === 0 ? NONE : containers;
}

function add(
  containers: ContainerFacts[],
  { name = '', image = '', imageID = '' }: ApiContainer,
  written: string | undefined,
  restarts: number,
  text: Text,
): void {
  const id = written === undefined ? '' : written.slice(written.indexOf('://') + 3);
  if (id === '' || written!.indexOf('://') < 0 || containers.some((known) => known.id === id)) return;
  const pulled = imageID.replace(/^[a-z-]+:\/\//, '');
  containers.push({
    id,
    name: text(name),
    image: text(image),
    imageId: pulled.includes('@') ? text(pulled) : '',
    restarts,
  });
}
