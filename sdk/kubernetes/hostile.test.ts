import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ApiError } from './api-error.ts';
import type { ApiObject } from './api-objects.ts';
import { type Encoding, readEvent, readList, readObject, readStatus } from './encoding.ts';
import { createFrames } from './frames.ts';
import { ENDPOINT_SLICE, POD } from './shapes.ts';
import { eventBytes, listBytes, objectBytes } from './test/wire-objects.ts';
import { container, pod, World } from './test/world.ts';

const RUNS = process.env['BPFLOW_SUITE'] === 'full' ? 100_000 : 2000;
const encodings = ['protobuf', 'json'] as const;
const whole = pod('a', {
  status: { containerStatuses: [container('x', { lastState: { terminated: { containerID: 'c://y' } } })] },
});

/** The event without what cuts it from its neighbours. */
function frame(encoding: Encoding): Buffer {
  const bytes = eventBytes(encoding, 'ADDED', whole);
  return encoding === 'json' ? bytes.subarray(0, -1) : bytes.subarray(4);
}

const mutations = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 });

for (const encoding of encodings) {
  test(`damaged ${encoding} is read or refused, never worse`, () => {
    const originals = [
      frame(encoding),
      listBytes(encoding, { metadata: {}, items: [whole] }),
      objectBytes(encoding, whole),
    ];
    const readers = [
      (bytes: Buffer) => readEvent(encoding, bytes, POD),
      (bytes: Buffer) => readList(encoding, bytes, POD).items.map((item) => item()),
      (bytes: Buffer) => readObject(encoding, bytes),
      (bytes: Buffer) => readEvent(encoding, bytes, ENDPOINT_SLICE),
      (bytes: Buffer) => readStatus('application/json', bytes),
    ];
    const original = fc.constantFrom(...originals);
    const property = fc.property(original, mutations, fc.nat(), (bytes, changes, length) => {
      const damaged = Buffer.from(bytes.subarray(0, length % 3 === 0 ? length % bytes.length : bytes.length));
      for (const [at, byte] of changes) if (damaged.length > 0) damaged[at % damaged.length] = byte;
      for (const read of readers) {
        try {
          read(damaged);
        } catch (error) {
          assert.ok(error instanceof ApiError, String(error));
        }
      }
    });
    fc.assert(property, { numRuns: RUNS });
  });

  test(`${encoding} is cut into the same events wherever its chunks end`, () => {
    const events = ['a', 'ü', 'c'].map((name) => pod(name));
    const stream = Buffer.concat(events.map((object) => eventBytes(encoding, 'ADDED', object)));
    const property = fc.property(
      fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 30 }),
      (sizes) => {
        const frames = createFrames(encoding);
        const names: (string | undefined)[] = [];
        for (let at = 0, i = 0; at < stream.length; i++) {
          const size = sizes[i % sizes.length]!;
          frames.push(stream.subarray(at, at + size), (bytes) => {
            const { object } = readEvent<ApiObject>(encoding, bytes, POD);
            names.push((object as ApiObject).metadata?.name);
          });
          at += size;
        }
        assert.deepEqual(names, ['a', 'ü', 'c']);
      },
    );
    fc.assert(property, { numRuns: 200 });
  });
}

test('an object that cannot be read each time it comes is left out, and keeps out no other', async () => {
  await using world = await World.start({}, (server) => {
    server.encoding = 'json';
    server.set('pods', pod('a'));
    server.set('pods', { metadata: { name: 'odd', uid: 'odd', ownerReferences: 7 } } as unknown as ApiObject);
    server.set('pods', pod('b'));
  });
  world.start();
  await world.until(() => world.kubernetes.synced, 'the others are known', 200);
  assert.deepEqual(world.names(), ['a', 'b']);
  assert.deepEqual(world.errors(), { malformed: 2 });
  assert.equal(world.scope.lastHealth?.state, 'degraded');
  assert.match(world.scope.lastHealth!.summary, /1 pods could not be read and are left out/);
});

test('objects with anything in place of what belongs there end the watch, not the agent', async () => {
  await using world = await World.start({}, (server) => {
    server.encoding = 'json';
    server.set('pods', pod('good'));
  });
  await world.ready();
  const bad = [
    { metadata: { uid: 'x', labels: 'none', ownerReferences: {} } },
    { metadata: { uid: 'x', name: 7, namespace: [] }, spec: null },
    { metadata: null, status: { podIPs: 3 } },
    { metadata: { uid: 'x' }, status: { containerStatuses: [null] } },
    { metadata: { uid: 'x' }, status: { containerStatuses: [{ containerID: {} }] } },
    [],
    null,
  ];
  let failed = 0;
  for (const object of bad) {
    await world.until(() => world.server.watchers === 1, 'it watches', 200);
    world.server.write('pods', Buffer.from(`${JSON.stringify({ type: 'ADDED', object })}\n`));
    world.server.set('pods', pod(`after-${failed++}`));
    await world.until(() => world.names().includes(`after-${failed - 1}`), 'what follows is known', 200);
  }
  assert.ok(world.names().includes('good'));
  assert.deepEqual(
    Object.keys(world.errors()).filter((reason) => reason !== 'malformed' && reason !== 'closed'),
    [],
  );
  assert.ok(world.errors()['malformed']! > 0);
});
