import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Agent, bpflow, otelcol, start } from './agents.ts';
import { sendEverything } from './everything.ts';
import { itemsOfDump } from './items.ts';
import { type Protocol, send } from './load.ts';
import { freeAddresses, temporaryFolder, until } from './program.ts';
import { isFull, missing } from './programs.ts';
import { relayConfiguration } from './relay-configuration.ts';
import { Sink, type SinkCounts } from './sink.ts';

const skip = missing('sink', 'loadgen', 'otelcol');
const folder = temporaryFolder();
after(() => folder[Symbol.dispose]());
const requests = isFull ? 200 : 10;
/** 2025-11-21, so that each run sends the same bytes. */
const time = 1_763_700_000_000_000_000n;

type Items = ReadonlyMap<string, number>;

interface Input {
  /** Sends to the address of an OTLP/HTTP receiver; resolves when all is taken. */
  send(address: string): Promise<void>;
  hasArrived(counts: SinkCounts): boolean;
}

const inputs: Readonly<Record<string, Input>> = {
  'every field there is, as JSON': {
    send: (address) => sendEverything(address),
    hasArrived: ({ points, logs, spans }) => points > 0 && logs > 0 && spans > 0,
  },
  'much of the same, as protobuf': {
    async send(address) {
      const load = { endpoint: address, protocol: 'http', requests, time } as const;
      let startId = 0;
      for (const type of ['gauge', 'sum', 'histogram'] as const) {
        const { points_ok } = await send({ ...load, type, startId });
        startId += points_ok;
      }
      for (const signal of ['logs', 'traces'] as const) await send({ ...load, signal });
    },
    hasArrived: ({ points, logs, spans }) =>
      points === 3000 * requests && logs === 1000 * requests && spans === 1000 * requests,
  },
};

describe('what bpflow forwards is field by field what the Collector forwards', {
  skip,
  concurrency: isFull ? 1 : 2,
}, () => {
  const reference = new Map<string, Promise<Items>>();
  before(() => {
    for (const input of Object.keys(inputs)) reference.set(input, forwarded([otelcol], 'http', input));
    return Promise.allSettled(reference.values());
  });

  for (const input of Object.keys(inputs)) {
    for (const protocol of ['grpc', 'http'] as const) {
      for (const chain of [[bpflow], [otelcol, bpflow], [bpflow, otelcol], [bpflow, bpflow]]) {
        test(`${input}: ${chain.map(({ name }) => name).join(' → ')}, out by ${protocol}`, async () => {
          const [expected, got] = [await reference.get(input)!, await forwarded(chain, protocol, input)];
          assert.ok(expected.size > 0);
          assert.deepEqual(difference(expected, got), { missing: 0, added: 0, of: expected.size });
        });
      }
    }
  }
});

/** In by HTTP, between two agents and out by the protocol. */
async function forwarded(chain: readonly Agent[], protocol: Protocol, input: string): Promise<Items> {
  const dump = join(folder.path, `${randomUUID()}.dump`);
  await using sink = await Sink.start({ dump });
  await using running = new AsyncDisposableStack();
  const listens = await freeAddresses(chain.length);
  for (const [index, agent] of [...chain.entries()].toReversed()) {
    const hop = { listen: listens[index]!, target: listens[index + 1] ?? sink[protocol], protocol };
    const configuration = relayConfiguration(hop);
    const receivers = { otlp: { protocols: { [index === 0 ? 'http' : protocol]: { endpoint: hop.listen } } } };
    running.use(await start(agent, { ...configuration, receivers }));
  }
  const { send, hasArrived } = inputs[input]!;
  await send(listens[0]!);
  await until(
    async () => hasArrived(await sink.counts()),
    async () => `Not all arrived: ${JSON.stringify(await sink.counts())}`,
  );
  await running.disposeAsync();
  await sink.stop();
  return itemsOfDump(dump);
}

/** How many items are on one side only. */
function difference(expected: Items, got: Items) {
  const lacking = (from: Items, than: Items) => [...from].filter(([item, count]) => than.get(item) !== count).length;
  return { missing: lacking(expected, got), added: lacking(got, expected), of: expected.size };
}
