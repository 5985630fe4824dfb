import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { Follower } from './hubble-follower.ts';
import { type HubbleServer, type HubbleStats, WHOLE_MIX } from './hubble-server.ts';
import { compare } from './hubble-truth.ts';
import { WAYS } from './hubble-ways.ts';
import { temporaryFolder, until } from './program.ts';
import { isFull, missing } from './programs.ts';

const folder = temporaryFolder();
after(() => folder[Symbol.dispose]());
/** Everything together, on every merge; each kind of event alone besides in the full suite. */
const mixes = [WHOLE_MIX, ...(isFull ? WHOLE_MIX.split(',') : [])];
const rounds = isFull ? 500 : 40;

for (const [way, open] of Object.entries(WAYS)) {
  const skip = missing('hubble-server', ...(way.includes('relay') ? (['hubble-relay'] as const) : []));
  describe(`the hubble receiver counts what Cilium's server has fed, over ${way}`, { skip }, () => {
    for (const mix of mixes) {
      test(mix === WHOLE_MIX ? 'of all kinds together' : `of ${mix.replace(/=.*/, '')} alone`, async () => {
        await using path = await open(folder.path);
        const { server, config } = path;
        await using follower = new Follower(config);
        await follower.follows();
        await server.hasStreams(1);
        assert.equal(follower.connection.isRelay, way.includes('relay'));
        await server.feed(rounds, mix);
        const stats = await withAFlow(server);
        await until(
          () => follower.counts.accepted >= flowsOf(stats) && follower.counts.lost >= lostOf(stats),
          () => `${JSON.stringify(follower.counts)} of ${JSON.stringify(stats.decoded)}`,
        );
        await compare(follower, stats);
      });
    }
  });
}

/** Events of agents make no flows: one is fed behind them, so that what came before it has come. */
async function withAFlow(server: HubbleServer): Promise<HubbleStats> {
  const stats = await server.stats();
  if (flowsOf(stats) > 0) return stats;
  await server.feed(1, 'icmp=1');
  return server.stats();
}

function flowsOf({ decoded }: HubbleStats): number {
  return decoded['total']?.['flows'] ?? 0;
}

function lostOf({ decoded }: HubbleStats): number {
  return Object.values(decoded['lost_event'] ?? {}).reduce((sum, count) => sum + count, 0);
}
