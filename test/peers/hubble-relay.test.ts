import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { Follower } from './hubble-follower.ts';
import { HubbleRelay, secondNode, twoNodes } from './hubble-relay.ts';
import type { HubbleServer, HubbleStats } from './hubble-server.ts';
import { compare, summed } from './hubble-truth.ts';
import { temporaryFolder, until } from './program.ts';
import { isFull, missing } from './programs.ts';

const folder = temporaryFolder();
after(() => folder[Symbol.dispose]());
const rounds = isFull ? 500 : 40;

interface View {
  readonly nodes: Readonly<Record<string, string>>;
}

describe("the hubble receiver behind Cilium's own relay", { skip: missing('hubble-server', 'hubble-relay') }, () => {
  test('counts what two nodes were fed, and tells the state of each', async () => {
    const [first, second] = await twoNodes(folder.path);
    await using _first = first;
    let other: HubbleServer = second;
    try {
      await using relay = await HubbleRelay.start(folder.path, first.mtls);
      await using follower = new Follower({ endpoint: relay.address, hubble_tls_enabled: false });
      const nodes = (): View['nodes'] => (follower.scope.view('connection') as View).nodes;
      const states = (expected: View['nodes']): Promise<void> =>
        until(
          () => JSON.stringify(Object.entries(nodes()).sort()) === JSON.stringify(Object.entries(expected)),
          () => `${JSON.stringify(nodes())}\n${relay.log.slice(-2000)}`,
        );
      await follower.follows();
      await states({ 'demo/node-a': 'connected', 'demo/node-b': 'connected' });
      assert.equal(follower.connection.isRelay, true);
      await first.hasStreams(1);
      await other.hasStreams(1);

      await Promise.all([first.feed(rounds), other.feed(rounds)]);
      const fed = summed(await first.stats(), await other.stats());
      await follower.has(fed.decoded['total']!['flows']!);
      await compare(follower, fed);
      const nodeOf = (stats: HubbleStats): number => stats.decoded['total']!['flows']!;
      assert.equal(nodeOf(await first.stats()), nodeOf(await other.stats()));

      await other.kill();
      await states({ 'demo/node-a': 'connected', 'demo/node-b': 'unavailable' });
      await first.feed(5, 'tcp=1');
      other = await secondNode(folder.path, first);
      await states({ 'demo/node-a': 'connected', 'demo/node-b': 'connected' });
      await other.hasStreams(1);
      await other.feed(5, 'tcp=1');
      const flows = nodeOf(fed) / 2 + nodeOf(await first.stats()) + nodeOf(await other.stats());
      await follower.has(flows);
      assert.equal(follower.counts.accepted, flows);
    } finally {
      await other[Symbol.asyncDispose]();
    }
  });
});
