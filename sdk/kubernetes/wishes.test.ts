import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubernetesWishes } from '../kubernetes.ts';
import { refuse } from './test/fake-api-server.ts';
import { pod, World } from './test/world.ts';

const named = (name: string, labels: Record<string, string> = {}) => ({
  metadata: { name, uid: `uid-${name}`, labels, annotations: { owner: `owner of ${name}` } },
});
const field = (from: NonNullable<KubernetesWishes['labels']>[number]['from'], key: string, key_regex = '') => ({
  from,
  key,
  key_regex,
});

test('of labels and annotations only those that somebody asked for are kept, by key and by regex', async () => {
  await using world = await World.start({}, (server) => server.set('pods', pod('a')));
  world.kubernetes.want({ labels: [field('pod', 'app')], annotations: [field('pod', '', 'own.*')] });
  await world.ready();
  assert.deepEqual(world.pod('a')!.labels, { app: 'web' });
  assert.deepEqual(world.pod('a')!.annotations, { owner: 'me' });
});

test('a wish that comes later reads the pods anew, one that was made already does not', async () => {
  await using world = await World.start({}, (server) => server.set('pods', pod('a')));
  const { kubernetes, server } = world;
  kubernetes.want({ labels: [field('pod', 'app')] });
  await world.ready();
  const before = server.requests.length;
  const end = kubernetes.want({ labels: [field('pod', 'app')] });
  assert.equal(server.requests.length, before);
  end();
  kubernetes.want({ labels: [field('pod', 'team')] });
  await world.until(() => world.pod('a')?.labels['team'] === 'a', 'the label is known');
  assert.deepEqual(world.pod('a')!.labels, { app: 'web', team: 'a' });
  assert.deepEqual(world.errors(), {});
});

test('namespaces and nodes are watched when something of theirs is asked for; a change of theirs is told for their pods', async () => {
  await using world = await World.start({ settings: { filter: { node: 'node-1' } } }, (server) => {
    server.set('pods', pod('a'));
    server.set('namespaces', named('shop', { team: 'red', other: 'x' }));
    server.set('namespaces', named('kube-system'));
    server.set('nodes', named('node-1'));
  });
  const { kubernetes, server } = world;
  await world.ready();
  assert.deepEqual(
    server.requests.map(({ path }) => path),
    ['/api/v1/pods'],
  );
  assert.equal(server.requests[0]!.query.get('fieldSelector'), 'spec.nodeName=node-1');
  kubernetes.want({ labels: [field('namespace', 'team')], objects: ['node'] });
  await world.until(() => kubernetes.object('node', 'node-1', '') !== undefined, 'the node is known');
  await world.until(() => kubernetes.clusterUid === 'uid-kube-system', 'the cluster is known');
  assert.deepEqual(kubernetes.object('namespace', 'shop', ''), {
    uid: 'uid-shop',
    labels: { team: 'red' },
    annotations: {},
  });
  const ofNodes = server.requests.find(({ path }) => path === '/api/v1/nodes')!;
  assert.equal(ofNodes.query.get('fieldSelector'), 'metadata.name=node-1');
  assert.match(ofNodes.accept, /^application\/vnd\.kubernetes\.protobuf;as=PartialObjectMetadata;/);
  const told: string[] = [];
  kubernetes.watch(({ name }) => told.push(name));
  server.set('namespaces', named('shop', { team: 'blue' }));
  await world.until(() => told.length > 0, 'it is told');
  assert.deepEqual(told, ['a']);
  assert.deepEqual(kubernetes.object('namespace', 'shop', '')?.labels, { team: 'blue' });
  server.remove('namespaces', named('shop'));
  await world.until(() => kubernetes.object('namespace', 'shop', '') === undefined, 'it is gone');
});

test('workloads are asked for at the first look-up, once, and told for their pods', async () => {
  await using world = await World.start({}, (server) => {
    server.set('pods', pod('a'));
    server.set('deployments', named('web', { tier: 'front' }));
  });
  const { kubernetes, server, scope } = world;
  kubernetes.want({ labels: [field('deployment', 'tier')] });
  await world.ready();
  await world.until(() => world.pod('a')?.workload?.uid === 'uid-web', "the Deployment's uid is known");
  assert.deepEqual(kubernetes.object('deployment', 'web', 'shop')?.labels, { tier: 'front' });
  assert.equal(kubernetes.object('statefulset', 'none', 'shop'), undefined);
  const asked = () => server.requests.filter(({ path }) => path.startsWith('/apis/apps/')).map(({ path }) => path);
  await world.until(() => asked().length === 2, 'both were asked for');
  for (let i = 0; i < 3; i++) kubernetes.object('statefulset', 'none', 'shop');
  assert.deepEqual(asked(), [
    '/apis/apps/v1/namespaces/shop/deployments/web',
    '/apis/apps/v1/namespaces/shop/statefulsets/none',
  ]);
  assert.notEqual(scope.lastHealth?.state, 'degraded');

  server.set('deployments', named('web', { tier: 'back' }));
  scope.clock.advance(301_000);
  await world.until(() => kubernetes.object('deployment', 'web', 'shop')?.labels['tier'] === 'back', 'it was renewed');
});

test('without a right only what it is for is left out, with the rule that gives it', async () => {
  await using world = await World.start({}, (server) => {
    server.set('pods', pod('a'));
    server.fault(({ path }, response) => {
      if (path === '/api/v1/pods') return false;
      refuse(response, 403, 'Forbidden', 'no');
      return true;
    });
  });
  const { kubernetes, scope } = world;
  kubernetes.want({ labels: [field('deployment', 'tier')], objects: ['namespace'] });
  await world.ready();
  await kubernetes.ready();
  await world.until(() => (scope.lastHealth?.details?.length ?? 0) === 2, 'both are missed');
  assert.equal(scope.lastHealth?.state, 'degraded');
  assert.deepEqual(
    scope.lastHealth?.details?.map((text) => text.slice(text.indexOf('Add'))),
    [
      'Add to its ClusterRole: { apiGroups: [""], resources: ["namespaces"], verbs: ["list", "watch"] }.',
      'Add to its ClusterRole: { apiGroups: ["apps"], resources: ["deployments"], verbs: ["get"] }.',
    ],
  );
  assert.equal(kubernetes.synced, true);
  assert.equal(world.pod('a')?.workload?.name, 'web');
});

test('filters are for the API server to compare', async () => {
  const filter = {
    namespace: 'shop',
    fields: [{ key: 'status.phase', op: 'not-equals', value: 'Failed' }],
    labels: [
      { key: 'a', value: '1' },
      { key: 'b', op: 'not-equals', value: '2' },
      { key: 'c', op: 'exists' },
      { key: 'd', op: 'does-not-exist' },
    ],
  };
  await using world = await World.start({ settings: { filter } });
  await world.ready();
  const [{ path, query }] = world.server.requests as [(typeof world.server.requests)[number]];
  assert.equal(path, '/api/v1/namespaces/shop/pods');
  assert.equal(query.get('fieldSelector'), 'status.phase!=Failed');
  assert.equal(query.get('labelSelector'), 'a=1,b!=2,c,!d');
});
