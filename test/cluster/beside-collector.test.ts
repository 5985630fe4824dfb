import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { type Agent, agents, start } from '../peers/agents.ts';
import { freeAddresses, type RunningProgram, until } from '../peers/program.ts';
import { missing, root } from '../peers/programs.ts';
import { KubeApiServer } from './kube-api-server.ts';

type Attributes = Readonly<Record<string, string | number>>;

const NAMESPACE = 'shop';
const DIGEST = `sha256:${'cd'.repeat(32)}`;
const HASH = '67bd7dcb4f';
const id = (seed: string): string => Buffer.from(seed.padEnd(32, '.')).toString('hex').slice(0, 64);

/** What each configuration of the processor makes of every resource. */
const PROCESSORS: Readonly<Record<string, object>> = {
  'by pod uid': { pod_association: [rule('k8s.pod.uid')] },
  'by container id': {
    pod_association: [rule('container.id')],
    extract: { metadata: ['k8s.container.name', 'k8s.pod.name', 'container.image.name', 'container.image.tag'] },
  },
  'by name, by address, and what is not there': {
    pod_association: [rule('k8s.namespace.name', 'k8s.pod.name'), rule('k8s.pod.ip'), rule('host.name'), rule('team')],
    extract: { labels: [{ key: 'team', tag_name: 'team' }] },
  },
  'by the connection': {
    pod_association: [{ sources: [{ from: 'connection' }] }],
    extract: { metadata: ['k8s.pod.name', 'k8s.pod.ip'] },
  },
  'all metadata': {
    pod_association: [rule('k8s.pod.uid')],
    extract: {
      metadata: [
        'k8s.namespace.name',
        'k8s.pod.name',
        'k8s.pod.uid',
        'k8s.pod.ip',
        'k8s.deployment.name',
        'k8s.deployment.uid',
        'k8s.replicaset.name',
        'k8s.replicaset.uid',
        'k8s.daemonset.name',
        'k8s.daemonset.uid',
        'k8s.statefulset.name',
        'k8s.statefulset.uid',
        'k8s.job.name',
        'k8s.job.uid',
        'k8s.cronjob.name',
        'k8s.node.name',
        'k8s.node.uid',
        'k8s.cluster.uid',
        'k8s.container.name',
        'container.id',
        'container.image.name',
        'container.image.tag',
        'container.image.repo_digests',
        'service.namespace',
        'service.name',
        'service.version',
        'service.instance.id',
      ],
      otel_annotations: true,
    },
  },
  'labels and annotations': {
    pod_association: [rule('k8s.pod.uid')],
    extract: {
      // It has labels of nodes and workloads only where these are asked for, too, and then also the node's uid.
      metadata: [
        'k8s.pod.name',
        'k8s.node.name',
        'k8s.node.uid',
        'k8s.deployment.name',
        'k8s.statefulset.name',
        'k8s.daemonset.name',
        'k8s.job.name',
      ],
      labels: [
        { key: 'team' },
        { key: 'absent' },
        { key: 'team', tag_name: 'named', from: 'pod' },
        { key_regex: 'app.*' },
        { key_regex: 'app\\.(.*)/(.*)', tag_name: '$1-$2' },
        { key_regex: 'te.m', tag_name: 'ignored' },
        { key: 'env', from: 'namespace' },
        { key: 'zone', from: 'node' },
        { key: 'tier', from: 'deployment' },
        { key: 'tier', from: 'statefulset' },
        { key: 'tier', from: 'daemonset' },
        { key: 'tier', from: 'job' },
      ],
      annotations: [{ key: 'note' }, { key_regex: 'no(.*)', tag_name: 'n$1' }, { key: 'note', from: 'namespace' }],
    },
  },
  passthrough: { passthrough: true },
  'filters and exclusions': {
    pod_association: [rule('k8s.pod.uid')],
    filter: { labels: [{ key: 'team', op: 'exists' }] },
    exclude: { pods: [{ name: 'cron.*' }] },
  },
};

const skip = reasonToSkip();

describe('k8s_attributes beside the Collector, on one API server', { skip }, () => {
  let server: KubeApiServer;
  const uids = new Map<string, string>();

  before(async () => {
    server = await KubeApiServer.start();
    // Both read the file that this names.
    process.env['KUBECONFIG'] = join(server.folder, 'kubeconfig');
    writeFileSync(process.env['KUBECONFIG'], kubeconfig(server));
    await makeObjects(server, uids);
  });
  after(() => server?.stop());

  for (const [what, processor] of Object.entries(PROCESSORS)) {
    test(what, async () => {
      const resources = resourcesOf(uids);
      const [theirs, ours] = await Promise.all(agents.map((agent) => enriched(agent, server, processor, resources)));
      for (const [i, resource] of resources.entries()) {
        assert.deepEqual(ours![i], theirs![i], `of ${JSON.stringify(resource)}`);
      }
    });
  }
});

function rule(...names: readonly string[]) {
  return { sources: names.map((name) => ({ from: 'resource_attribute', name })) };
}

