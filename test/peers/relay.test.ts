import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { type Agent, bpflow, otelcol, start } from './agents.ts';
import { type Compression, type Protocol, send } from './load.ts';
import { freeAddresses, temporaryFolder, until } from './program.ts';
import { isFull, missing } from './programs.ts';
import { relayConfiguration } from './relay-configuration.ts';
import { issueCertificates, type Security } from './security.ts';
import { Sink } from './sink.ts';

const skip = missing('sink', 'loadgen', 'otelcol');
const share = isFull ? 1 : 1 / 20;
const counts = { metrics: 1_000_000 * share, logs: 200_000 * share, traces: 200_000 * share };
const keyOf = { metrics: 'points', logs: 'logs', traces: 'spans' } as const;
const folder = temporaryFolder();
after(() => folder[Symbol.dispose]());

const chains: readonly (readonly Agent[])[] = [[bpflow], [otelcol, bpflow], [bpflow, otelcol]];
const securities = ['plain', 'mTLS'] as const;

describe('all that is sent arrives once', { skip, concurrency: isFull ? 1 : 2 }, () => {
  const certificates = skip === false ? issueCertificates(folder.path) : undefined;
  for (const chain of chains) {
    for (const protocol of ['grpc', 'http'] as const) {
      for (const [compression, security] of cells()) {
        const way = ['load', ...chain.map(({ name }) => name), 'sink'].join(' → ');
        test(`${way}: ${protocol}, ${security}, ${compression}`, () =>
          relay(chain, protocol, compression, security === 'mTLS' ? certificates : undefined));
      }
    }
  }
});

/** Every combination, or each value of both once. */
function cells(): readonly (readonly [Compression, (typeof securities)[number]])[] {
  if (!isFull)
    return [
      ['none', 'plain'],
      ['gzip', 'mTLS'],
      ['zstd', 'plain'],
    ];
  return (['none', 'gzip', 'zstd'] as const).flatMap((one) => securities.map((other) => [one, other] as const));
}

async function relay(
  chain: readonly Agent[],
  protocol: Protocol,
  compression: Compression,
  security: Security | undefined,
): Promise<void> {
  await using sink = await Sink.start(security === undefined ? {} : { security });
  await using running = new AsyncDisposableStack();
  const listens = await freeAddresses(chain.length);
  for (const [index, agent] of [...chain.entries()].toReversed()) {
    const target = listens[index + 1] ?? sink[protocol];
    const configuration = relayConfiguration({ listen: listens[index]!, target, protocol, compression, security });
    running.use(await start(agent, configuration));
  }
  for (const signal of ['metrics', 'logs', 'traces'] as const) {
    const endpoint = listens[0]!;
    const requests = counts[signal] / 1000;
    const sent = await send({ endpoint, protocol, signal, requests, compression, security, retry: true });
    assert.equal(sent.points_ok, counts[signal], JSON.stringify(sent));
  }
  for (const signal of ['metrics', 'logs', 'traces'] as const) {
    const wanted = counts[signal];
    await until(
      async () => (await sink.counts())[keyOf[signal]] >= wanted,
      async () => `${signal}: ${(await sink.counts())[keyOf[signal]]} of ${wanted} arrived`,
    );
    const { total, distinct, duplicates, missing: lost } = (await sink.counts(wanted)).ids[signal]!;
    assert.deepEqual(
      { total, distinct, duplicates, lost },
      { total: wanted, distinct: wanted, duplicates: 0, lost: 0 },
    );
  }
  const encodings = Object.keys((await sink.counts()).encodings).join();
  assert.match(encodings, new RegExp(compression === 'none' ? 'identity' : compression));
}
