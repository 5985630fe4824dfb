import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { bpflow, start } from './agents.ts';
import { type Attack, attacks } from './attacks.ts';
import { send } from './load.ts';
import { freeAddresses, until, usageOf } from './program.ts';
import { isFull, missing } from './programs.ts';
import { relayConfiguration } from './relay-configuration.ts';
import { Sink } from './sink.ts';

const skip = missing('sink', 'loadgen');
const seconds = isFull ? 20 : 2;
/** The receiver's own promise: requests under way hold so many of the largest that are allowed, or 64 MiB if that is more. */
const requestsHeld = 8;
/** Resident MiB on top of it: what V8 has not collected yet. */
const garbage = 64;

describe('hostile clients: memory stays bounded, others are served', { skip }, () => {
  for (const [name, attack] of Object.entries(attacks)) test(name, (t) => withstands(t, attack, 20));
  for (const name of ['bodies without end', 'compressed bombs over HTTP'] as const) {
    test(`${name}, where requests may have 8 MiB`, (t) => withstands(t, attacks[name]!, 8));
  }
});

/** `largest`: MiB that a request over HTTP may have. */
async function withstands(t: TestContext, attack: Attack, largest: number): Promise<void> {
  await using sink = await Sink.start();
  const [grpc, http] = (await freeAddresses(2)) as [string, string];
  const relay = relayConfiguration({ listen: grpc, target: sink.grpc, protocol: 'grpc' });
  const protocols = {
    grpc: { endpoint: grpc },
    http: { endpoint: http, max_request_body_size: largest * 1024 * 1024 },
  };
  await using agent = await start(bpflow, { ...relay, receivers: { otlp: { protocols } } });
  const friendly = { protocol: 'grpc', endpoint: grpc, points: 100, concurrency: 2 } as const;
  const warm = await send({ ...friendly, requests: 1000 });
  const before = usageOf(agent.pid).rssMib;

  const stop = new AbortController();
  const attacked = attack({ grpc, http }, stop.signal);
  const requests = seconds * 50;
  const served = await send({ ...friendly, requests, rate: 5000, startId: warm.points_ok });
  stop.abort();
  await attacked;

  assert.equal(agent.hasEnded, false, agent.log);
  const { peakMib } = usageOf(agent.pid);
  const room = requestsHeld * largest + garbage;
  t.diagnostic(
    `resident before ${before.toFixed(0)} MiB, peak ${peakMib.toFixed(0)} of ${(before + room).toFixed(0)}; ` +
      `requests p50 ${served.p50_ms} ms, p99 ${served.p99_ms} ms`,
  );
  assert.deepEqual([served.requests_ok, served.requests_failed], [requests, 0], JSON.stringify(served));
  assert.ok(peakMib - before < room, `resident memory grew from ${before} to ${peakMib} MiB, by more than ${room}`);
  const wanted = warm.points_ok + served.points_ok;
  await until(
    async () => (await sink.counts()).points === wanted,
    async () => `${(await sink.counts()).points} of ${wanted} arrived:\n${agent.log}`,
  );
}
