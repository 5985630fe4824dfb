import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { type FakeApiServer, type Fault, refuse } from './test/fake-api-server.ts';
import { pod, World } from './test/world.ts';

/** Two pods, a hundred ms a step while something is waited for. */
async function running(prepare: (server: FakeApiServer) => void = () => {}): Promise<World> {
  const world = await World.start({}, (server) => {
    for (const name of ['a', 'b']) server.set('pods', pod(name));
    prepare(server);
  });
  return world.ready();
}

/** What the cache must come to, whatever happened: `a` gone, `c` new. Changed while nobody was told. */
function changeUnseen({ server }: World): void {
  server.remove('pods', pod('a'), true);
  server.set('pods', pod('c'), true);
}

async function equal(world: World): Promise<void> {
  await world.until(() => world.names().join() === 'b,c', 'the cache equals the API', 200);
  await world.until(() => world.kubernetes.synced, 'the cache is live again', 200);
}

describe('a watch', () => {
  test('goes on where a bookmark was, when the server ends it', async () => {
    await using world = await running();
    const { server, scope } = world;
    server.bookmark('pods');
    server.bookmark('pods');
    await world.until(() => Number(viewOf(world).last_event_seconds) === 0, 'an event came');
    scope.clock.advance(5000);
    const before = server.requests.length;
    server.endWatches('pods');
    await world.until(() => server.watchers === 1 && server.requests.length > before, 'it watches again');
    const [again] = server.requests.slice(before);
    assert.equal(again!.query.get('resourceVersion'), '1004');
    assert.equal(again!.query.get('sendInitialEvents'), null);
    assert.deepEqual(world.errors(), {});
    server.set('pods', pod('c'));
    await world.until(() => world.names().join() === 'a,b,c', 'the new pod is known');
  });

  for (const how of ['end', 'cut'] as const) {
    test(`tells what happened meanwhile, after the connection was ${how === 'end' ? 'ended at once' : 'cut'}`, async () => {
      await using world = await running();
      changeUnseen(world);
      world.server.endWatches('pods', how);
      await equal(world);
    });
  }

  test('that is too old is begun anew, and what is not in the list is gone: an event of code 410', async () => {
    await using world = await running();
    changeUnseen(world);
    world.server.compact();
    world.server.endWatches('pods');
    await equal(world);
    assert.equal(world.errors()['expired'], 1);
  });

  test('that is too old is begun anew, when the answer itself is 410', async () => {
    await using world = await running();
    changeUnseen(world);
    const end = world.server.fault(({ query }, response) => {
      if (!query.has('resourceVersion')) return false;
      refuse(response, 410, 'Expired', 'too old resource version');
      return true;
    });
    world.server.endWatches('pods');
    await equal(world);
    end();
    assert.ok(world.errors()['expired']! >= 1);
  });

  test('that says nothing for 150 s is ended; a bookmark keeps it alive', async () => {
    await using world = await running();
    const { server, scope } = world;
    for (let i = 0; i < 3; i++) {
      scope.clock.advance(100_000);
      server.bookmark('pods');
      await world.until(() => Number(viewOf(world).last_event_seconds) === 0, 'the bookmark came');
    }
    assert.deepEqual(world.errors(), {});
    changeUnseen(world);
    scope.clock.advance(151_000);
    await equal(world);
    assert.deepEqual(world.errors(), { silent: 1 });
  });

  for (const [what, bytes, reason] of [
    ['bytes that are no event', Buffer.from([0, 0, 0, 3, 0xff, 0xff, 0xff]), 'malformed'],
    ['an event without an object', Buffer.from([0, 0, 0, 2, 0x0a, 0x00]), 'malformed'],
    ['an event of 4 GiB', Buffer.from([0xff, 0xff, 0xff, 0xff, 0]), 'too_large'],
  ] as const) {
    test(`that brings ${what} is begun again`, async () => {
      await using world = await running();
      world.server.write('pods', bytes);
      changeUnseen(world);
      await equal(world);
      assert.equal(world.errors()[reason], 1);
    });
  }

  test('in JSON is cut into lines wherever the chunks end, and ended by a line without an end', async () => {
    await using world = await running((server) => {
      server.encoding = 'json';
    });
    const { server } = world;
    const event = Buffer.from(`${JSON.stringify({ type: 'ADDED', object: pod('ü') })}\n`);
    for (const byte of event) server.write('pods', Buffer.from([byte]));
    await world.until(() => world.names().includes('ü'), 'the pod is known');
    server.set('pods', pod('ü'), true);
    server.write('pods', Buffer.alloc(17 * 1024 * 1024, 'x'));
    await world.until(() => world.errors()['too_large'] === 1, 'it was too much');
  });
});

