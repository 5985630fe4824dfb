import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
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
  test('with a ring of 63 and more flows at once than it holds, received and lost are what was fed', async () => {
    await using server = await HubbleServer.start({ folder: folder.path, ring: 63 });
    await using follower = new Follower({ endpoint: server.plain, hubble_tls_enabled: false });
    await follower.follows();
    await server.hasStreams(1);
    await server.feed(rounds * 20, 'tcp=1,http=1');
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
    const told = await follower.sums('hubble_lost_events_total', 'source');
    assert.equal(
      Object.values(told).reduce((sum, count) => sum + count, 0),
      follower.counts.lost,
    );
  });

  test('killed and started anew again and again, no flow comes twice and a gap is told', async () => {
    let server = await HubbleServer.start({ folder: folder.path });
    await using follower = new Follower({ endpoint: server.plain, hubble_tls_enabled: false, context: { labels: [] } });
    const restarts = isFull ? 20 : 3;
    let fed = 0;
    for (let i = 0; i < restarts; i++) {
      await follower.follows();
      await server.hasStreams(1);
      await server.feed(5, 'tcp=1,http=1,drop=1');
      fed += (await server.stats()).decoded['total']!['flows']!;
      await follower.has(fed);
      await server.kill();
      await until(
        () => follower.connection.kind !== 'following',
        () => 'It does not see that the server is gone.',
      );
      server = await HubbleServer.start({ folder: folder.path, addresses: server.addresses });
    }
    await follower.follows();
    await server[Symbol.asyncDispose]();
    assert.equal(follower.counts.accepted, fed);
    assert.equal(totalOf(await follower.rows(), 'hubble_flows_total'), fed);
    const { unknownGaps } = follower.scope.view('connection') as { readonly unknownGaps: number };
    assert.equal(unknownGaps, restarts);
  });

  test('what comes while the receiver is away is fetched from the ring, and nothing twice', async () => {
    await using server = await HubbleServer.start({ folder: folder.path });
    const proxy = await Cut.to(server.plain);
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
    await proxy.close();
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
