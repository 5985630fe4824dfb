import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Attributes } from 'bpflow/sdk';
import { Enrichment, from, logsOf } from './test/enrichment.ts';
import { CONTAINER, container, FakeCluster, pod, UID } from './test/fake-cluster.ts';

const OTHER = '0123abcd'.repeat(8);
const HASH = '28991d75d781f04001101912c8b9d01e';

/** The pod that a resource gets. */
function podOf(world: Enrichment, resource: Attributes, peer?: string): unknown {
  const logs = logsOf(resource);
  void world.give(peer === undefined ? logs : from(peer, logs));
  return world.logs.at(-1)?.['k8s.pod.name'];
}

const NAME = pod().name;
const now = { hold: { timeout: 0 } };

describe('foreign data without rules finds its pod', () => {
  const rows: readonly (readonly [string, Attributes, string | undefined, string | undefined])[] = [
    ['by container.id', { 'container.id': CONTAINER }, undefined, NAME],
    ['by k8s.pod.uid', { 'k8s.pod.uid': UID }, undefined, NAME],
    ['by k8s.pod.ip', { 'k8s.pod.ip': '10.0.0.7' }, undefined, NAME],
    ['by the attribute ip of old senders', { ip: '10.0.0.7' }, undefined, NAME],
    ['by the connection', {}, '10.0.0.7', NAME],
    ['by the connection over IPv6', {}, '::ffff:10.0.0.7', NAME],
    ['by host.name, where it is an address', { 'host.name': '10.0.0.7' }, undefined, NAME],
    ['not by host.name, where it is none', { 'host.name': NAME }, undefined, undefined],
    ['by the uid where the container is not known', { 'container.id': OTHER, 'k8s.pod.uid': UID }, undefined, NAME],
    ['not by the connection where it names another', { 'k8s.pod.uid': 'other' }, '10.0.0.7', undefined],
    ['not by an address of nobody', {}, '10.0.0.8', undefined],
    ['not by nothing', { 'service.name': 'x' }, undefined, undefined],
    ['not by a value that is no text', { 'container.id': 7 }, undefined, undefined],
  ];
  for (const [what, resource, peer, expected] of rows) {
    test(what, () => assert.equal(podOf(new Enrichment(now, new FakeCluster(pod())), resource, peer), expected));
  }

  test('a pod in the node’s network never by an address', () => {
    const world = new Enrichment(now, new FakeCluster(pod({ hostNetwork: true })));
    assert.equal(podOf(world, {}, '10.0.0.7'), undefined);
    assert.equal(podOf(world, { 'k8s.pod.uid': UID }), NAME);
  });

  test('of the same resource from two senders each', () => {
    const second = pod({ uid: 'second', name: 'second', ips: ['10.0.0.8'], containers: [] });
    const extract = { metadata: ['k8s.pod.name', 'k8s.pod.ip'] };
    const world = new Enrichment({ ...now, extract }, new FakeCluster(pod(), second));
    assert.equal(podOf(world, { 'service.name': 'x' }, '10.0.0.7'), NAME);
    assert.equal(podOf(world, { 'service.name': 'x' }, '10.0.0.8'), 'second');
    assert.equal(world.logs.at(-1)?.['k8s.pod.ip'], '10.0.0.8');
  });
});

test('one series that two pods send is two', () => {
  const second = pod({ uid: 'second', name: 'second', ips: ['10.0.0.8'], containers: [] });
  const world = new Enrichment(now, new FakeCluster(pod(), second));
  const point = { resource: { 'service.name': 'x' }, value: 1 };
  for (const peer of ['10.0.0.7', '10.0.0.8', '10.0.0.7', '10.0.0.9']) {
    void world.give(from(peer, world.foreignBatch('cumulative', [point])));
  }
  assert.deepEqual(
    world.metrics.map(({ resource }) => resource['k8s.pod.name']),
    [NAME, 'second', NAME, undefined],
  );
});

