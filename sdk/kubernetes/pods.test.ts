import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { PodFacts } from '../kubernetes.ts';
import { container, pod, World } from './test/world.ts';

for (const encoding of ['protobuf', 'json'] as const) {
  describe(`a pod read as ${encoding}`, () => {
    test('is known with its owners, addresses and all its containers', async () => {
      await using world = await World.start({}, (server) => {
        server.encoding = encoding;
        server.set(
          'pods',
          pod('web-67bd7dcb4f-abcde', {
            status: {
              containerStatuses: [
                container('now', {
                  restartCount: 2,
                  lastState: { terminated: { containerID: 'containerd://before' } },
                }),
              ],
              initContainerStatuses: [container('init', { name: 'setup', imageID: 'sha256:local' })],
              ephemeralContainerStatuses: [
                container('debug', { name: 'debugger' }),
                container('', { containerID: '' }),
              ],
            },
          }),
        );
      });
      await world.ready();
      const image = { image: 'web:1', imageId: 'docker.io/web@sha256:ab' };
      const expected: PodFacts = {
        uid: 'uid-web-67bd7dcb4f-abcde',
        name: 'web-67bd7dcb4f-abcde',
        namespace: 'shop',
        node: 'node-1',
        hostname: 'web-67bd7dcb4f-abcde',
        startTime: '2026-01-01T00:00:01Z',
        ips: ['10.0.0.7', 'fd00::7'],
        hostNetwork: false,
        labels: {},
        annotations: {},
        owners: [
          { kind: 'ReplicaSet', name: 'web-67bd7dcb4f', uid: 'rs' },
          { kind: 'Deployment', name: 'web', uid: undefined },
        ],
        workload: { kind: 'Deployment', name: 'web', uid: undefined },
        containers: [
          { id: 'now', name: 'app', restarts: 2, ...image },
          { id: 'before', name: 'app', restarts: 1, ...image },
          { id: 'init', name: 'setup', restarts: 0, image: 'web:1', imageId: '' },
          { id: 'debug', name: 'debugger', restarts: 0, ...image },
        ],
      };
      assert.deepEqual([...world.kubernetes.pods()], [expected]);
      for (const id of ['now', 'before', 'init', 'debug']) {
        assert.equal(world.kubernetes.podByContainer(id)?.uid, expected.uid);
      }
      for (const ip of expected.ips) assert.equal(world.kubernetes.podByIp(ip)?.uid, expected.uid);
      assert.equal(world.kubernetes.podByUid(expected.uid)?.name, expected.name);
    });
  });
}

test('a pod is found by the path of its cgroup, by the container or else by its uid', async () => {
  const uid = '1ee4d255-a1bd-4ca0-a48a-1b50d50ece24';
  const id = 'ab'.repeat(32);
  await using world = await World.start({}, (server) => {
    server.set(
      'pods',
      pod('web-1', { metadata: { name: 'web-1', uid }, status: { containerStatuses: [container(id)] } }),
    );
  });
  const { kubernetes } = await world.ready();
  const slice = `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${uid.replaceAll('-', '_')}.slice`;
  for (const path of [
    `${slice}/cri-containerd-${id}.scope`,
    `${slice}/cri-containerd-${'cd'.repeat(32)}.scope`,
    slice,
  ]) {
    assert.equal(kubernetes.podByCgroupPath(path)?.name, 'web-1', path);
  }
  assert.equal(kubernetes.podByCgroupPath('/system.slice/sshd.service'), undefined);
  assert.equal(kubernetes.podByCgroup(2n ** 60n), undefined);
});

test('a static pod is found by the hash of its configuration as well', async () => {
  const hash = '28991d75d781f04001101912c8b9d01e';
  await using world = await World.start({}, (server) => {
    server.set(
      'pods',
      pod('etcd', {
        metadata: {
          name: 'etcd',
          uid: 'mirror',
          annotations: { 'kubernetes.io/config.hash': hash, 'kubernetes.io/config.mirror': hash },
          ownerReferences: [{ kind: 'Node', name: 'node-1', uid: 'n', controller: true }],
        },
      }),
    );
  });
  const { kubernetes } = await world.ready();
  assert.equal(kubernetes.podByUid(hash)?.uid, 'mirror');
  assert.deepEqual(kubernetes.podByUid('mirror')?.owners, []);
});

