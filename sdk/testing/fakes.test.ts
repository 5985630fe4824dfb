import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AGENT, type Agent, PermanentError, RetryableError } from 'bpflow/sdk';
import {
  collectingConsumer,
  fakeScope,
  fakeUpstream,
  guardBatch,
  metricsOf,
  refusingConsumer,
  sampleBatch,
} from 'bpflow/testing';

const ABORT = new AbortController().signal;

test('a scope remembers what a component did with it', () => {
  const scope = fakeScope('exporter', 'page', { name: '2' });
  scope.log.warn('Slow.', { ms: 5 });
  scope.health({ state: 'degraded', summary: 'Slow.' });
  scope.items.dropped(3, 'expired');
  scope.items.dropped(0, 'none');
  scope.items.merged(2);
  scope.inspect('state', () => ({ rows: 1, none: undefined }));
  assert.equal(`${scope.id}`, 'page/2');
  assert.deepEqual(scope.logs, [{ level: 'warn', message: 'Slow.', fields: { ms: 5 } }]);
  assert.equal(scope.lastHealth?.state, 'degraded');
  assert.deepEqual(scope.items.drops, [{ count: 3, reason: 'expired' }]);
  assert.deepEqual(scope.items.totals, { dropped: 3, created: 0, merged: 2 });
  assert.deepEqual(scope.view('state'), { rows: 1 });
  assert.throws(() => scope.view('other'), /publishes no view other/);
  assert.throws(() => scope.get(AGENT), /Nobody provides bpflow:agent to page\/2/);
  scope.provide(AGENT, { name: 'a' } as Agent);
  assert.equal(scope.get(AGENT).name, 'a');
  assert.equal(scope.find(AGENT, String(scope.id))?.name, 'a');
  assert.equal(scope.find(AGENT, 'another'), undefined);
});

test('a meter remembers what was measured, by attributes', () => {
  const { meter } = fakeScope();
  const counter = meter.createCounter('sent');
  counter.add(2, { to: 'a', from: 'b' });
  counter.add(3, { from: 'b', to: 'a' });
  meter.createHistogram('sizes').record(7);
  let fill = 1;
  meter.createObservableGauge('fill').addCallback((result) => result.observe(fill, { queue: 1 }));
  assert.equal(meter.value('sent', { to: 'a', from: 'b' }), 5);
  assert.equal(meter.value('sent'), undefined);
  assert.deepEqual(meter.value('sizes'), [7]);
  assert.equal(meter.value('fill', { queue: 1 }), 1);
  fill = 4;
  assert.equal(meter.value('fill', { queue: 1 }), 4);
  assert.throws(() => meter.value('other'), /There is no instrument other; there are: sent, sizes, fill/);
});

test('consumers collect, refuse for a while, or refuse for good', async () => {
  const batch = sampleBatch('logs');
  const collecting = collectingConsumer();
  await collecting.consume(batch, ABORT);
  assert.deepEqual([collecting.batches, collecting.items], [[batch], batch.length]);

  const busy = refusingConsumer({ times: 1 });
  assert.ok(busy.refusal() instanceof RetryableError);
  assert.throws(() => busy.consume(batch, ABORT), RetryableError);
  assert.equal(busy.refusal(), undefined);
  await busy.consume(batch, ABORT);
  assert.deepEqual([busy.refused, busy.items], [1, batch.length]);

  const surprising = refusingConsumer({ how: 'permanent' });
  assert.equal(surprising.refusal(), undefined);
  await assert.rejects(Promise.resolve(surprising.consume(batch, ABORT)), PermanentError);
});

test('an upstream counts the collections it is asked for', async () => {
  let collected = 0;
  const upstream = fakeUpstream(() => void collected++);
  assert.equal(await upstream.collect({ maxAgeMs: 1, timeoutMs: 2 }), 'fresh');
  assert.deepEqual([collected, upstream.pullable, upstream.collections.length], [1, true, 1]);
  assert.equal(fakeUpstream().pullable, false);
});

test('a guarded batch tells who wrote to it, and where', () => {
  const batch = sampleBatch('metrics');
  const check = guardBatch(batch);
  check();
  assert.throws(() => {
    (batch.metrics as unknown[]).pop();
  }, TypeError);
  const [requests] = batch.metrics;
  assert.ok(requests?.kind === 'sum');
  requests.points.values[1] = 99;
  assert.throws(check, /metrics\.metrics\.0\.points\.values was written to/);
});

test('points read as plain rows', () => {
  const [first] = metricsOf(sampleBatch('metrics'));
  assert.deepEqual(first, {
    name: 'http.requests',
    unit: '{request}',
    kind: 'sum',
    temporality: 'delta',
    monotonic: true,
    attributes: { 'http.request.method': 'GET', 'http.response.status_code': 200 },
    resource: { 'host.name': 'node-1', 'service.name': 'checkout' },
    scope: 'bpflow.testing',
    time: 1_700_000_010_000_000_000n,
    startTime: 1_700_000_000_000_000_000n,
    value: 1,
  });
});