describe('a list', () => {
  test('comes in pages where the server knows no streams', async () => {
    await using world = await running((server) => {
      server.streaming = false;
      server.pageSize = 1;
    });
    assert.deepEqual(world.names(), ['a', 'b']);
    const lists = world.server.requests.filter(({ query }) => query.has('limit'));
    assert.deepEqual(
      lists.map(({ query }) => query.get('continue')),
      [null, '1'],
    );
    changeUnseen(world);
    world.server.compact();
    world.server.endWatches('pods');
    await equal(world);
  });

  test('comes in pages where the storage behind the server knows no streams', async () => {
    await using world = await running((server) => {
      server.encoding = 'json';
      server.fault(({ query }, response) => {
        if (!query.has('sendInitialEvents')) return false;
        response.setHeader('content-type', 'application/json');
        const message = 'required storage feature RequestWatchProgress is disabled';
        response.end(`${JSON.stringify({ type: 'ERROR', object: { code: 500, message } })}\n`);
        return true;
      });
    });
    assert.deepEqual(world.names(), ['a', 'b']);
    assert.deepEqual(world.errors(), {});
  });

  test('comes in pages where a server begins a stream and does not end it', async () => {
    await using world = await World.start({}, (server) => {
      server.set('pods', pod('b'));
      server.fault(({ query }, response) => {
        if (!query.has('sendInitialEvents')) return false;
        response.setHeader('content-type', 'application/json');
        response.flushHeaders();
        return true;
      });
    });
    world.start();
    await world.until(() => world.kubernetes.synced, 'the pods are known', 500);
    assert.deepEqual(world.names(), ['b']);
  });

  test('that becomes too old between two pages begins anew', async () => {
    let refusals = 0;
    await using world = await World.start({}, (server) => {
      for (const name of ['a', 'b']) server.set('pods', pod(name));
      server.streaming = false;
      server.pageSize = 1;
      server.fault(({ query }, response) => {
        if (!query.has('continue') || refusals++ > 0) return false;
        refuse(response, 410, 'Expired', 'The provided continue parameter is too old');
        return true;
      });
    });
    world.start();
    await world.until(() => world.kubernetes.synced, 'the pods are known', 100);
    assert.deepEqual(world.names(), ['a', 'b']);
    assert.deepEqual(world.errors(), { expired: 1 });
  });

  test('that breaks off begins anew, and loses nothing', async () => {
    let broken = 0;
    await using world = await World.start({}, (server) => {
      for (const name of ['a', 'b']) server.set('pods', pod(name));
      server.fault(({ query }, response) => {
        if (!query.has('sendInitialEvents') || broken++ > 1) return false;
        response.setHeader('content-type', 'application/json');
        response.write(`${JSON.stringify({ type: 'ADDED', object: pod('a') })}\n`, () => response.destroy());
        return true;
      });
    });
    world.start();
    await world.until(() => world.kubernetes.synced, 'the pods are known', 100);
    assert.deepEqual(world.names(), ['a', 'b']);
    assert.deepEqual(world.errors(), { connection: 2 });
  });
});

