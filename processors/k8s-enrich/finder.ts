import { identifyCgroup, type LocalContainers } from 'bpflow/containers';
import {
  type Attributes,
  type AttributeValue,
  type ContainerFacts,
  type Kubernetes,
  type PodFacts,
  type Resource,
  withResourceAttributes,
} from 'bpflow/sdk';
import { addressOf, type PodAssociation } from './association.ts';
import type { Extraction } from './extraction.ts';
import type { Finder, Finding, Reason } from './finding.ts';
import { imageOf } from './image.ts';
import { keys } from './pod-keys.ts';

export interface FinderOptions {
  /** Undefined off a cluster. */
  readonly cluster: Kubernetes | undefined;
  readonly local: LocalContainers;
  readonly extraction: Extraction;
  /** Whether a pod's data gets names. */
  readonly wanted: (pod: PodFacts) => boolean;
}

/** A static pod's uid in a cgroup's path: the hash of its configuration. */
const HASH = /^[0-9a-f]{32}$/;

/**
 * Names the agent's own data: a container by its id, a pod by the uid in its cgroup's path, and what is neither by its unit.
 * `hint` is the cgroup's path, where it is known.
 */
export function ownFinder({ cluster, local, extraction, wanted }: FinderOptions): Finder {
  return {
    find(resource, hint) {
      const { attributes } = resource;
      const identity = hint === '' ? {} : identifyCgroup(hint);
      const id = textOf(attributes.get('container.id')) || identity.containerId || '';
      const uid = textOf(attributes.get('k8s.pod.uid')) || identity.podUid || '';
      const asked = [...(id === '' ? [] : [keys.container(id)]), ...(uid === '' ? [] : [keys.uid(uid)])];
      if (asked.length === 0) return outside(resource, identity);
      const pod = cluster && ((id && cluster.podByContainer(id)) || (uid && cluster.podByUid(uid)) || undefined);
      if (cluster !== undefined && pod)
        return inPod({ extraction, cluster, wanted, own: true }, resource, pod, id, asked);
      const container = uid === '' ? local.find(id) : undefined;
      if (container !== undefined) {
        const image = imageOf({ image: container.image, imageId: '' });
        const names = {
          'container.name': container.name,
          'container.image.name': image.name,
          'container.image.tag': image.tag,
        };
        return settled(added(resource, names), undefined, asked);
      }
      return notFound(resource, cluster, asked);
    },
  };
}

export interface ForeignFinderOptions extends FinderOptions {
  readonly association: PodAssociation;
  /** Whether the address by which a pod is found is told as well. */
  readonly withAddress: boolean;
}

/** Names foreign data by its association. `hint` is the address of who sent it. */
export function foreignFinder(options: ForeignFinderOptions): Finder {
  const { cluster, association, withAddress } = options;
  return {
    find(resource, hint) {
      const { attributes } = resource;
      const { pod, keys: asked, connection } = association.find(attributes, hint);
      const seen = withAddress && connection !== undefined ? added(resource, { 'k8s.pod.ip': connection }) : resource;
      const id = textOf(attributes.get('container.id'));
      if (pod !== undefined && cluster !== undefined) return inPod({ ...options, cluster }, seen, pod, id, asked);
      const local = id === '' || textOf(attributes.get('k8s.pod.uid')) !== '' ? undefined : options.local.find(id);
      if (local !== undefined) return settled(added(seen, { 'container.name': local.name }), undefined, asked);
      if (cluster === undefined) return settled(seen, 'no_association', asked);
      const { attributes: names, complete } = options.extraction.named((key) => textOf(attributes.get(key)), cluster);
      const named = added(seen, names);
      // Whoever is not in a pod sends from an address, too; only what names a pod is worth waiting for.
      const mayCome = asked.length > 0 && !(connection !== undefined && cluster.synced);
      const reason = asked.length === 0 ? 'no_association' : cluster.synced ? 'not_found' : 'not_synced';
      return { resource: named, reason, mayCome: mayCome || !complete, keys: asked };
    },
  };
}

/** `passthrough`: the address, for a processor further on. */
export function passthroughFinder(): Finder {
  return {
    find(resource, hint) {
      const address = addressOf(resource.attributes, hint);
      return address === ''
        ? settled(resource, 'no_association', [])
        : settled(added(resource, { 'k8s.pod.ip': address }), undefined, []);
    },
  };
}

