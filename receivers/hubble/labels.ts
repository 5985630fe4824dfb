import type { Endpoint } from './endpoints.ts';

/** How one end of a flow can be told; Cilium's context identifiers. */
export const IDENTIFIERS = [
  'identity',
  'namespace',
  'pod',
  'pod-name',
  'dns',
  'ip',
  'reserved-identity',
  'workload',
  'workload-name',
  'app',
  'service',
] as const;
export type Identifier = (typeof IDENTIFIERS)[number];

/** What both ends have a label of; Cilium's `labelsContext`, and `service`. */
const END_LABELS = ['ip', 'pod', 'namespace', 'workload', 'workload_kind', 'app', 'service'] as const;
type EndLabel = (typeof END_LABELS)[number];

/** In the order in which they stand on a series. */
export const CONTEXT_LABELS = [
  ...END_LABELS.map((label) => `source_${label}` as const),
  ...END_LABELS.map((label) => `destination_${label}` as const),
  'traffic_direction',
  'node_name',
] as const;
export type ContextLabel = (typeof CONTEXT_LABELS)[number];

/** One end of one flow: the endpoint and what only the flow knows of it. */
export interface End {
  readonly endpoint: Endpoint;
  readonly ip: string;
  /** All names joined by commas. */
  readonly names: string;
  /** `namespace/name`. */
  readonly service: string;
}

/** Whether the label or identifier needs more than the endpoint. */
export function needsFlow(name: Identifier | EndLabel): boolean {
  return name === 'ip' || name === 'dns' || name === 'service';
}

export function endLabel(label: ContextLabel): EndLabel | undefined {
  const [, name] = /^(?:source|destination)_(.*)$/.exec(label) ?? [];
  return name as EndLabel | undefined;
}

/** Finds workloads where the agent does not tell them. */
export type WorkloadOf = (endpoint: Endpoint) => { readonly name: string; readonly kind: string };

/** The value of an end's label; empty where it has none. */
export function labelOf(label: EndLabel, { endpoint, ip, service }: End, workloadOf: WorkloadOf): string {
  switch (label) {
    case 'ip':
      return ip;
    case 'pod':
      return endpoint.pod;
    case 'namespace':
      return endpoint.namespace;
    case 'workload':
      return workloadOf(endpoint).name;
    case 'workload_kind':
      return workloadOf(endpoint).kind;
    case 'app':
      return appOf(endpoint);
    case 'service':
      return service;
    default:
      return label satisfies never;
  }
}

/** The value of an end under an identifier; empty where it has none. As Cilium makes them. */
export function identifierOf(identifier: Identifier, end: End, workloadOf: WorkloadOf): string {
  const { endpoint } = end;
  const inNamespace = (name: string): string =>
    name !== '' && endpoint.namespace !== '' ? `${endpoint.namespace}/${name}` : name;
  switch (identifier) {
    case 'identity':
      return endpoint.labels.join(',');
    case 'namespace':
      return endpoint.namespace;
    case 'pod':
      return endpoint.namespace === '' ? endpoint.pod : `${endpoint.namespace}/${endpoint.pod}`;
    case 'pod-name':
      return endpoint.pod;
    case 'dns':
      return end.names;
    case 'ip':
      return end.ip;
    case 'reserved-identity':
      return reservedOf(endpoint);
    case 'workload':
      return inNamespace(workloadOf(endpoint).name);
    case 'workload-name':
      return workloadOf(endpoint).name;
    case 'app':
      return appOf(endpoint);
    case 'service':
      return end.service;
    default:
      return identifier satisfies never;
  }
}

const API_SERVER = 'reserved:kube-apiserver';
const APP_LABELS = ['k8s:app.kubernetes.io/name=', 'k8s:k8s-app=', 'k8s:app='];

export function reservedOf({ labels }: Endpoint): string {
  if (labels.includes(API_SERVER)) return API_SERVER;
  return labels.find((label) => label.startsWith('reserved:')) ?? '';
}

/** The first of the labels that people name applications by. */
export function appOf({ labels }: Endpoint): string {
  for (const label of labels) {
    for (const prefix of APP_LABELS) {
      if (label.startsWith(prefix) && label.length > prefix.length) return label.slice(prefix.length);
    }
  }
  return '';
}

const NO_WORKLOAD = { name: '', kind: '' };

/** What the agent told, and nothing else. */
export function toldWorkload({ workload, workloadKind }: Endpoint): { readonly name: string; readonly kind: string } {
  return workload === '' ? NO_WORKLOAD : { name: workload, kind: workloadKind };
}

/**
 * The workload of a pod, told or read out of the pod's name: agents tell it for pods of their own node only. Names of Deployments' pods end
 * in the template's hash and five characters more, of StatefulSets' in a number, of DaemonSets' in five characters.
 */
export function derivedWorkload(endpoint: Endpoint): { readonly name: string; readonly kind: string } {
  if (endpoint.workload !== '' || endpoint.pod === '') return toldWorkload(endpoint);
  const [, deployment] = /^(.+)-[bcdf-hj-np-tv-xz24-9]{6,10}-[a-z0-9]{5}$/.exec(endpoint.pod) ?? [];
  if (deployment !== undefined) return { name: deployment, kind: 'Deployment' };
  const [, stateful] = /^(.+)-\d{1,5}$/.exec(endpoint.pod) ?? [];
  if (stateful !== undefined) return { name: stateful, kind: 'StatefulSet' };
  const [, daemon] = /^(.+)-[bcdf-hj-np-tv-xz24-9]{5}$/.exec(endpoint.pod) ?? [];
  return daemon === undefined ? { name: endpoint.pod, kind: 'Pod' } : { name: daemon, kind: 'DaemonSet' };
}
