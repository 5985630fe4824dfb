import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { logRecords } from 'bpflow/sdk';
import { Cut } from './cut.ts';
import { Follower, totalOf } from './hubble-follower.ts';
import { HubbleServer } from './hubble-server.ts';
import { temporaryFolder, until } from './program.ts';
import { isFull, missing } from './programs.ts';

const skip = missing('hubble-server');
const folder = temporaryFolder();
after(() => folder[Symbol.dispose]());
const rounds = isFull ? 1000 : 80;

describe('the hubble receiver loses nothing unseen', { skip }, () => {
  for (const reader of ['quick', 'slow'] as const) {
    test(`with a ring of 63 and a ${reader} reader, received and lost are what was fed`, async () => {
      await using server = await HubbleServer.start({ folder: folder.path, ring: 63 });
      await using follower = new Follower({ endpoint: server.plain, hubble_tls_enabled: false });
      await follower.follows();
      await server.hasStreams(1);
      const pause = new Int32Array(new SharedArrayBuffer(4));
      const pauses = reader === 'slow' ? setInterval(() => Atomics.wait(pause, 0, 0, 20), 50) : undefined;
      await server.feed(rounds * 20, 'tcp=1,http=1', reader === 'slow' ? 10_000 : 0);
      clearInterval(pauses);
      // Hubble tells of losses a second later, and with the next event.
      const all = async (): Promise<boolean> => {
        await wait(1100);
        await server.feed(1, 'icmp=1');
        await wait(100);
        const { accepted, lost } = follower.counts;
        const { decoded } = await server.stats();
        // What is lost are entries of the ring: among them are the agent's own events, of which each feed makes one.
        const events = decoded['total']!['flows']! + decoded['agent_event']!['AGENT_STARTED']!;
        return accepted + lost >= decoded['total']!['flows']! && accepted + lost <= events;
      };
      await until(all, async () => {
        return `${JSON.stringify(follower.counts)} of ${JSON.stringify((await server.stats()).decoded['total'])}`;
      });
      assert.ok(follower.counts.lost > 0, 'nothing was lost: the test shows nothing');
      const told = await follower.sums('hubble_lost_events_total', 'source');
      assert.equal(
        Object.values(told).reduce((sum, count) => sum + count, 0),
        follower.counts.lost,
      );
    });
  }

  test('killed in the middle and started anew again and again, no flow comes twice and every gap is told', async () => {
    let server = await HubbleServer.start({ folder: folder.path });
    await using follower = new Follower({ endpoint: server.plain, hubble_tls_enabled: false, context: { labels: [] } });
    const restarts = isFull ? 20 : 4;
    for (let i = 0; i < restarts; i++) {
      await follower.follows();
      await server.hasStreams(1);
      const before = follower.counts.accepted;
      // Killed while it is fed: the request for it fails.
      const fed = server.feed(100_000, 'tcp=1,drop=1,udp=1', 5000).catch(() => {});
      await follower.has(before + 500);
      await server.kill();
      await fed;
      await until(
        () => follower.connection.kind !== 'following',
        () => 'It does not see that the server is gone.',
      );
      server = await HubbleServer.start({ folder: folder.path, addresses: server.addresses });
    }
    await follower.follows();
    await server[Symbol.asyncDispose]();
    const { accepted } = follower.counts;
    assert.ok(accepted >= 500 * restarts);
    assert.equal(totalOf(await follower.rows(), 'hubble_flows_total'), accepted);
    await until(
      () => follower.logs.items === accepted,
      () => `${follower.logs.items} log records of ${accepted} flows`,
    );
    // The server gives each flow another time.
    const times = new Set(follower.logs.batches.flatMap((batch) => Array.from(logRecords(batch), ({ time }) => time)));
    assert.equal(times.size, accepted);
    const { unknownGaps } = follower.scope.view('connection') as { readonly unknownGaps: number };
    assert.equal(unknownGaps, restarts);
  });

  test('what was overwritten while the receiver was away is told as at least so many', async () => {
    const ring = 1023;
    await using server = await HubbleServer.start({ folder: folder.path, ring });
    await using proxy = await Cut.to(server.plain);
    await using follower = new Follower({ endpoint: proxy.address, hubble_tls_enabled: false });
    await follower.follows();
    await server.hasStreams(1);
    await server.feed(5, 'tcp=1');
    await follower.has((await server.stats()).decoded['total']!['flows']!);
    proxy.cut();
    await server.feed(1000, 'tcp=1');
    proxy.mend();
    await follower.follows();
    const flows = (await server.stats()).decoded['total']!['flows']!;
    const near = 10;
    await follower.has(5 * 6 + ring - near);
    const told = await follower.sums('hubble_lost_events_total', 'source');
    const lost = told['reconnect'] ?? 0;
    const { accepted } = follower.counts;
    assert.ok(accepted + lost <= flows && accepted + lost > flows - near, `${accepted} + ${lost} of ${flows}`);
    assert.ok(follower.scope.logs.some(({ fields }) => fields?.['missed'] === `at least ${lost}`));
  });

  test('what comes while the receiver is away is fetched from the ring, and nothing twice', async () => {
    await using server = await HubbleServer.start({ folder: folder.path });
    await using proxy = await Cut.to(server.plain);
    await using follower = new Follower({ endpoint: proxy.address, hubble_tls_enabled: false });
    await follower.follows();
    await server.hasStreams(1);
    const cuts = isFull ? 20 : 4;
    for (let i = 0; i < cuts; i++) {
      await server.feed(3);
      proxy.cut();
      await server.feed(3);
      proxy.mend();
      await follower.follows();
      const stats = await server.stats();
      await follower.has(stats.decoded['total']!['flows']!);
    }
    await wait(300);
    const stats = await server.stats();
    assert.equal(follower.counts.accepted, stats.decoded['total']!['flows']);
    assert.equal(follower.counts.lost, stats.fed['lost']!['PERF_EVENT_RING_BUFFER']);
    assert.ok(follower.connection.streams > cuts);
  });

  test('a server whose ring is empty is waited for, and its first flows come', async () => {
    await using server = await HubbleServer.start({ folder: folder.path, more: ['-empty-ring'] });
    await using follower = new Follower({ endpoint: server.plain, hubble_tls_enabled: false });
    await until(
      () => follower.connection.kind === 'waiting',
      () => 'It does not wait.',
    );
    await server.feed(2, 'agent=1');
    await follower.follows();
    await server.hasStreams(1);
    await server.feed(3, 'tcp=1');
    await follower.has((await server.stats()).decoded['total']!['flows']!);
  });
});