interface InPodOptions extends Pick<FinderOptions, 'extraction' | 'wanted'> {
  readonly cluster: Kubernetes;
  /** Whether it is known for sure that what has no container id is in none. */
  readonly own?: boolean;
}

function inPod(
  { cluster, extraction, wanted, own = false }: InPodOptions,
  resource: Resource,
  pod: PodFacts,
  id: string,
  asked: readonly string[],
): Finding {
  const all = [...asked, keys.pod(pod.uid)];
  if (!wanted(pod)) return settled(resource, 'excluded', all);
  const { attributes } = resource;
  const name = textOf(attributes.get('k8s.container.name'));
  const run = attributes.get('k8s.container.restart_count');
  const container = containerOf(pod, { id, name, run, own });
  const { attributes: ofPod, complete } = extraction.pod(pod, cluster);
  const names = { ...ofPod, ...(container && extraction.container(pod, container.facts, container.isRun)) };
  const named = added(resource, names);
  const uid = textOf(attributes.get('k8s.pod.uid'));
  const result = HASH.test(uid) && uid !== pod.uid ? replaced(named, { 'k8s.pod.uid': pod.uid }) : named;
  // Its status comes later than the container; of a sandbox, which is in no status, it never does.
  const mayCome = !complete || (id !== '' && name === '' && container === undefined);
  return { resource: result, reason: undefined, mayCome, keys: all };
}

/** The name of the pod's container where it has only one, as the Collector guesses. */
function onlyName(pod: PodFacts): string {
  const names = new Set(pod.containers.map(({ name }) => name));
  return names.size === 1 ? pod.containers[0]!.name : '';
}

interface Asked {
  readonly id: string;
  readonly name: string;
  /** `k8s.container.restart_count`. */
  readonly run: AttributeValue | undefined;
  readonly own: boolean;
}

/** The container by its name or else its id, and whether it is the run that is meant: of several the last, unless it is said which. */
function containerOf(
  pod: PodFacts,
  { id, name, run, own }: Asked,
): { readonly facts: ContainerFacts; readonly isRun: boolean } | undefined {
  if (name === '' && id !== '') {
    const facts = pod.containers.find((each) => each.id === id);
    return facts && { facts, isRun: true };
  }
  const wanted = name || (own ? '' : onlyName(pod));
  const runs = pod.containers.filter((each) => each.name === wanted).sort((a, b) => b.restarts - a.restarts);
  const facts = run === undefined ? runs[0] : runs.find(({ restarts }) => restarts === Number(run));
  return facts === undefined ? runs[0] && { facts: runs[0], isRun: false } : { facts, isRun: true };
}

function notFound(resource: Resource, cluster: Kubernetes | undefined, asked: readonly string[]): Finding {
  if (cluster === undefined) return settled(resource, 'no_association', asked);
  const reason: Reason = cluster.synced ? 'not_found' : 'not_synced';
  return { resource, reason, mayCome: true, keys: asked };
}

function outside(resource: Resource, { containerName, unit, userUnit }: ReturnType<typeof identifyCgroup>): Finding {
  const name = containerName ?? (textOf(resource.attributes.get('container.name')) || undefined);
  const names = { 'container.name': name, 'systemd.unit.name': unit, 'systemd.user_unit.name': userUnit };
  const isKnown = Object.values(names).some((value) => value !== undefined);
  return settled(added(resource, names), isKnown ? undefined : 'no_association', []);
}

function settled(resource: Resource, reason: Reason | undefined, asked: readonly string[]): Finding {
  return { resource, reason, mayCome: false, keys: asked };
}

/** With what the resource does not say itself. */
function added(resource: Resource, names: Readonly<Record<string, AttributeValue | undefined>>): Resource {
  const missing: Record<string, AttributeValue> = {};
  for (const [key, value] of Object.entries(names)) {
    if (value === undefined || value === '') continue;
    const said = resource.attributes.get(key);
    if (said === undefined || said === '') missing[key] = value;
  }
  return replaced(resource, missing);
}

function replaced(resource: Resource, attributes: Attributes): Resource {
  return withResourceAttributes(resource, resource.attributes.with(attributes));
}

function textOf(value: AttributeValue | undefined): string {
  return typeof value === 'string' ? value : '';
}
