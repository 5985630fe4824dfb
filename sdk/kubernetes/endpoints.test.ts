import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiEndpoint, ApiEndpointSlice } from './api-objects.ts';
import { World } from './test/world.ts';

function slice(name: string, service: string, endpoints: readonly ApiEndpoint[]): ApiEndpointSlice {
  return {
    metadata: { name, namespace: 'shop', uid: name, labels: { 'kubernetes.io/service-name': service } },
    endpoints,
  };
}
const ready = { ready: true };

test('endpoints are counted by Service, over its slices and families each once', async () => {
  await using world = await World.start({ endpoints: true }, (server) => {
    server.set(
      'endpointslices',
      slice('web-4a', 'web', [
        { addresses: ['10.0.0.1'], conditions: ready, targetRef: { uid: 'p1' } },
        { addresses: ['10.0.0.2'], conditions: { ready: false }, targetRef: { uid: 'p2' } },
      ]),
    );
    server.set(
      'endpointslices',
      slice('web-6', 'web', [
        { addresses: ['fd00::1'], conditions: ready, targetRef: { uid: 'p1' } },
        { addresses: ['fd00::3'], conditions: { ready: false, serving: true, terminating: true } },
        { addresses: ['fd00::4'] },
      ]),
    );
    server.set('endpointslices', slice('empty', 'empty', []));
  });
  const { kubernetes, server, scope } = await world.ready();
  await world.until(() => [...kubernetes.services()].length === 2, 'the Services are known');
  assert.deepEqual(
    [...kubernetes.services()],
    [
      { namespace: 'shop', name: 'web', endpoints: 4, ready: 2, terminating: 1 },
      { namespace: 'shop', name: 'empty', endpoints: 0, ready: 0, terminating: 0 },
    ],
  );
  const labels = { namespace: 'shop', service: 'web' };
  assert.equal(scope.meter.value('hubble_endpoint_count', labels), 4);
  assert.equal(scope.meter.value('hubble_endpoint_ready', labels), 2);
  server.remove('endpointslices', slice('web-6', 'web', []));
  await world.until(() => [...kubernetes.services()][0]?.endpoints === 2, 'the slice is gone');
});

test('without the option nothing asks for them', async () => {
  await using world = await World.start();
  await world.ready();
  assert.deepEqual([...world.kubernetes.services()], []);
  assert.deepEqual(
    world.server.requests.map(({ path }) => path),
    ['/api/v1/pods'],
  );
});
