import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import {
  connectionFields,
  type OpenKubernetes,
  type OpenKubernetesOptions,
  openKubernetes,
  podFilterField,
} from 'bpflow/kubernetes';
import { type KubernetesWishes, type PodFacts, z } from 'bpflow/sdk';
import type { FakeScope } from 'bpflow/testing';
import { KubeApiServer, reasonToSkip } from './kube-api-server.ts';
import { liveScope } from './live-scope.ts';
import { containerId, createNamespace, createPod, restartContainers, times } from './pods.ts';

const skip = reasonToSkip();
const isFull = process.env['BPFLOW_SUITE'] === 'full';
const PODS = 500;
const schema = z.object({ ...connectionFields(), filter: podFilterField() });
const WISHES: KubernetesWishes = {
  labels: [
    { from: 'pod', key: 'app', key_regex: '' },
    { from: 'namespace', key: 'team', key_regex: '' },
    { from: 'deployment', key: 'tier', key_regex: '' },
  ],
};

describe('against a real kube-apiserver the cache equals the API', { skip: skip ?? false }, () => {
  let server: KubeApiServer;
  let cache: OpenKubernetes;
  let scope: FakeScope;
  const caches: OpenKubernetes[] = [];

  function open(
    settings: object = {},
    wishes = WISHES,
    how: OpenKubernetesOptions = {},
  ): { readonly cache: OpenKubernetes; readonly scope: FakeScope } {
    const live = liveScope();
    const parsed = schema.parse({ service_account_path: server.serviceAccount, ...settings });
    const opened = openKubernetes({ ...parsed, endpoints: true, max_pods: 50_000 }, live.scope, {
      environment: server.environment,
      ...how,
    });
    opened.kubernetes.want(wishes);
    caches.push(opened);
    return { cache: opened, scope: live.fake };
  }

  before(async () => {
    server = await KubeApiServer.start();
    for (let i = 0; i < 5; i++) await createNamespace(server, `ns-${i}`);
    await times(PODS, (i) => createPod(server, sketch(i)));
    ({ cache, scope } = open());
    cache.start();
  });
  after(async () => {
    for (const each of caches) await each.stop();
    await server?.stop();
  });

  const sketch = (i: number) => ({
    name: `web-${i}`,
    namespace: `ns-${i % 5}`,
    node: `node-${i % 50}`,
    deployment: `d${i % 100}`,
  });
  const pathOf = (i: number) => `/api/v1/namespaces/ns-${i % 5}/pods/web-${i}`;
  const remove = (i: number) => server.must('DELETE', `${pathOf(i)}?gracePeriodSeconds=0`);
  const label = (i: number, app: string) =>
    server.must(
      'PATCH',
      pathOf(i),
      { metadata: { labels: { app: app.replaceAll(' ', '-') } } },
      'application/merge-patch+json',
    );

  /** Lists through the API itself, in JSON, and compares until both say the same and the cache is live. */
  async function equal(what: string, seconds = 60): Promise<void> {
    const until = performance.now() + seconds * 1000;
    for (;;) {
      const list = await server.must<{ items: readonly Listed[] }>('GET', '/api/v1/pods');
      const expected = list.items.map(summaryOfListed).sort();
      const known = [...cache.kubernetes.pods()].map(summary).sort();
      const isSame = expected.length === known.length && expected.every((line, i) => line === known[i]);
      if (isSame && cache.kubernetes.synced) break;
      if (performance.now() > until) assert.deepEqual(known, expected, what);
      if (performance.now() > until) assert.fail(`${what}: not live: ${JSON.stringify(scope.lastHealth)}`);
      await wait(200);
    }
    for (const pod of cache.kubernetes.pods()) {
      assert.equal(cache.kubernetes.podByUid(pod.uid), pod);
      assert.equal(cache.kubernetes.podByIp(pod.ips[0]!)?.ips[0], pod.ips[0]);
      for (const { id } of pod.containers) assert.equal(cache.kubernetes.podByContainer(id), pod);
    }
  }

  test(`after the first list of ${PODS} pods`, async () => {
    await cache.kubernetes.ready();
    await equal('the list');
    const pod = cache.kubernetes.podByUid([...cache.kubernetes.pods()][0]!.uid)!;
    assert.deepEqual(
      pod.owners.map(({ kind }) => kind),
      ['ReplicaSet', 'Deployment'],
    );
    assert.equal(cache.kubernetes.object('namespace', pod.namespace, '')?.labels['team'], `team-of-${pod.namespace}`);
  });

  test('after pods were created, changed, restarted and deleted', async () => {
    await Promise.all([
      times(20, (i) => createPod(server, sketch(PODS + i))),
      times(20, (i) => label(i, 'changed')),
      times(20, (i) => restartContainers(server, `ns-${(i + 20) % 5}`, `web-${i + 20}`, 1)),
      times(20, (i) => remove(i + 40)),
    ]);
    await equal('changes');
    const { metadata } = await server.must<Listed>('GET', pathOf(20));
    for (const run of [0, 1]) {
      const id = containerId(metadata.uid, 0, run);
      assert.equal(cache.kubernetes.podByContainer(id)?.containers.find((each) => each.id === id)?.restarts, run);
    }
  });

  test('of a workload, asked for when it is needed', async () => {
    const labels = { app: 'd0' };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'app', image: 'x' }] } };
    const spec = { selector: { matchLabels: labels }, template };
    const metadata = { name: 'd0', labels: { tier: 'front', other: 'x' } };
    assert.equal(cache.kubernetes.object('deployment', 'd0', 'ns-1'), undefined);
    await server.must('POST', '/apis/apps/v1/namespaces/ns-2/deployments', { metadata, spec });
    await until(() => cache.kubernetes.object('deployment', 'd0', 'ns-2') !== undefined, 'it is known');
    assert.deepEqual(cache.kubernetes.object('deployment', 'd0', 'ns-2')?.labels, { tier: 'front' });
  });

  test('of Services, by their EndpointSlices', async () => {
    const { services } = cache.kubernetes;
    const endpoints = [
      { addresses: ['10.0.0.1'], conditions: { ready: true } },
      { addresses: ['10.0.0.2'], conditions: { ready: false } },
    ];
    const metadata = { name: 'web-1', labels: { 'kubernetes.io/service-name': 'web' } };
    const slice = { addressType: 'IPv4', metadata, endpoints, ports: [] };
    await server.must('POST', '/apis/discovery.k8s.io/v1/namespaces/ns-0/endpointslices', slice);
    const web = () => [...services.call(cache.kubernetes)].find(({ name }) => name === 'web');
    await until(() => web() !== undefined, 'the Service is known');
    assert.deepEqual(web(), { namespace: 'ns-0', name: 'web', endpoints: 2, ready: 1, terminating: 0 });
  });

  test('after the server was killed and started again, and what the watch had seen is too old (410)', async () => {
    await server.kill();
    await server.resume();
    // The watch cache begins anew; writes move it past what was seen before.
    await Promise.all([times(10, (i) => remove(i + 60)), times(10, (i) => label(i + 80, 'after the crash'))]);
    await equal('after the crash');
    const { kinds } = scope.view('kubernetes') as { kinds: { pods: { errors: Record<string, number> } } };
    assert.ok((kinds.pods.errors['expired'] ?? 0) > 0, `it was too old: ${JSON.stringify(kinds.pods.errors)}`);
  });

  test('after the server was away, and what happened in between was not told', async () => {
    await server.kill();
    await wait(isFull ? 60_000 : 3000);
    assert.equal(cache.kubernetes.synced, false);
    assert.equal(scope.lastHealth?.state, 'degraded');
    await server.resume();
    await remove(100);
    await label(101, 'while it was away');
    await equal('back again', 90);
    await until(() => scope.lastHealth?.state === 'ok', 'everything is well again', 60);
  });

  test('after its rights were taken for a while, and the message names the rule', async () => {
    await server.applyRights(({ resources }) => !resources.includes('pods'));
    await server.kill();
    await server.resume();
    const rule = 'Add to its ClusterRole: { apiGroups: [""], resources: ["pods"], verbs: ["list", "watch"] }.';
    await until(() => scope.lastHealth?.summary.endsWith(rule) === true, 'the rule is named', 60);
    await label(110, 'while it was forbidden');
    await remove(111);
    await server.applyRights();
    await equal('allowed again', 90);
  });

  test('after its token was replaced and the old one is no longer good', async () => {
    const old = await server.renewToken(600);
    await server.must('DELETE', '/api/v1/namespaces/bpflow/serviceaccounts/bpflow');
    await server.applyRights();
    await server.kill();
    await server.resume();
    await until(() => /does not accept the credentials/.test(scope.lastHealth?.summary ?? ''), 'it is refused', 60);
    assert.notEqual(await server.renewToken(), old);
    await label(120, 'while the token was bad');
    await equal('with the new token', 90);
    assert.doesNotMatch(JSON.stringify([scope.logs, scope.healthReports, scope.view('kubernetes')]), new RegExp(old));
  });

  test('after its authority was replaced', async () => {
    const folder = `${server.folder}/renewed`;
    const right = server.copyServiceAccount(folder);
    writeFileSync(`${folder}/ca.crt`, server.otherAuthority());
    const { cache: own, scope: ownScope } = open({ service_account_path: folder });
    own.start();
    await until(() => ownScope.lastHealth?.state === 'unavailable', 'the wrong authority is noticed');
    writeFileSync(`${folder}/ca.crt`, right);
    await until(() => own.kubernetes.synced, 'the right one counts', 60);
    assert.equal([...own.kubernetes.pods()].length, [...cache.kubernetes.pods()].length);
    await own.stop();
  });

  for (const encoding of ['protobuf', 'json'] as const) {
    test(`read in pages of ${encoding}`, async () => {
      const { cache: own, scope: ownScope } = open({}, WISHES, { lists: 'pages', encodings: [encoding] });
      own.start();
      await own.kubernetes.ready();
      const lines = (of: OpenKubernetes) => [...of.kubernetes.pods()].map(summary).sort();
      assert.deepEqual(lines(own), lines(cache));
      assert.equal(ownScope.lastHealth?.state, 'ok');
      await own.stop();
    });
  }

  test('of one node, with nothing of the others', async () => {
    const { cache: own } = open({ filter: { node: 'node-3' } });
    own.start();
    await own.kubernetes.ready();
    const list = await server.must<{ items: readonly Listed[] }>(
      'GET',
      '/api/v1/pods?fieldSelector=spec.nodeName%3Dnode-3',
    );
    assert.deepEqual([...own.kubernetes.pods()].map(summary).sort(), list.items.map(summaryOfListed).sort());
    assert.ok(list.items.length > 0);
    await own.stop();
  });

  test('on a quiet node, kept by bookmarks alone', {
    skip: isFull ? false : 'takes minutes; needs BPFLOW_SUITE=full',
  }, async () => {
    const { cache: own, scope: ownScope } = open({ filter: { node: 'node-7' } }, {});
    own.start();
    await own.kubernetes.ready();
    const lastEvent = () =>
      (ownScope.view('kubernetes') as { kinds: { pods: { last_event_seconds: number } } }).kinds.pods
        .last_event_seconds;
    let oldest = 0;
    for (let i = 0; i < 150; i++) {
      await wait(1000);
      oldest = Math.max(oldest, lastEvent());
      // Others move the cluster's version on.
      if (i % 5 === 0) await label(130, `at ${i}`);
    }
    assert.ok(oldest < 100, `the last bookmark was ${oldest} s old`);
    const { kinds } = ownScope.view('kubernetes') as { kinds: { pods: { restarts: number; errors: object } } };
    assert.deepEqual([kinds.pods.restarts, kinds.pods.errors], [0, {}]);
    await label(7, 'at last');
    await until(() => [...own.kubernetes.pods()].length > 0 && own.kubernetes.synced, 'it is live');
    await own.stop();
  });
});

