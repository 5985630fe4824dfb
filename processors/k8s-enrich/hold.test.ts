import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Attributes, type MetricBatch, RetryableError } from 'bpflow/sdk';
import { Enrichment, logsOf } from './test/enrichment.ts';
import { CONTAINER, container, FakeCluster, pod, UID } from './test/fake-cluster.ts';

const OTHER = '0123abcd'.repeat(8);
const IN_POD: Attributes = { 'container.id': CONTAINER, 'k8s.pod.uid': UID };
const NAMED: Attributes = {
  ...IN_POD,
  'k8s.container.name': 'app',
  'k8s.deployment.name': 'web',
  'k8s.namespace.name': 'shop',
  'k8s.node.name': 'node-1',
  'k8s.pod.name': 'web-67bd7dcb4f-abcde',
  'k8s.pod.start_time': '2026-11-21T10:00:00Z',
};

describe('data that comes before its pod', () => {
  test('is held until the pod is known, then handed on with its names, in order', () => {
    const world = new Enrichment();
    void world.own({ resource: IN_POD, value: 1 }, { resource: {}, value: 7 });
    void world.own({ resource: IN_POD, value: 2 });
    assert.deepEqual(world.metrics, [{ resource: {}, value: 7 }]);
    assert.equal(world.processor.held!(), 2);
    world.scope.clock.advance(2000);
    world.cluster.set(pod());
    assert.deepEqual(world.metrics.slice(1), [
      { resource: NAMED, value: 1 },
      { resource: NAMED, value: 2 },
    ]);
    assert.equal(world.processor.held!(), 0);
    void world.own({ resource: IN_POD, value: 3 });
    assert.deepEqual(world.metrics.at(-1), { resource: NAMED, value: 3 });
  });

  test('waits for the name of its container as well, which comes after that of the pod', () => {
    const world = new Enrichment({}, new FakeCluster(pod({ containers: [] })));
    void world.own({ resource: IN_POD, value: 1 });
    assert.deepEqual(world.metrics, []);
    world.cluster.set(pod());
    assert.deepEqual(world.metrics, [{ resource: NAMED, value: 1 }]);
  });

  test('passes with the names of its pod alone when no container has its id: a sandbox', () => {
    const world = new Enrichment({}, new FakeCluster(pod()));
    void world.own({ resource: { 'container.id': OTHER, 'k8s.pod.uid': UID }, value: 1 });
    assert.deepEqual(world.metrics, []);
    world.scope.clock.advance(5000);
    const { 'k8s.container.name': _, ...names } = NAMED;
    assert.deepEqual(world.metrics, [{ resource: { ...names, 'container.id': OTHER }, value: 1 }]);
    assert.equal(world.unenriched('not_found'), undefined);
  });

  test('passes as it is after hold.timeout, and is counted', () => {
    const world = new Enrichment({ hold: { timeout: '3s' } });
    void world.own({ resource: IN_POD, value: 1 });
    world.scope.clock.advance(1000);
    void world.own({ resource: IN_POD, value: 2 });
    world.scope.clock.advance(1999);
    assert.deepEqual(world.metrics, []);
    world.scope.clock.advance(1);
    assert.deepEqual(world.metrics, [
      { resource: IN_POD, value: 1 },
      { resource: IN_POD, value: 2 },
    ]);
    assert.equal(world.unenriched('not_found'), 2);
    void world.own({ resource: IN_POD, value: 3 });
    assert.equal(world.unenriched('not_found'), 3, 'nothing of it waits again');
  });

  test('says that the API was away, where that is why', () => {
    const cluster = new FakeCluster();
    cluster.synced = false;
    const world = new Enrichment({}, cluster);
    void world.own({ resource: IN_POD, value: 1 });
    world.scope.clock.advance(5000);
    assert.equal(world.unenriched('not_synced'), 1);
  });

  test('passes at once when there is no room', () => {
    const world = new Enrichment({ hold: { max_items: 2 } });
    void world.own({ resource: IN_POD, value: 1 }, { resource: IN_POD, attributes: { a: 1 }, value: 2 });
    assert.equal(world.processor.held!(), 2);
    const second = { 'container.id': OTHER, 'k8s.pod.uid': '00000000-0000-0000-0000-000000000000' };
    void world.own({ resource: second, value: 3 });
    assert.deepEqual(world.metrics, [{ resource: second, value: 3 }]);
    assert.equal(world.unenriched('hold_full'), 1);
    assert.equal(world.processor.held!(), 2, 'who came first still waits');
  });

  test('is not held with hold.timeout 0', () => {
    const world = new Enrichment({ hold: { timeout: 0 } });
    void world.own({ resource: IN_POD, value: 1 });
    assert.deepEqual(world.metrics, [{ resource: IN_POD, value: 1 }]);
  });

  test('is looked through once for many names, where much is held, and still leaves in order', () => {
    const world = new Enrichment();
    const uid = (i: number) => `uid-${i}`;
    const pods = Array.from({ length: 100 }, (_, i) => pod({ uid: uid(i), containers: [], ips: [] }));
    const points = Array.from({ length: 6000 }, (_, i) => ({
      resource: { 'k8s.pod.uid': uid(i % 100) },
      attributes: { i },
      value: i,
    }));
    void world.own(...points);
    for (const each of pods.slice(0, 50)) world.cluster.set(each);
    assert.equal(world.sent.length, 0);
    world.scope.clock.advance(50);
    assert.equal(world.sent.length, 1);
    assert.equal(world.processor.held!(), 3000);
    void world.own(...points.slice(3000));
    for (const each of pods.slice(50)) world.cluster.set(each);
    void world.own({ resource: { 'k8s.pod.uid': uid(99) }, attributes: { i: 5999 }, value: 1 });
    assert.equal(world.processor.held!(), 0);
    const last = world.metrics.slice(-2).map(({ value }) => value);
    assert.deepEqual(last, [5999, 1]);
    assert.equal(world.metrics.length, 6000 + 3000 + 1);
  });

  test('stays held at a flush, and leaves at the stop', async () => {
    const world = new Enrichment();
    void world.own({ resource: IN_POD, value: 1 });
    await world.processor.flush!();
    assert.equal(world.processor.held!(), 1);
    await world.processor.stop!();
    assert.deepEqual(world.metrics, [{ resource: IN_POD, value: 1 }]);
    assert.equal(world.unenriched('stopped'), 1);
    assert.equal(world.cluster.listeners, 0);
  });

  test('is held of logs and spans by the record', () => {
    const world = new Enrichment();
    void world.give(logsOf({ 'service.name': 'a' }, { 'k8s.pod.uid': UID }, { 'service.name': 'b' }));
    assert.deepEqual(
      world.logs.map((resource) => resource['service.name']),
      ['a', 'b'],
    );
    assert.equal(world.processor.held!(), 1);
    world.cluster.set(pod());
    assert.equal(world.logs.length, 3);
    assert.equal(world.logs.at(-1)?.['k8s.pod.name'], 'web-67bd7dcb4f-abcde');
  });
});

