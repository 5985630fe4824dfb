import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Attributes } from 'bpflow/sdk';
import { imageOf } from './image.ts';
import { METADATA } from './metadata.ts';
import { Enrichment, logsOf } from './test/enrichment.ts';
import { CONTAINER, container, FakeCluster, owned, pod, UID } from './test/fake-cluster.ts';

/** What is added to foreign data of a pod. */
function added(config: Record<string, unknown>, resource: Attributes, cluster = new FakeCluster(pod())): Attributes {
  const world = new Enrichment({ hold: { timeout: 0 }, ...config }, cluster);
  void world.give(logsOf(resource));
  const all = { ...world.logs[0] };
  for (const key of Object.keys(resource)) if (all[key] === resource[key]) delete all[key];
  return all;
}

const BY_UID: Attributes = { 'k8s.pod.uid': UID };

describe('what is added', () => {
  test("is the Collector's default to foreign data", () => {
    assert.deepEqual(added({}, { 'container.id': CONTAINER }), {
      'container.image.name': 'registry:5000/shop/web',
      'container.image.tag': '1.2',
      'k8s.deployment.name': 'web',
      'k8s.namespace.name': 'shop',
      'k8s.node.name': 'node-1',
      'k8s.pod.name': 'web-67bd7dcb4f-abcde',
      'k8s.pod.start_time': '2026-11-21T10:00:00Z',
      'k8s.pod.uid': UID,
    });
  });

  test('is everything on request', () => {
    const cluster = new FakeCluster(
      pod({
        ...owned(
          { kind: 'Job', name: 'nightly-29920475', uid: 'job-uid' },
          { kind: 'CronJob', name: 'nightly', uid: undefined },
        ),
      }),
    );
    cluster.objects.set('node//node-1', { uid: 'node-uid', labels: {}, annotations: {} });
    cluster.objects.set('cronjob/shop/nightly', { uid: 'cron-uid', labels: {}, annotations: {} });
    const metadata = METADATA.filter((name) => name !== 'container.image.tags');
    assert.deepEqual(added({ extract: { metadata } }, { 'container.id': CONTAINER }, cluster), {
      'container.image.name': 'registry:5000/shop/web',
      'container.image.repo_digests': [`registry:5000/shop/web@sha256:${'ab'.repeat(32)}`],
      'container.image.tag': '1.2',
      'k8s.cluster.uid': 'cluster-uid',
      'k8s.container.name': 'app',
      'k8s.cronjob.name': 'nightly',
      'k8s.cronjob.uid': 'cron-uid',
      'k8s.job.name': 'nightly-29920475',
      'k8s.job.uid': 'job-uid',
      'k8s.namespace.name': 'shop',
      'k8s.node.name': 'node-1',
      'k8s.node.uid': 'node-uid',
      'k8s.pod.hostname': 'web-67bd7dcb4f-abcde',
      'k8s.pod.ip': '10.0.0.7',
      'k8s.pod.name': 'web-67bd7dcb4f-abcde',
      'k8s.pod.start_time': '2026-11-21T10:00:00Z',
      'k8s.pod.uid': UID,
      'service.instance.id': 'shop.web-67bd7dcb4f-abcde.app',
      'service.name': 'web',
      'service.namespace': 'shop',
      'service.version': '1.2',
    });
  });

  test('never replaces what the resource says', () => {
    const said = { ...BY_UID, 'k8s.namespace.name': 'said', 'k8s.pod.name': '' };
    const all = added({ extract: { metadata: ['k8s.namespace.name', 'k8s.pod.name'] } }, said);
    assert.deepEqual(all, { 'k8s.pod.name': 'web-67bd7dcb4f-abcde' });
  });

  test('is of a container by its name, too: of the run that is said, or the last', () => {
    const runs = [container(CONTAINER), container('0'.repeat(64), { restarts: 1 })];
    const cluster = new FakeCluster(pod({ containers: runs }));
    const extract = { metadata: ['container.id'] };
    const named = { ...BY_UID, 'k8s.container.name': 'app' };
    assert.deepEqual(added({ extract }, named, cluster), { 'container.id': '0'.repeat(64) });
    const first = { ...named, 'k8s.container.restart_count': 0 };
    assert.deepEqual(added({ extract }, first, cluster), { 'container.id': CONTAINER });
    assert.deepEqual(added({ extract }, { ...BY_UID, 'k8s.container.name': 'none' }, cluster), {});
    assert.deepEqual(added({ extract }, BY_UID, cluster), { 'container.id': '0'.repeat(64) }, 'it has no other');
    const two = pod({ containers: [container(CONTAINER), container('0'.repeat(64), { name: 'other' })] });
    assert.deepEqual(added({ extract }, BY_UID, new FakeCluster(two)), {}, 'of two it could be either');
  });

  test('are image tags in the form of v1, where asked for', () => {
    const extract = { metadata: ['container.image.tags'] };
    const all = added({ extract, attribute_names: 'v1' }, { 'container.id': CONTAINER });
    assert.deepEqual(all, { 'container.image.tags': ['1.2'] });
  });
});