for (const [what, name, created, owners] of [
  [
    'a CronJob by the minute in the name of its Job',
    'backup-29920475',
    '2026-11-21T10:35:00Z',
    ['Job', 'CronJob backup'],
  ],
  ['no CronJob behind a Job with any number', 'import-20261121', '2026-11-21T10:35:00Z', ['Job']],
  ['no CronJob behind a Job without one', 'import', '2026-11-21T10:35:00Z', ['Job']],
] as const) {
  test(`${what} is the workload`, async () => {
    await using world = await World.start({}, (server) => {
      const metadata = {
        name: 'p',
        uid: 'p',
        creationTimestamp: created,
        ownerReferences: [{ kind: 'Job', name, uid: 'j', controller: true }],
      };
      server.set('pods', pod('p', { metadata }));
    });
    await world.ready();
    const kinds = world.pod('p')!.owners.map((owner) => (owner.kind === 'Job' ? 'Job' : `${owner.kind} ${owner.name}`));
    assert.deepEqual(kinds, owners);
  });
}

test('a ReplicaSet whose name is not made of the template hash is the workload itself', async () => {
  await using world = await World.start({}, (server) => {
    const ownerReferences = [{ kind: 'ReplicaSet', name: 'bare', uid: 'r', controller: true }];
    server.set(
      'pods',
      pod('p', { metadata: { name: 'p', uid: 'p', labels: { 'pod-template-hash': 'x' }, ownerReferences } }),
    );
  });
  await world.ready();
  assert.deepEqual(world.pod('p')!.workload, { kind: 'ReplicaSet', name: 'bare', uid: 'r' });
});

/** A status that has one address. */
const at = (ip: string) => ({ podIP: ip, podIPs: [{ ip }] });

test('an address belongs to the pod that has it now; never to one in the network of the node', async () => {
  await using world = await World.start({}, (server) => {
    server.set('pods', pod('job', { status: { phase: 'Succeeded', ...at('10.0.0.7') } }));
    server.set('pods', pod('old', { status: at('10.0.0.8') }));
    server.set('pods', pod('node-agent', { spec: { hostNetwork: true }, status: at('192.168.0.1') }));
  });
  const { kubernetes, server } = await world.ready();
  assert.equal(kubernetes.podByIp('10.0.0.7'), undefined);
  assert.equal(kubernetes.podByIp('192.168.0.1'), undefined);
  const next = pod('new', { status: at('10.0.0.8') });
  server.set('pods', next);
  await world.until(() => kubernetes.podByIp('10.0.0.8')?.name === 'new', 'the new pod has the address');
  server.remove('pods', next);
  await world.until(() => kubernetes.podByIp('10.0.0.8')?.name === 'old', 'the old pod has it again');
});

test('only what changes for those who listen is told; a deleted pod can be found for two minutes more', async () => {
  await using world = await World.start({}, (server) => server.set('pods', pod('a')));
  const changes: string[] = [];
  world.kubernetes.watch(({ name }, change) => changes.push(`${name} ${change}`));
  const { kubernetes, server, scope } = await world.ready();
  server.set('pods', pod('a', { metadata: { ...pod('a').metadata, annotations: { unwanted: 'x' } } }));
  server.set('pods', pod('b'));
  await world.until(() => kubernetes.podByUid('uid-b') !== undefined, 'b is known');
  server.set('pods', pod('a', { status: { containerStatuses: [container('second')] } }));
  await world.until(() => kubernetes.podByContainer('second') !== undefined, 'the container is known');
  server.remove('pods', pod('a'));
  await world.until(() => world.names().length === 1, 'a is gone');
  assert.equal(kubernetes.podByContainer('second')?.name, 'a');
  assert.equal(kubernetes.podByUid('uid-a')?.name, 'a');
  assert.deepEqual(changes, ['a set', 'b set', 'a set']);
  scope.clock.advance(119_000);
  assert.equal(kubernetes.podByUid('uid-a')?.name, 'a');
  scope.clock.advance(12_000);
  assert.equal(kubernetes.podByUid('uid-a'), undefined);
  assert.equal(kubernetes.podByContainer('second'), undefined);
  assert.deepEqual(changes.slice(3), ['a removed']);
});

test('no more than max_pods are kept; the others are counted and named by health', async () => {
  await using world = await World.start({ maxPods: 2 }, (server) => {
    for (const name of ['a', 'b', 'c']) server.set('pods', pod(name));
  });
  const { scope } = await world.ready();
  assert.equal(world.names().length, 2);
  assert.equal(scope.lastHealth?.state, 'degraded');
  assert.match(scope.lastHealth!.summary, /max_pods: 1 pods found no room/);
});