describe('rules', () => {
  const rule = (...sources: readonly (string | undefined)[]) => ({
    sources: sources.map((name) =>
      name === undefined ? { from: 'connection' } : { from: 'resource_attribute', name },
    ),
  });
  const world = (rules: readonly unknown[], ...pods: Parameters<typeof pod>) =>
    new Enrichment({ ...now, pod_association: rules }, new FakeCluster(pod(...pods)));

  const sources: readonly (readonly [string, Attributes])[] = [
    ['k8s.pod.uid', { 'k8s.pod.uid': UID }],
    ['k8s.pod.name', { 'k8s.pod.name': NAME }],
    ['k8s.pod.ip', { 'k8s.pod.ip': '10.0.0.7' }],
    ['host.name', { 'host.name': '10.0.0.7' }],
    ['container.id', { 'container.id': CONTAINER }],
    ['k8s.deployment.name', { 'k8s.deployment.name': 'web' }],
    ['team', { team: 'shop' }],
  ];
  for (const [name, resource] of sources) {
    test(`by ${name}`, () => {
      const extract = { labels: [{ key: 'team', tag_name: 'team' }] };
      const cluster = new FakeCluster(pod({ labels: { team: 'shop' } }));
      const made = new Enrichment({ ...now, extract, pod_association: [rule(name)] }, cluster);
      assert.equal(podOf(made, resource), NAME);
      assert.equal(podOf(made, { [name]: 'nobody' }), name === 'k8s.pod.name' ? 'nobody' : undefined);
    });
  }

  test('of several sources need all of them', () => {
    const made = world([rule('k8s.namespace.name', 'k8s.pod.name')]);
    const uid = (resource: Attributes) => {
      podOf(made, resource);
      return made.logs.at(-1)?.['k8s.pod.uid'];
    };
    assert.equal(uid({ 'k8s.namespace.name': 'shop', 'k8s.pod.name': NAME }), UID);
    assert.equal(uid({ 'k8s.namespace.name': 'other', 'k8s.pod.name': NAME }), undefined);
    assert.equal(uid({ 'k8s.pod.name': NAME }), undefined);
  });

  test('whose sources are there decide, even where they lead nowhere', () => {
    const made = world([rule('k8s.pod.uid'), rule(undefined)]);
    assert.equal(podOf(made, { 'k8s.pod.uid': 'nobody' }, '10.0.0.7'), undefined);
    assert.equal(podOf(made, {}, '10.0.0.7'), NAME);
  });

  test('follow pods that come, change and go', () => {
    const made = world([rule('k8s.pod.name')]);
    const uid = (name: string) => {
      podOf(made, { 'k8s.pod.name': name, try: made.logs.length });
      return made.logs.at(-1)?.['k8s.pod.uid'];
    };
    assert.equal(uid('second'), undefined);
    made.cluster.set(pod({ uid: 'second', name: 'second' }));
    assert.equal(uid('second'), 'second');
    made.cluster.set(pod({ uid: 'second', name: 'renamed' }));
    assert.equal(uid('second'), undefined);
    assert.equal(uid('renamed'), 'second');
    made.cluster.remove('second');
    assert.equal(uid('renamed'), undefined);
  });
});

describe('a static pod', () => {
  test('is found by the hash of its configuration, and gets its uid', () => {
    const annotations = { 'kubernetes.io/config.hash': HASH, 'kubernetes.io/config.mirror': HASH };
    const world = new Enrichment({}, new FakeCluster(pod({ annotations, containers: [container(CONTAINER)] })));
    void world.own({ resource: { 'k8s.pod.uid': HASH }, value: 1 });
    assert.equal(world.metrics[0]!.resource['k8s.pod.name'], NAME);
    assert.equal(world.metrics[0]!.resource['k8s.pod.uid'], UID);
  });

  test('that comes late is waited for by its hash', () => {
    const world = new Enrichment();
    void world.own({ resource: { 'k8s.pod.uid': HASH }, value: 1 });
    assert.equal(world.metrics.length, 0);
    world.cluster.set(pod({ annotations: { 'kubernetes.io/config.hash': HASH } }));
    assert.equal(world.metrics[0]!.resource['k8s.pod.uid'], UID);
  });
});

describe('pods that are left alone', () => {
  const configs: readonly (readonly [string, Record<string, unknown>, Parameters<typeof pod>[0]])[] = [
    ['of another node', { filter: { node: 'node-2' } }, {}],
    ['of another namespace', { filter: { namespace: 'other' } }, {}],
    ['with another label', { filter: { labels: [{ key: 'app', value: 'other' }] } }, {}],
    ['with a label', { filter: { labels: [{ key: 'app', op: 'does-not-exist' }] } }, {}],
    ['without a label', { filter: { labels: [{ key: 'none', op: 'exists' }] } }, {}],
    ['with this label', { filter: { labels: [{ key: 'app', value: 'web', op: 'not-equals' }] } }, {}],
    ['by a field', { filter: { fields: [{ key: 'spec.nodeName', value: 'node-1', op: 'not-equals' }] } }, {}],
    ['by name', { exclude: { pods: [{ name: '^web-' }] } }, {}],
    ['by name, by default', {}, { name: 'jaeger-agent-1' }],
  ];
  for (const [what, config, changes] of configs) {
    test(what, () => {
      const world = new Enrichment(config, new FakeCluster(pod(changes)));
      void world.own({ resource: { 'container.id': CONTAINER }, value: 1 });
      assert.deepEqual(world.metrics, [{ resource: { 'container.id': CONTAINER }, value: 1 }]);
      assert.equal(world.unenriched('excluded'), 1);
    });
  }
});

describe('passthrough', () => {
  const rows: readonly (readonly [string, Attributes, string | undefined, string | undefined])[] = [
    ['the address of the sender', { 'k8s.pod.uid': UID }, '10.0.0.7', '10.0.0.7'],
    ['the attribute ip rather', { ip: '10.0.0.8' }, '10.0.0.7', '10.0.0.8'],
    ['host.name at last', { 'host.name': '10.0.0.9' }, undefined, '10.0.0.9'],
    ['no name of a host', { 'host.name': 'node-1' }, undefined, undefined],
  ];
  for (const [what, resource, peer, expected] of rows) {
    test(`adds ${what}, and nothing else`, () => {
      const world = new Enrichment({ passthrough: true }, new FakeCluster(pod()));
      const logs = logsOf(resource);
      void world.give(peer === undefined ? logs : from(peer, logs));
      assert.deepEqual(world.logs, [{ ...resource, ...(expected !== undefined && { 'k8s.pod.ip': expected }) }]);
    });
  }
});