describe('what follows', () => {
  test('refuses: nothing was held, and the sender has it all', () => {
    const world = new Enrichment();
    world.answer = () => {
      throw new RetryableError('Full.');
    };
    const offer = () => world.own({ resource: IN_POD, value: 1 }, { resource: {}, value: 7 });
    assert.throws(offer, RetryableError);
    assert.equal(world.processor.held!(), 0);
  });

  test('refuses what was held: it is offered again, and nothing new is taken until then', () => {
    const world = new Enrichment();
    void world.own({ resource: IN_POD, value: 1 });
    world.answer = () => {
      throw new RetryableError('Full.');
    };
    world.cluster.set(pod());
    assert.ok(world.processor.refusal!() instanceof RetryableError);
    assert.equal(world.processor.held!(), 1);
    world.answer = () => {};
    world.scope.clock.advance(100);
    assert.deepEqual(world.metrics, [{ resource: NAMED, value: 1 }]);
    assert.equal(world.processor.refusal!(), undefined);
  });

  test('takes its time: names that come meanwhile release what the same batch left behind', async () => {
    const world = new Enrichment();
    const gate = Promise.withResolvers<void>();
    world.answer = () => gate.promise;
    const given = world.own({ resource: IN_POD, value: 1 }, { resource: {}, value: 7 });
    world.cluster.set(pod());
    world.answer = () => {};
    gate.resolve();
    await given;
    assert.deepEqual(
      world.metrics.map(({ resource }) => resource),
      [{}, NAMED],
    );
    assert.equal(world.processor.held!(), 0);
  });
});