describe('while the API does not answer, what is known stays, and everything is tried again:', () => {
  const proxyPage: Fault = (_, response) => {
    response.setHeader('content-type', 'text/html');
    response.end('<h1>Sign in</h1>');
    return true;
  };
  const status =
    (code: number, reason: string): Fault =>
    (_, response) => {
      refuse(response, code, reason, reason);
      return true;
    };
  const faults: readonly (readonly [string, Fault, string])[] = [
    ['401', status(401, 'Unauthorized'), 'unauthorized'],
    ['403', status(403, 'Forbidden'), 'forbidden'],
    ['429', status(429, 'TooManyRequests'), 'throttled'],
    ['500', status(500, 'InternalError'), 'unavailable'],
    ['503', status(503, 'ServiceUnavailable'), 'unavailable'],
    ['a page of a proxy', proxyPage, 'malformed'],
    [
      'a cut connection',
      (request, response) => {
        response.destroy();
        return request !== undefined;
      },
      'connection',
    ],
    ['no answer at all', () => true, 'silent'],
  ];
  for (const [what, fault, reason] of faults) {
    test(what, async () => {
      await using world = await running();
      const end = world.server.fault(fault);
      changeUnseen(world);
      world.server.endWatches('pods');
      await world.until(() => (world.errors()[reason] ?? 0) >= 2, 'it failed twice', 500);
      assert.deepEqual(world.names(), ['a', 'b']);
      assert.equal(world.kubernetes.synced, false);
      assert.equal(world.scope.lastHealth?.state, 'degraded');
      end();
      await equal(world);
      assert.equal(world.scope.lastHealth?.state, 'ok');
    });
  }

  test('the server away', async () => {
    await using world = await running();
    await world.server.close();
    await world.until(() => (world.errors()['connection'] ?? 0) >= 4, 'it failed', 1000);
    changeUnseen(world);
    await world.server.listen();
    await equal(world);
  });
});

test('pauses grow up to 30 s and obey Retry-After', async () => {
  await using world = await running();
  const { clock } = world.scope;
  const asked: number[] = [];
  const end = world.server.fault((_, response) => {
    asked.push(clock.monotonic());
    response.setHeader('retry-after', '3');
    refuse(response, 503, 'ServiceUnavailable', 'away');
    return true;
  });
  world.server.endWatches('pods', 'cut');
  await world.until(() => asked.length === 10, 'it was asked ten times', 200);
  end();
  const pauses = asked.slice(1).map((at, i) => at - asked[i]!);
  assert.ok(Math.min(...pauses) >= 3000, `the server's wish: ${pauses}`);
  assert.ok(pauses.at(-1)! > 20_000, `growing: ${pauses}`);
  // Some steps pass while an answer is on its way.
  assert.ok(Math.max(...pauses) <= 40_000, `bounded: ${pauses}`);
});

test('the token is read again for each request, and never told', async () => {
  await using world = await running();
  const { server, scope } = world;
  assert.equal(server.requests.at(-1)!.authorization, 'Bearer first');
  const end = server.fault(({ authorization }, response) => {
    if (authorization === 'Bearer second') return false;
    refuse(response, 401, 'Unauthorized', 'Unauthorized');
    return true;
  });
  changeUnseen(world);
  server.endWatches('pods', 'cut');
  await world.until(() => world.errors()['unauthorized']! >= 1, 'the old token is refused', 200);
  writeFileSync(world.tokenFile, 'second');
  await equal(world);
  end();
  writeFileSync(world.tokenFile, 'not a token\n');
  server.endWatches('pods', 'cut');
  await world.until(() => world.errors()['token']! >= 1, 'what is no token is refused', 200);
  assert.doesNotMatch(JSON.stringify([scope.logs, scope.healthReports]), /first|second|not a token/);
  assert.equal(readFileSync(world.tokenFile, 'utf8'), 'not a token\n');
});

test('a missing right is named with the rule that gives it, once, and its end is told', async () => {
  await using world = await World.start();
  const end = world.server.fault(({ path }, response) => {
    refuse(response, 403, 'Forbidden', `cannot list resource "pods" at ${path}`);
    return true;
  });
  world.start();
  await world.until(() => world.errors()['forbidden']! >= 3, 'it was refused', 1000);
  const rule = 'Add to its ClusterRole: { apiGroups: [""], resources: ["pods"], verbs: ["list", "watch"] }.';
  const { scope } = world;
  assert.equal(scope.lastHealth?.state, 'unavailable');
  assert.ok(scope.lastHealth?.summary.endsWith(rule), scope.lastHealth?.summary);
  assert.equal(scope.logs.filter(({ level }) => level === 'warn').length, 1);
  end();
  await world.until(() => world.kubernetes.synced, 'the pods are known', 1000);
  assert.equal(scope.logs.at(-1)?.message, 'The Kubernetes API answers again.');
});

function viewOf(world: World): { readonly last_event_seconds: number | null; readonly restarts: number } {
  const { kinds } = world.scope.view('kubernetes') as {
    kinds: Record<string, { last_event_seconds: number | null; restarts: number }>;
  };
  return kinds['pods']!;
}