describe('labels and annotations', () => {
  const cluster = () => {
    const made = new FakeCluster(
      pod({
        labels: { app: 'web', 'team/owner': 'shop', 'team/cost': '7' },
        annotations: { note: 'x', 'resource.opentelemetry.io/foo': 'bar' },
      }),
    );
    made.objects.set('namespace//shop', { uid: '', labels: { env: 'prod' }, annotations: { note: 'ns' } });
    made.objects.set('node//node-1', { uid: '', labels: { zone: 'z' }, annotations: {} });
    made.objects.set('deployment/shop/web', { uid: '', labels: { tier: 'front' }, annotations: {} });
    return made;
  };
  const rows: readonly (readonly [string, Record<string, unknown>, Attributes])[] = [
    ['by key', { labels: [{ key: 'app' }] }, { 'k8s.pod.labels.app': 'web' }],
    ['by key and name', { labels: [{ key: 'app', tag_name: 'my.app' }] }, { 'my.app': 'web' }],
    [
      'by expression, over whole keys',
      { labels: [{ key_regex: 'team/.*' }, { key_regex: 'ap' }] },
      { 'k8s.pod.labels.team/owner': 'shop', 'k8s.pod.labels.team/cost': '7' },
    ],
    [
      'by expression under the default name, where the name has no group to tell keys apart',
      { labels: [{ key_regex: 'ap.', tag_name: 'one' }] },
      { 'k8s.pod.labels.app': 'web' },
    ],
    [
      'by expression with groups in the name',
      { labels: [{ key_regex: '(team)/(?<what>owner)', tag_name: '$1.${what}.$$x$3' }] },
      { 'team.owner.$x': 'shop' },
    ],
    ['of annotations', { annotations: [{ key: 'note' }] }, { 'k8s.pod.annotations.note': 'x' }],
    ['of the namespace', { labels: [{ key: 'env', from: 'namespace' }] }, { 'k8s.namespace.labels.env': 'prod' }],
    [
      'of the annotations of the namespace',
      { annotations: [{ key: 'note', from: 'namespace' }] },
      { 'k8s.namespace.annotations.note': 'ns' },
    ],
    ['of the node', { labels: [{ key: 'zone', from: 'node' }] }, { 'k8s.node.labels.zone': 'z' }],
    ['of the deployment', { labels: [{ key: 'tier', from: 'deployment' }] }, { 'k8s.deployment.label.tier': 'front' }],
    ['not of a workload it has not', { labels: [{ key: 'tier', from: 'daemonset' }] }, {}],
    ['not where there is none', { labels: [{ key: 'toString' }] }, {}],
    ['of annotations that say what an attribute is', { otel_annotations: true }, { foo: 'bar' }],
  ];
  for (const [what, extract, expected] of rows) {
    test(what, () => assert.deepEqual(added({ extract: { metadata: [], ...extract } }, BY_UID, cluster()), expected));
  }

  test('have the names of v1, where asked for', () => {
    const extract = { metadata: [], labels: [{ key: 'app' }], annotations: [{ key: 'note' }] };
    assert.deepEqual(added({ extract, attribute_names: 'v1' }, BY_UID, cluster()), {
      'k8s.pod.label.app': 'web',
      'k8s.pod.annotation.note': 'x',
    });
  });
});