describe('a name that comes too late to be waited for', () => {
  test('of our own counters: what was counted stays where it is and ends with the series', () => {
    const world = new Enrichment({ hold: { timeout: 0 } });
    void world.own({ resource: IN_POD, value: 5 });
    world.cluster.set(pod());
    void world.own({ resource: IN_POD, value: 2 });
    assert.deepEqual(world.metrics, [
      { resource: IN_POD, value: 5 },
      { resource: NAMED, value: 2 },
    ]);
    void world.own({ resource: IN_POD, value: 0, ends: true });
    assert.deepEqual(world.metrics.slice(2), [
      { resource: NAMED, ends: true },
      { resource: IN_POD, ends: true },
    ]);
    assert.equal(world.scope.items.totals.created, 1);
  });

  test('of our own gauges and of foreign cumulative series: the old series ends, or it would count twice', () => {
    for (const give of ['ownGauge', 'foreign'] as const) {
      const world = new Enrichment({ hold: { timeout: 0 } });
      const emit = (value: number) =>
        give === 'ownGauge'
          ? world.ownGauge({ resource: IN_POD, value })
          : world.foreign('cumulative', { resource: IN_POD, value });
      void emit(5);
      world.cluster.set(pod());
      void emit(6);
      void emit(7);
      const [before, ...after] = world.metrics;
      assert.deepEqual(before, { resource: IN_POD, value: 5 });
      assert.equal(after[0]!.resource['k8s.pod.name'], 'web-67bd7dcb4f-abcde');
      assert.deepEqual(after[1], { resource: IN_POD, ends: true });
      assert.deepEqual(
        after.map(({ value, ends }) => value ?? ends),
        [6, true, 7],
      );
    }
  });

  test('ends the old series once, also when what follows refuses at first', () => {
    const world = new Enrichment({ hold: { timeout: 0 } });
    void world.ownGauge({ resource: IN_POD, value: 5 });
    world.cluster.set(pod());
    world.answer = () => {
      throw new RetryableError('Full.');
    };
    assert.throws(() => world.ownGauge({ resource: IN_POD, value: 6 }));
    world.answer = () => {};
    void world.ownGauge({ resource: IN_POD, value: 6 });
    assert.deepEqual(
      world.metrics.map(({ value, ends }) => value ?? ends),
      [5, 6, true],
    );
    assert.equal(world.scope.items.totals.created, 1);
  });

  test('moves deltas of others on, and ends nothing', () => {
    const world = new Enrichment({ hold: { timeout: 0 } });
    void world.foreign('delta', { resource: IN_POD, value: 5 });
    world.cluster.set(pod());
    void world.foreign('delta', { resource: IN_POD, value: 6 });
    assert.deepEqual(
      world.metrics.map(({ value, ends }) => value ?? ends),
      [5, 6],
    );
  });
});

describe('a pod that changes', () => {
  test('gives its new label to what comes after', () => {
    const extract = { metadata: [], labels: [{ key: 'app', tag_name: 'app' }] };
    const world = new Enrichment({ extract }, new FakeCluster(pod()));
    void world.own({ resource: IN_POD, value: 1 });
    world.cluster.set(pod({ labels: { app: 'shop' } }));
    void world.own({ resource: IN_POD, value: 2 });
    assert.deepEqual(
      world.metrics.map(({ resource, value }) => [resource['app'], value]),
      [
        ['web', 1],
        ['shop', 2],
      ],
    );
  });

  test('changes again and again: what is known of its series does not grow without end', () => {
    const extract = { metadata: [], labels: [{ key: 'n', tag_name: 'n' }] };
    const world = new Enrichment({ extract }, new FakeCluster(pod()));
    const points = Array.from({ length: 500 }, (_, i) => ({ resource: IN_POD, attributes: { i }, value: 1 }));
    const tables = new Set<unknown>();
    for (let n = 0; n < 30; n++) {
      world.cluster.set(pod({ labels: { n: String(n) } }));
      void world.own(...points);
      const { series } = (world.sent.at(-1) as MetricBatch).metrics[0]!;
      tables.add(series);
      assert.ok(series.size < 10_000, `${series.size} series`);
      assert.equal(world.metrics.at(-1)?.resource['n'], String(n));
      world.sent.length = 0;
      void world.own(points[0]!);
    }
    assert.ok(tables.size > 1);
    void world.own({ ...points[7]!, value: 0, ends: true });
    assert.equal(world.metrics.filter(({ ends }) => ends).length, 30, 'every name it had ends');
  });

  test('is gone: what still comes of it keeps its names', () => {
    const world = new Enrichment({}, new FakeCluster(pod()));
    void world.own({ resource: IN_POD, value: 1 });
    world.cluster.remove(UID);
    void world.own({ resource: IN_POD, value: 2 });
    assert.deepEqual(
      world.metrics.map(({ resource }) => resource),
      [NAMED, NAMED],
    );
    assert.equal(world.processor.held!(), 0);
  });

  test('restarts a container: both runs have its name', () => {
    const again = [container(CONTAINER), container(OTHER, { restarts: 1 })];
    const world = new Enrichment({}, new FakeCluster(pod({ containers: again })));
    void world.own({ resource: IN_POD, value: 1 }, { resource: { ...IN_POD, 'container.id': OTHER }, value: 2 });
    assert.deepEqual(
      world.metrics.map(({ resource }) => resource['k8s.container.name']),
      ['app', 'app'],
    );
  });
});

test('what waits can be looked at, and data without names passes as the very batch it came in', () => {
  const world = new Enrichment();
  const logs = logsOf({ 'service.name': 'a' }, { 'service.name': 'b' });
  void world.give(logs);
  void world.give(logsOf({ 'service.name': 'a' }));
  assert.equal(world.sent[0], logs);
  void world.own({ resource: IN_POD, value: 1 });
  world.scope.clock.advance(1500);
  assert.deepEqual(world.scope.view('waiting'), [{ resource: IN_POD, seconds: 1.5, reason: 'not_found' }]);
});
