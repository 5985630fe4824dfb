import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { connectionFields, type OpenKubernetes, openKubernetes, podFilterField } from 'bpflow/kubernetes';
import { type FieldWish, z } from 'bpflow/sdk';
import type { FakeScope } from 'bpflow/testing';
import { KubeApiServer, reasonToSkip } from './kube-api-server.ts';
import { liveScope } from './live-scope.ts';
import { createNamespace, createPod } from './pods.ts';

const skip = reasonToSkip();
const schema = z.object({ ...connectionFields(), filter: podFilterField() });
const WORKLOADS = ['deployment', 'replicaset', 'statefulset', 'daemonset', 'job', 'cronjob'] as const;
const FROM = ['pod', 'namespace', 'node', ...WORKLOADS] as const;

describe('the rights of deploy/kubernetes/rbac.yaml', { skip: skip ?? false }, () => {
  let server: KubeApiServer;
  let opened: OpenKubernetes | undefined;

  before(async () => {
    server = await KubeApiServer.start();
    await createNamespace(server, 'shop');
    await createPod(server, { name: 'web-1', namespace: 'shop', node: 'node-1', deployment: 'web' });
  });
  after(async () => {
    await opened?.stop();
    await server?.stop();
  });

  /** With everything switched on, and each kind of workload asked for. */
  async function open(): Promise<FakeScope> {
    await opened?.stop();
    const { scope, fake } = liveScope();
    const settings = schema.parse({ service_account_path: server.serviceAccount });
    const options = { environment: server.environment };
    opened = openKubernetes({ ...settings, endpoints: true, max_pods: 100 }, scope, options);
    const labels: readonly FieldWish[] = FROM.map((from) => ({ from, key: 'app', key_regex: '' }));
    opened.kubernetes.want({ labels });
    opened.start();
    await opened.kubernetes.ready();
    for (const kind of WORKLOADS) opened.kubernetes.object(kind, 'any', 'shop');
    return fake;
  }

  /** Kinds whose requests the API refused. */
  function refused(scope: FakeScope): readonly string[] {
    const names = (scope.lastHealth?.details ?? []).map(
      (detail) => /may not read (\S+) \(/.exec(detail)?.[1] ?? detail,
    );
    return names.sort();
  }

  async function isAllowed(verb: string, group: string, resource: string): Promise<boolean> {
    const [name, subresource] = resource.split('/');
    const resourceAttributes = { verb, group, resource: name, ...(subresource && { subresource }) };
    const review = { spec: { user: 'system:serviceaccount:bpflow:bpflow', resourceAttributes } };
    const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews';
    return (await server.must<{ status: { allowed: boolean } }>('POST', path, review)).status.allowed;
  }

  test('suffice for everything', async () => {
    const scope = await open();
    const view = () => scope.view('kubernetes') as { workloads: { known: number; waiting: number } };
    await until(() => view().workloads.known > 0 && view().workloads.waiting === 0);
    assert.deepEqual(refused(scope), []);
    assert.equal(scope.lastHealth?.state, 'ok');
    assert.equal(await isAllowed('get', '', 'nodes/pods'), true);
  });

  test('are no more than that', async () => {
    const others = [
      ['get', '', 'secrets'],
      ['list', '', 'secrets'],
      ['list', '', 'configmaps'],
      ['get', '', 'nodes/proxy'],
      ['create', '', 'pods'],
      ['create', '', 'pods/exec'],
      ['list', 'apps', 'replicasets'],
      ['watch', 'apps', 'deployments'],
      ['list', 'batch', 'jobs'],
      ['list', '', 'services'],
    ] as const;
    for (const [verb, group, resource] of others) {
      assert.equal(await isAllowed(verb, group, resource), false, `${verb} ${group}/${resource}`);
    }
  });

  for (const [without, missing] of [
    ['namespaces', ['namespaces', 'nodes']],
    ['deployments', ['daemonsets', 'deployments', 'replicasets', 'statefulsets']],
    ['jobs', ['cronjobs', 'jobs']],
    ['endpointslices', ['endpointslices']],
  ] as const) {
    test(`are all needed: without the rule for ${without} just that is left out, and the rule is named`, async () => {
      await server.applyRights(({ resources }) => !resources.includes(without));
      await until(
        async () =>
          !(await isAllowed('get', groupOf(without), without)) &&
          !(await isAllowed('watch', groupOf(without), without)),
      );
      const scope = await open();
      await until(
        () => refused(scope).length === missing.length,
        () => JSON.stringify(scope.lastHealth),
      );
      assert.deepEqual(refused(scope), missing);
      assert.equal(scope.lastHealth?.state, 'degraded');
      assert.equal(opened!.kubernetes.synced, true);
      assert.equal([...opened!.kubernetes.pods()][0]?.workload?.name, 'web');
      for (const name of missing) {
        const rule = `{ apiGroups: ["${groupOf(name)}"], resources: ["${name}"]`;
        assert.ok(
          scope.lastHealth?.details?.some((detail) => detail.includes(rule)),
          rule,
        );
      }
      await server.applyRights();
      await until(
        () => scope.lastHealth?.state === 'ok' || refused(scope).every((name) => !isWatched(name)),
        () => JSON.stringify(scope.lastHealth),
      );
    });
  }

  test('in one namespace a Role is enough for pods, workloads and endpoints', async () => {
    await server.must('DELETE', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/bpflow');
    const rbac = { apiVersion: 'rbac.authorization.k8s.io/v1', metadata: { name: 'bpflow', namespace: 'shop' } };
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'bpflow' };
    const subjects = [{ kind: 'ServiceAccount', name: 'bpflow', namespace: 'bpflow' }];
    await server.apply({ ...rbac, kind: 'RoleBinding', roleRef, subjects } as Parameters<KubeApiServer['apply']>[0]);
    await until(async () => !(await isAllowed('watch', '', 'pods')));
    await opened?.stop();
    const { scope, fake } = liveScope();
    const settings = schema.parse({ service_account_path: server.serviceAccount, filter: { namespace: 'shop' } });
    opened = openKubernetes({ ...settings, endpoints: true, max_pods: 100 }, scope, {
      environment: server.environment,
    });
    opened.kubernetes.want({ objects: ['deployment'] });
    opened.start();
    await until(
      () => opened!.kubernetes.synced && fake.lastHealth?.state === 'ok',
      () => JSON.stringify(fake.lastHealth),
    );
    assert.equal([...opened.kubernetes.pods()].length, 1);
  });
});

function groupOf(resource: string): string {
  if (resource === 'endpointslices') return 'discovery.k8s.io';
  if (resource === 'jobs' || resource === 'cronjobs') return 'batch';
  return resource === 'namespaces' || resource === 'nodes' ? '' : 'apps';
}

/** What is tried again without being asked for. */
function isWatched(name: string): boolean {
  return ['namespaces', 'nodes', 'endpointslices'].includes(name);
}

async function until(isSo: () => boolean | Promise<boolean>, state: () => string = () => ''): Promise<void> {
  const end = performance.now() + 60_000;
  while (!(await isSo())) {
    if (performance.now() > end) assert.fail(`It never was so. ${state()}`);
    await wait(50);
  }
}