function resourcesOf(uids: ReadonlyMap<string, string>): readonly Attributes[] {
  const uid = (name: string): Attributes => ({ 'k8s.pod.uid': uids.get(name)! });
  return [
    ...[...uids.keys()].map(uid),
    { ...uid('two'), 'k8s.container.name': 'proxy' },
    { ...uid('two'), 'k8s.container.name': 'app', 'k8s.container.restart_count': 0 },
    { ...uid('two'), 'k8s.container.name': 'app', 'k8s.container.restart_count': '1' },
    { ...uid('two'), 'k8s.container.name': 'none' },
    { ...uid('two'), 'container.id': id('two-proxy') },
    { ...uid('web'), 'container.id': id('nobody') },
    { ...uid('web'), 'k8s.namespace.name': 'said', 'k8s.pod.name': '' },
    { 'container.id': id('web-app') },
    { 'container.id': id('nobody') },
    { 'k8s.pod.uid': 'nobody' },
    { 'k8s.pod.name': 'web', 'k8s.namespace.name': NAMESPACE },
    { 'k8s.pod.name': 'web', 'k8s.namespace.name': 'other' },
    { 'k8s.pod.ip': '10.0.0.2' },
    { 'host.name': '10.0.0.2' },
    { 'host.name': 'web' },
    { team: 'shop-two' },
    { 'k8s.namespace.name': NAMESPACE },
    { 'k8s.node.name': 'node-1' },
    { 'service.name': 'x' },
    {},
  ];
}

