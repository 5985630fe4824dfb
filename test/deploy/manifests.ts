import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';

export const folder = join(import.meta.dirname, '..', '..', 'deploy', 'kubernetes');

export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly [key: string]: unknown;
}

export interface SecurityContext {
  readonly runAsUser?: number;
  readonly runAsNonRoot?: boolean;
  readonly privileged?: boolean;
  readonly allowPrivilegeEscalation?: boolean;
  readonly readOnlyRootFilesystem?: boolean;
  readonly seccompProfile?: { readonly type: string };
  readonly capabilities?: { readonly drop?: readonly string[]; readonly add?: readonly string[] };
}

interface Probe {
  readonly httpGet?: { readonly port: string; readonly path: string };
  readonly tcpSocket?: { readonly port: string };
}

export interface Container {
  readonly image: string;
  readonly command: readonly string[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly env: readonly { readonly name: string }[];
  readonly startupProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly resources: { readonly requests?: object; readonly limits?: { readonly memory?: string } };
  readonly securityContext: SecurityContext;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
}

export interface PodSpec {
  readonly serviceAccountName?: string;
  readonly automountServiceAccountToken?: boolean;
  readonly securityContext?: SecurityContext;
  readonly containers: readonly [Container];
  readonly volumes: readonly {
    readonly name: string;
    readonly hostPath?: { readonly path: string };
    readonly configMap?: { readonly name: string };
    readonly secret?: { readonly secretName: string };
  }[];
}

/** The objects of one of the files. */
export function objectsOf(file: string): readonly KubernetesObject[] {
  return parseAllDocuments(readFileSync(join(folder, file), 'utf8')).map((document) => {
    if (document.errors.length > 0) throw document.errors[0]!;
    return document.toJS() as KubernetesObject;
  });
}

export function only<T = KubernetesObject>(objects: readonly KubernetesObject[], kind: string): T {
  const found = objects.filter((object) => object.kind === kind);
  if (found.length !== 1) throw new Error(`There are ${found.length} of ${kind}.`);
  return found[0] as T;
}

export function podOf(objects: readonly KubernetesObject[]): PodSpec {
  return only<{ spec: { template: { spec: PodSpec } } }>(objects, 'DaemonSet').spec.template.spec;
}

/** The agent's configuration in a ConfigMap, as text. */
export function configurationOf(objects: readonly KubernetesObject[]): string {
  return only<{ data: Record<string, string> }>(objects, 'ConfigMap').data['config.yaml'] ?? '';
}

interface AgentConfig {
  readonly exporters: { readonly prometheus: { readonly endpoint: string } };
  readonly extensions: { readonly health_check: { readonly endpoint: string } };
  readonly receivers: { readonly hubble?: { readonly endpoint: string; readonly tls?: Record<string, string> } };
  readonly service: {
    readonly telemetry: {
      readonly metrics: {
        readonly readers: readonly [
          { readonly pull: { readonly exporter: { readonly prometheus: { readonly port: number } } } },
        ];
      };
    };
  };
}

/** What is wrong with the objects that run an agent, one sentence each. `capabilities`: those that it needs. */
export function problemsOf(objects: readonly KubernetesObject[], capabilities: readonly string[]): readonly string[] {
  const pod = podOf(objects);
  const [container] = pod.containers;
  return [
    ...nameProblems(objects, pod),
    ...rightProblems({ ...pod.securityContext, ...container.securityContext }, capabilities),
    ...portProblems(objects, container),
    ...mountProblems(objects, pod),
    ...(container.resources.requests === undefined ? ['There is no request for resources.'] : []),
    ...(container.resources.limits?.memory === undefined ? ['There is no limit of memory.'] : []),
  ];
}

function nameProblems(objects: readonly KubernetesObject[], pod: PodSpec): readonly string[] {
  const { namespace } = only(objects, 'DaemonSet').metadata;
  const problems = objects.flatMap(({ kind, metadata }) =>
    metadata.namespace === undefined || metadata.namespace === namespace ? [] : [`${kind} is in another namespace.`],
  );
  if (only(objects, 'Namespace').metadata.name !== namespace) problems.push('The namespace is not made.');
  const accounts = objects.filter(({ kind }) => kind === 'ServiceAccount').map(({ metadata }) => metadata.name);
  const account = pod.serviceAccountName;
  if (account !== undefined && !accounts.includes(account)) problems.push(`There is no service account ${account}.`);
  if (account === undefined && pod.automountServiceAccountToken !== false)
    problems.push('It gets a token it has no use for.');
  return problems;
}

function rightProblems(context: SecurityContext, needed: readonly string[]): readonly string[] {
  const { capabilities } = context;
  const added = [...(capabilities?.add ?? [])].sort();
  return [
    ...(context.privileged === true ? ['It is privileged.'] : []),
    ...(context.allowPrivilegeEscalation === false ? [] : ['It may escalate.']),
    ...(context.readOnlyRootFilesystem === true ? [] : ['Its root can be written.']),
    ...(context.seccompProfile?.type === 'RuntimeDefault' ? [] : ['It has no seccomp profile.']),
    ...(capabilities?.drop?.includes('ALL') === true ? [] : ['It keeps capabilities.']),
    ...(added.join() === [...needed].sort().join()
      ? []
      : [`It adds ${added.join() || 'no capability'}, not ${needed.join()}.`]),
    // What is added counts for root alone; without it nobody needs root.
    ...((context.runAsUser === 0) === needed.length > 0
      ? []
      : ['It is root without need, or has no use of its rights.']),
  ];
}

function portProblems(objects: readonly KubernetesObject[], container: Container): readonly string[] {
  const config = parse(configurationOf(objects)) as AgentConfig;
  const portOf = (endpoint: string): number => Number(endpoint.slice(endpoint.lastIndexOf(':') + 1));
  const wanted: Readonly<Record<string, number>> = {
    metrics: portOf(config.exporters.prometheus.endpoint),
    telemetry: config.service.telemetry.metrics.readers[0].pull.exporter.prometheus.port,
    health: portOf(config.extensions.health_check.endpoint),
  };
  const declared = Object.fromEntries(container.ports.map(({ name, containerPort }) => [name, containerPort]));
  const problems = Object.entries(wanted).flatMap(([name, port]) =>
    declared[name] === port ? [] : [`Port ${name} is ${declared[name]}, and the agent listens at ${port}.`],
  );
  for (const which of ['startupProbe', 'readinessProbe', 'livenessProbe'] as const) {
    const probe = container[which];
    if ((probe?.httpGet ?? probe?.tcpSocket)?.port !== 'health')
      problems.push(`The ${which} does not ask health_check.`);
  }
  for (const { kind, spec } of objects) {
    if (kind !== 'Service') continue;
    for (const { targetPort, port } of (spec as { ports: readonly { targetPort: string; port: number }[] }).ports) {
      if (declared[targetPort] !== port)
        problems.push(`The service's port ${port} leads to ${targetPort}, ${declared[targetPort]}.`);
    }
  }
  return problems;
}

function mountProblems(objects: readonly KubernetesObject[], pod: PodSpec): readonly string[] {
  const [{ volumeMounts: mounts, command }] = pod.containers;
  const problems: string[] = [];
  const volumes = new Map(pod.volumes.map((volume) => [volume.name, volume]));
  for (const { name, mountPath, readOnly } of mounts) {
    const volume = volumes.get(name);
    if (volume === undefined) problems.push(`There is no volume ${name}.`);
    const isOfNode = volume?.hostPath !== undefined || volume?.secret !== undefined || volume?.configMap !== undefined;
    if (isOfNode && readOnly !== true) problems.push(`${mountPath} can be written.`);
    if (volume?.hostPath !== undefined && volume.hostPath.path !== mountPath)
      problems.push(`${mountPath} is another folder of the node.`);
  }
  for (const { name, configMap } of pod.volumes) {
    if (!mounts.some((mount) => mount.name === name)) problems.push(`The volume ${name} is not mounted.`);
    const map = only(objects, 'ConfigMap').metadata.name;
    if (configMap !== undefined && configMap.name !== map) problems.push(`There is no ConfigMap ${configMap.name}.`);
  }
  const { receivers } = parse(configurationOf(objects)) as AgentConfig;
  const { endpoint = '', tls = {} } = receivers.hubble ?? {};
  const files = [
    ...(endpoint.startsWith('unix://') ? [endpoint.slice('unix://'.length)] : []),
    ...Object.entries(tls).flatMap(([key, value]) => (key.endsWith('_file') ? [value] : [])),
    command.at(-1)!,
    '/run/bpflow/bpflow.sock',
  ];
  for (const file of files) {
    if (!mounts.some(({ mountPath }) => file.startsWith(`${mountPath}/`))) problems.push(`${file} is on no mount.`);
  }
  return problems;
}