interface Listed {
  readonly metadata: {
    readonly uid: string;
    readonly name: string;
    readonly namespace: string;
    readonly labels: Record<string, string>;
  };
  readonly spec: { readonly nodeName: string };
  readonly status: {
    readonly podIP?: string;
    readonly containerStatuses?: readonly { readonly containerID: string; readonly restartCount: number }[];
  };
}

function summaryOfListed({ metadata, spec, status }: Listed): string {
  const runs = (status.containerStatuses ?? []).map((each) => `${each.containerID.slice(13)} ${each.restartCount}`);
  const { uid, name, namespace, labels } = metadata;
  return [uid, name, namespace, spec.nodeName, status.podIP, labels['app'], ...runs].join(' ');
}

/** The present runs only. */
function summary({ uid, name, namespace, node, ips, labels, containers }: PodFacts): string {
  const newest = new Map(containers.toReversed().map((each) => [each.name, each]));
  const runs = [...newest.values()].reverse().map(({ id, restarts }) => `${id} ${restarts}`);
  return [uid, name, namespace, node, ips[0], labels['app'], ...runs].join(' ');
}

async function until(isSo: () => boolean, what: string, seconds = 20): Promise<void> {
  const end = performance.now() + seconds * 1000;
  while (!isSo()) {
    if (performance.now() > end) assert.fail(`It never was so that ${what}.`);
    await wait(50);
  }
}