describe('data that names its namespace or node itself', () => {
  const cluster = () => {
    const made = new FakeCluster();
    made.objects.set('namespace//shop', { uid: '', labels: { env: 'prod' }, annotations: {} });
    made.objects.set('node//node-1', { uid: 'node-uid', labels: { zone: 'z' }, annotations: {} });
    return made;
  };
  const extract = {
    metadata: ['k8s.node.uid', 'service.namespace', 'k8s.pod.name'],
    labels: [
      { key: 'env', from: 'namespace' },
      { key: 'zone', from: 'node' },
      { key: 'app', from: 'pod' },
      { key: 'app', from: 'deployment' },
    ],
  };

  test('gets what belongs to these, without a pod', () => {
    const resource = { 'k8s.namespace.name': 'shop', 'k8s.node.name': 'node-1' };
    assert.deepEqual(added({ extract }, resource, cluster()), {
      'k8s.namespace.labels.env': 'prod',
      'k8s.node.labels.zone': 'z',
      'k8s.node.uid': 'node-uid',
      'service.namespace': 'shop',
    });
    assert.deepEqual(added({ extract }, { 'service.name': 'x' }, cluster()), {});
  });

  test('waits a while for what is not known yet', () => {
    const world = new Enrichment({ extract }, new FakeCluster());
    void world.give(logsOf({ 'k8s.namespace.name': 'shop' }));
    assert.equal(world.processor.held!(), 1);
    world.cluster.objects.set('namespace//shop', { uid: '', labels: { env: 'prod' }, annotations: {} });
    world.scope.clock.advance(5000);
    assert.equal(world.logs[0]!['k8s.namespace.labels.env'], 'prod');
  });
});

describe('services', () => {
  const metadata = ['service.namespace', 'service.name', 'service.version'];
  const rows: readonly (readonly [string, Parameters<typeof pod>[0], Attributes])[] = [
    [
      'from annotations first',
      {
        labels: { 'app.kubernetes.io/name': 'n' },
        annotations: {
          'resource.opentelemetry.io/service.name': 'said',
          'resource.opentelemetry.io/service.namespace': 'ns',
          'resource.opentelemetry.io/service.version': 'v',
        },
      },
      { 'service.name': 'said', 'service.namespace': 'ns', 'service.version': 'v' },
    ],
    [
      'from labels then',
      {
        labels: { 'app.kubernetes.io/instance': 'i', 'app.kubernetes.io/name': 'n', 'app.kubernetes.io/version': '3' },
      },
      { 'service.name': 'i', 'service.namespace': 'shop', 'service.version': '3' },
    ],
    [
      'from the workload then',
      { labels: {}, ...owned({ kind: 'DaemonSet', name: 'logs', uid: undefined }) },
      { 'service.name': 'logs', 'service.namespace': 'shop' },
    ],
    ['from the pod at last', { labels: {}, ...owned() }, { 'service.name': pod().name, 'service.namespace': 'shop' }],
  ];
  for (const [what, changes, expected] of rows) {
    test(what, () => {
      const extract = { metadata, otel_annotations: true };
      const {
        'service.name': name,
        'service.namespace': namespace,
        'service.version': version,
      } = added({ extract }, BY_UID, new FakeCluster(pod({ containers: [], ...changes })));
      const all = { 'service.name': name, 'service.namespace': namespace, 'service.version': version };
      assert.deepEqual(JSON.parse(JSON.stringify(all)), expected);
    });
  }
});

describe('an image', () => {
  const digest = `sha256:${'ab'.repeat(32)}`;
  const rows: readonly (readonly [string, string, readonly [string, string, string]])[] = [
    ['nginx', '', ['nginx', 'latest', '']],
    ['nginx:1.27', '', ['nginx', '1.27', '']],
    ['registry:5000/team/app', '', ['registry:5000/team/app', 'latest', '']],
    [
      'registry:5000/team/app:2',
      `registry:5000/team/app@${digest}`,
      ['registry:5000/team/app', '2', `registry:5000/team/app@${digest}`],
    ],
    [`app@${digest}`, `docker-pullable://app@${digest}`, ['app', 'latest', `app@${digest}`]],
    [`app:1@${digest}`, digest, ['app', '1', '']],
    ['app:1', 'sha256:abc', ['app', '1', '']],
    ['', '', ['', '', '']],
  ];
  for (const [image, imageId, expected] of rows) {
    test(`${image || 'nothing'} ${imageId}`, () => {
      const { name, tag, digest } = imageOf({ image, imageId });
      assert.deepEqual([name, tag, digest], expected);
    });
  }
});
