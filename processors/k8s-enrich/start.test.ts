import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { KUBERNETES, type Processor } from 'bpflow/sdk';
import { fakeScope } from 'bpflow/testing';
import { k8sEnrichConfig } from './config.ts';
import spec from './index.ts';
import { Enrichment, logsOf } from './test/enrichment.ts';
import { FakeCluster, pod, UID } from './test/fake-cluster.ts';

function create(config: Record<string, unknown>, cluster?: FakeCluster, extension = '') {
  const scope = fakeScope('processor', 'k8s_enrich', {
    services: cluster !== undefined && extension === '' ? [[KUBERNETES, cluster]] : [],
    extensions: cluster !== undefined && extension !== '' ? [[KUBERNETES, extension, cluster]] : [],
  });
  return { scope, processor: spec.create(k8sEnrichConfig.parse(config), scope, {}) as Processor };
}

describe('the processor', () => {
  test('says what it needs to know of pods while it runs, and no longer', async () => {
    const cluster = new FakeCluster();
    const { processor } = create(
      {
        extract: {
          metadata: ['k8s.node.uid', 'k8s.cluster.uid', 'k8s.pod.uid', 'k8s.deployment.uid', 'service.name'],
          labels: [{ key: 'team', from: 'namespace' }],
          annotations: [{ key_regex: 'a.*' }],
          otel_annotations: true,
        },
        filter: { labels: [{ key: 'app', op: 'exists' }] },
      },
      cluster,
    );
    await processor.start!();
    const ofPod = (key: string, key_regex = '') => ({ from: 'pod', key, key_regex });
    assert.deepEqual(
      [...cluster.wishes],
      [
        {
          labels: [
            { from: 'namespace', key: 'team', key_regex: '' },
            ofPod('app'),
            ofPod('app.kubernetes.io/instance'),
            ofPod('app.kubernetes.io/name'),
            ofPod('app.kubernetes.io/version'),
          ],
          annotations: [ofPod('', 'a.*'), ofPod('', 'resource\\.opentelemetry\\.io/.*')],
          objects: ['node', 'namespace', 'deployment'],
        },
      ],
    );
    await processor.stop!();
    assert.equal(cluster.wishes.size + cluster.listeners, 0);
  });

  test('uses the extension that is named', async () => {
    const cluster = new FakeCluster();
    const { processor } = create({ kubernetes: 'kubernetes/east' }, cluster, 'kubernetes/east');
    await processor.start!();
    assert.equal(cluster.listeners, 1);
    assert.throws(() => create({ kubernetes: 'kubernetes/west' }, cluster, 'kubernetes/east'), /kubernetes\/west/);
  });

  test('asks an API itself where no extension does and auth_type says how', async () => {
    const { processor } = create({ auth_type: 'kubeConfig', kube_config_path: '/nonexistent/config' });
    await assert.rejects(async () => processor.start!(), { name: 'StartError', message: /\/nonexistent\/config/ });
    await processor.stop!();
  });

  test('uses the extension also where auth_type would say how to do without', async () => {
    const cluster = new FakeCluster();
    await create({ auth_type: 'kubeConfig', kube_config_path: '/nonexistent/config' }, cluster).processor.start!();
    assert.equal(cluster.listeners, 1);
  });

  test('says so where there is no cluster', async () => {
    const { processor, scope } = create({});
    await processor.start!();
    assert.equal(scope.lastHealth?.state, 'ok');
    assert.match(scope.lastHealth!.summary, /no Kubernetes/);
  });

  test('asks nobody in passthrough', async () => {
    const cluster = new FakeCluster();
    await create({ passthrough: true }, cluster).processor.start!();
    assert.equal(cluster.listeners, 0);
  });

  test('does not start without the node’s name, where it is to come from the environment', () => {
    assert.throws(() => create({ filter: { node_from_env_var: 'BPFLOW_TEST_NO_SUCH' } }, new FakeCluster()), {
      name: 'StartError',
      message: /BPFLOW_TEST_NO_SUCH is not set/,
    });
  });

  test('does not start with fields that only an API server knows', () => {
    const filter = { fields: [{ key: 'spec.schedulerName', value: 'x' }] };
    assert.throws(() => create({ filter }, new FakeCluster()), { name: 'StartError', message: /spec\.schedulerName/ });
  });
});

describe('wait_for_metadata', () => {
  const config = { wait_for_metadata: true, wait_for_metadata_timeout: '3s' };

  test('lets the start wait for the pods', async () => {
    const cluster = new FakeCluster();
    const known = Promise.withResolvers<void>();
    cluster.ready = () => known.promise;
    let started = false;
    const starting = Promise.resolve(create(config, cluster).processor.start!()).then(() => {
      started = true;
    });
    await new Promise(setImmediate);
    assert.equal(started, false);
    known.resolve();
    await starting;
  });

  test('lets the start fail when they do not come, as in the Collector', async () => {
    const cluster = new FakeCluster();
    cluster.ready = () => new Promise(() => {});
    const { processor, scope } = create(config, cluster);
    const starting = Promise.resolve(processor.start!());
    scope.clock.advance(3000);
    await assert.rejects(starting, { name: 'StartError', message: /not known in time/ });
    await processor.stop!();
    assert.equal(cluster.listeners, 0);
  });
});

test('what a pod belongs to is waited for as well', () => {
  const extract = { metadata: [], labels: [{ key: 'tier', from: 'deployment' }] };
  const world = new Enrichment({ extract }, new FakeCluster(pod()));
  void world.give(logsOf({ 'k8s.pod.uid': UID }));
  assert.equal(world.processor.held!(), 1);
  world.cluster.objects.set('deployment/shop/web', { uid: '', labels: { tier: 'front' }, annotations: {} });
  world.cluster.set(pod());
  assert.equal(world.logs[0]!['k8s.deployment.label.tier'], 'front');
});