/** The resources as an agent hands them on, in order. */
async function enriched(
  agent: Agent,
  server: KubeApiServer,
  processor: object,
  resources: readonly Attributes[],
): Promise<readonly unknown[]> {
  const [address] = (await freeAddresses(1)) as [string];
  const file = join(server.folder, `${agent.name}-${address.replace(':', '-')}.json`);
  const own = agent.name === 'bpflow' ? { hold: { timeout: '1s' } } : {};
  const k8s_attributes = { auth_type: 'kubeConfig', wait_for_metadata: true, ...own, ...processor };
  await using running: RunningProgram = await start(agent, {
    receivers: { otlp: { protocols: { http: { endpoint: address } } } },
    processors: { k8s_attributes },
    exporters: { file: { path: file, flush_interval: '100ms' } },
    service: {
      telemetry: { metrics: { level: 'none' } },
      pipelines: { logs: { receivers: ['otlp'], processors: ['k8s_attributes'], exporters: ['file'] } },
    },
  });
  // It says that it is ready before all that it watches is there.
  await wait(2000);
  const text = (key: string, value: string | number) => ({
    key,
    value: typeof value === 'number' ? { intValue: String(value) } : { stringValue: value },
  });
  const response = await fetch(`http://${address}/v1/logs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      resourceLogs: resources.map((resource, i) => ({
        resource: { attributes: Object.entries(resource).map(([key, value]) => text(key, value)) },
        scopeLogs: [{ logRecords: [{ body: { stringValue: String(i) } }] }],
      })),
    }),
  });
  assert.equal(response.status, 200);
  const found = new Map<number, unknown>();
  await until(
    () => {
      for (const line of readFileSync(file, 'utf8').split('\n').slice(0, -1)) collect(JSON.parse(line) as Lines, found);
      return found.size === resources.length;
    },
    () => `${agent.name} handed on ${found.size} of ${resources.length}:\n${running.log}`,
  );
  return resources.map((_, i) => found.get(i));
}

interface Lines {
  readonly resourceLogs: readonly {
    readonly resource: { readonly attributes?: readonly { readonly key: string; readonly value: unknown }[] };
    readonly scopeLogs: readonly {
      readonly logRecords: readonly { readonly body: { readonly stringValue: string } }[];
    }[];
  }[];
}

function collect({ resourceLogs }: Lines, found: Map<number, unknown>): void {
  for (const { resource, scopeLogs } of resourceLogs) {
    const attributes = (resource.attributes ?? []).filter(
      // It writes what is empty as well, and takes the creation for the start.
      ({ key, value }) => key !== 'k8s.pod.start_time' && !isEmpty(value),
    );
    const sorted = attributes.map(({ key, value }) => [key, value] as const).sort(([a], [b]) => (a < b ? -1 : 1));
    for (const { logRecords } of scopeLogs)
      for (const { body } of logRecords) found.set(Number(body.stringValue), sorted);
  }
}

function isEmpty(value: unknown): boolean {
  return (value as { readonly stringValue?: string }).stringValue === '';
}

interface Made {
  readonly metadata: { readonly uid: string };
}

/** A cluster's objects, and the uids of its pods by name. */
async function makeObjects(server: KubeApiServer, uids: Map<string, string>): Promise<void> {
  await server.must('POST', '/api/v1/namespaces', {
    metadata: { name: NAMESPACE, labels: { env: 'prod' }, annotations: { note: 'of the namespace' } },
  });
  await server.must('POST', `/api/v1/namespaces/${NAMESPACE}/serviceaccounts`, { metadata: { name: 'default' } });
  await server.must('POST', '/api/v1/nodes', { metadata: { name: 'node-1', labels: { zone: 'z' } } });
  const owner = async (api: string, kind: string, name: string, spec: object, owners: readonly object[] = []) => {
    const plural = `${kind.toLowerCase()}s`;
    const made = await server.must<Made>('POST', `/apis/${api}/namespaces/${NAMESPACE}/${plural}`, {
      metadata: { name, labels: { tier: `of-${kind}` }, ownerReferences: owners },
      spec,
    });
    return [{ apiVersion: api, kind, name, uid: made.metadata.uid, controller: true }];
  };
  const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'x', image: 'x' }] } };
  const selector = { matchLabels: { a: 'b' } };
  const once = { ...template, spec: { ...template.spec, restartPolicy: 'Never' } };
  const deployment = await owner('apps/v1', 'Deployment', 'web', { selector, template });
  const cronJob = await owner('batch/v1', 'CronJob', 'cron', {
    schedule: '* * * * *',
    jobTemplate: { spec: { template: once } },
  });
  const minute = Math.floor(Date.now() / 60_000);
  const owners: Readonly<Record<string, readonly object[]>> = {
    web: await owner('apps/v1', 'ReplicaSet', `web-${HASH}`, { selector, template }, deployment),
    daemon: await owner('apps/v1', 'DaemonSet', 'daemon', { selector, template }),
    stateful: await owner('apps/v1', 'StatefulSet', 'stateful', { selector, template, serviceName: 's' }),
    cron: await owner('batch/v1', 'Job', `cron-${minute}`, { template: once }, cronJob),
  };
  const pods: readonly PodSketch[] = [
    { name: 'web', ip: '10.0.0.1', images: { app: 'nginx:1.27' }, labels: { 'pod-template-hash': HASH } },
    {
      name: 'two',
      ip: '10.0.0.2',
      images: { app: `registry:5000/team/app:2@${DIGEST}`, proxy: 'envoy' },
      annotations: { 'resource.opentelemetry.io/service.name': 'said', 'resource.opentelemetry.io/extra': 'more' },
      restarts: 1,
    },
    { name: 'daemon', ip: '10.0.0.3', images: { app: `app@${DIGEST}` } },
    { name: 'stateful', ip: '10.0.0.4', images: { app: 'app:1' }, labels: { 'app.kubernetes.io/version': '9' } },
    { name: 'cron', ip: '10.0.0.5', images: { app: 'app:1' } },
    { name: 'bare', ip: '10.0.0.6', images: { app: 'app:1' }, labels: { 'app.kubernetes.io/instance': 'instance' } },
    { name: 'jaeger-agent', ip: '10.0.0.8', images: { app: 'app:1' } },
  ];
  for (const sketch of pods) uids.set(sketch.name, await makePod(server, sketch, owners[sketch.name] ?? []));
}

interface PodSketch {
  readonly name: string;
  readonly ip: string;
  readonly images: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly restarts?: number;
}

async function makePod(server: KubeApiServer, sketch: PodSketch, ownerReferences: readonly object[]): Promise<string> {
  const { name, ip, images, labels, annotations, restarts = 0 } = sketch;
  const containers = Object.entries(images).map(([container, image]) => ({ name: container, image }));
  const path = `/api/v1/namespaces/${NAMESPACE}/pods`;
  const pod = await server.must<Made & object>('POST', path, {
    metadata: {
      name,
      labels: { 'app.kubernetes.io/name': `app-${name}`, ...(name !== 'bare' && { team: `shop-${name}` }), ...labels },
      annotations: { note: `of ${name}`, ...annotations },
      ownerReferences,
    },
    spec: { nodeName: 'node-1', containers },
  });
  await server.must('PUT', `${path}/${name}/status`, {
    ...pod,
    status: {
      phase: 'Running',
      podIP: ip,
      podIPs: [{ ip }],
      startTime: '2026-01-01T00:00:00Z',
      containerStatuses: containers.map((container) => ({
        name: container.name,
        image: `docker.io/library/${container.image}`,
        imageID: `docker.io/library/${container.name}@${DIGEST}`,
        containerID: `containerd://${id(`${name}-${container.name}`)}`,
        ready: true,
        restartCount: restarts,
        state: { running: { startedAt: '2026-01-01T00:00:01Z' } },
      })),
    },
  });
  return pod.metadata.uid;
}

function kubeconfig({ folder, port }: KubeApiServer): string {
  const file = (name: string) => join(folder, name);
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'c', cluster: { server: `https://127.0.0.1:${port}`, 'certificate-authority': file('ca.crt') } },
    ],
    users: [{ name: 'u', user: { 'client-certificate': file('admin.crt'), 'client-key': file('admin.key') } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  });
}

function reasonToSkip(): string | false {
  if (process.env['BPFLOW_SUITE'] !== 'full')
    return 'needs BPFLOW_SUITE=full: a Collector and an API server take minutes to build';
  const built = spawnSync('bash', [join(root, 'scripts', 'build-kube.sh')], { encoding: 'utf8' });
  return built.status === 0 ? missing('otelcol') : `needs Kubernetes: ${built.stderr.trim()}`;
}
