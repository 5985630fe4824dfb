import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { Client, credentials } from '@grpc/grpc-js';
import { EXPORT_CALLS, OtlpDecoder, otlpFromJson, otlpToJson } from 'bpflow/sdk';
import { randomRequest } from '../../pdata/otlp/test/random-request.ts';
import { type Agent, bpflow, type Configuration, otelcol, profilesGate, start } from './agents.ts';
import type { Compression, Protocol } from './load.ts';
import { freeAddresses, type RunningProgram, temporaryFolder, until } from './program.ts';
import { isFull, missing } from './programs.ts';
import { telemetryMetrics } from './relay-configuration.ts';
import { Sink } from './sink.ts';

const skip = missing('sink', 'otelcol');
const folder = temporaryFolder();
after(() => folder[Symbol.dispose]());

const collector: Agent = {
  name: 'otelcol',
  command: (configuration) => [...otelcol.command(configuration), profilesGate],
};

/** Every field of every message occurs. What has no samples goes nowhere, as in the Collector, and is left out. */
const requests = Array.from({ length: isFull ? 1000 : 100 }, (_, seed) => Buffer.from(randomRequest('profiles', seed)))
  .map((bytes) => ({ bytes, samples: new OtlpDecoder().decode('profiles', bytes).length }))
  .filter(({ samples }) => samples > 0);
const samples = requests.reduce((sum, request) => sum + request.samples, 0);

interface Way {
  readonly protocol: Protocol;
  readonly compression?: Compression;
  /** How requests are written, in and out, over HTTP. */
  readonly encodings?: readonly ['proto' | 'json', 'proto' | 'json'];
  /** More keys of the exporter. */
  readonly exporter?: Readonly<Record<string, unknown>>;
}

describe('profiles', { skip }, () => {
  for (const protocol of ['grpc', 'http'] as const) {
    for (const compression of ['none', 'gzip', 'zstd'] as const) {
      test(`arrive byte for byte as they were sent, by ${protocol}, compression ${compression}`, async () => {
        const got = await forwarded([bpflow], { protocol, compression });
        assert.deepEqual(got, requests.map(({ bytes }) => bytes.toString('hex')).sort());
      });
    }

    test(`are what the Collector forwards, before and behind it, by ${protocol}`, async () => {
      const expected = await forwarded([collector], { protocol });
      for (const chain of [
        [collector, bpflow],
        [bpflow, collector],
      ]) {
        assert.deepEqual(await forwarded(chain, { protocol }), expected);
      }
    });
  }

  for (const encodings of [
    ['json', 'json'],
    ['json', 'proto'],
    ['proto', 'json'],
  ] as const) {
    test(`are what the Collector forwards, in as ${encodings[0]}, out as ${encodings[1]}`, async () => {
      const way: Way = { protocol: 'http', encodings };
      const [expected, got] = [await forwarded([collector], way), await forwarded([bpflow], way)];
      assert.equal(got.length, requests.length);
      // Out of JSON both make protobuf, with the fields in another order.
      const content = (hex: string): string => (encodings[1] === 'proto' ? jsonOf(Buffer.from(hex, 'hex')) : hex);
      assert.deepEqual(got.map(content).sort(), expected.map(content).sort());
    });
  }

  for (const format of ['json', 'proto'] as const) {
    test(`are written to a file as by the Collector, as ${format}`, async () => {
      const [expected, got] = [await written(collector, format), await written(bpflow, format)];
      assert.ok(expected.length > 100);
      if (format === 'json') assert.deepEqual(got, expected);
      else assert.equal(jsonOf(message(got)), jsonOf(message(expected)));
    });
  }

  test('are sent again, dropped and counted by the table of all signals', async () => {
    const [listen, page] = (await freeAddresses(2)) as [string, string];
    await using sink = await Sink.start();
    const exporter = { sending_queue: { num_consumers: 1 }, retry_on_failure: { initial_interval: '100ms' } };
    const configuration = configured(listen, sink.grpc, { protocol: 'grpc', exporter }, page);
    await using _agent = await start(bpflow, configuration);
    await sink.fault({ 'fail-first': 2, code: 'UNAVAILABLE' });
    await send(listen, 'grpc', requests[0]!.bytes);
    await arrived(sink, 3);
    await sink.fault({ 'fail-first': 1, code: 'INVALID_ARGUMENT' });
    await send(listen, 'grpc', requests[1]!.bytes);
    await arrived(sink, 4);
    await sink.fault({ partial: 1 });
    await send(listen, 'grpc', requests[2]!.bytes);
    await arrived(sink, 5);
    const [first, second, third] = requests.map((request) => request.samples) as [number, number, number];
    const of = async (name: string) =>
      Number(new RegExp(`^${name}\\{[^}]*\\} (\\d+)`, 'm').exec(await text(`http://${page}/metrics`))?.[1]);
    await until(
      async () => (await of('otelcol_exporter_sent_profile_samples')) === first + third,
      async () => text(`http://${page}/metrics`),
    );
    assert.equal(await of('otelcol_receiver_accepted_profile_samples'), first + second + third);
    assert.equal(await of('otelcol_exporter_send_failed_profile_samples'), second);
    assert.equal((await sink.counts()).samples, first + third - 1);
  });

  test('wait in a storage through kill -9', async () => {
    const [listen, grpc, http, stats] = (await freeAddresses(4)) as [string, string, string, string];
    const dump = join(folder.path, `${randomUUID()}.dump`);
    const storage = { file_storage: { directory: join(folder.path, 'storage'), create_directory: true } };
    const exporter = {
      sending_queue: { storage: 'file_storage' },
      retry_on_failure: { max_interval: '1s', initial_interval: '1s' },
    };
    const { service, ...rest } = configured(listen, grpc, { protocol: 'grpc', exporter });
    const configuration = { ...rest, extensions: storage, service: { ...service, extensions: ['file_storage'] } };
    await using before = await start(bpflow, configuration);
    for (const { bytes } of requests) await send(listen, 'grpc', bytes);
    await before.kill();
    await using sink = await Sink.start({ dump, addresses: [grpc, http, stats] });
    await using _after = await start(bpflow, configuration);
    await until(
      async () => (await sink.counts()).samples === samples,
      async () => `Not all arrived: ${JSON.stringify(await sink.counts())}`,
    );
    assert.deepEqual(dumped(dump), requests.map(({ bytes }) => bytes.toString('hex')).sort());
  });
});

/** What comes out at the end of the chain, as hex, sorted: several requests are under way at a time. */
async function forwarded(chain: readonly Agent[], way: Way): Promise<readonly string[]> {
  const dump = join(folder.path, `${randomUUID()}.dump`);
  await using sink = await Sink.start({ dump });
  await using running = new AsyncDisposableStack();
  const listens = await freeAddresses(chain.length);
  for (const [index, agent] of [...chain.entries()].toReversed()) {
    running.use(await start(agent, configured(listens[index]!, listens[index + 1] ?? sink[way.protocol], way)));
  }
  for (const { bytes } of requests) await send(listens[0]!, way.protocol, bytes, way.encodings?.[0]);
  await until(
    async () => (await sink.counts()).samples === samples,
    async () => `Not all arrived: ${JSON.stringify(await sink.counts())}`,
  );
  return dumped(dump);
}

function dumped(path: string): readonly string[] {
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  return lines
    .map((line) => JSON.parse(line) as { signal: string; hex: string })
    .map(({ signal, hex }) => {
      assert.equal(signal, 'profiles');
      return hex;
    })
    .sort();
}

/**
 * What the agent's file exporter makes of one request. The Collector turns texts of resources and scopes into references to
 * the dictionary, bpflow leaves them as they came: here they are references already.
 */
async function written(agent: Agent, format: 'json' | 'proto'): Promise<Buffer> {
  const path = join(folder.path, `${agent.name}.${format}`);
  const [listen] = (await freeAddresses(1)) as [string];
  const program = await start(agent, {
    receivers: { otlp: { protocols: { http: { endpoint: listen } } } },
    exporters: { file: { path, format } },
    service: {
      telemetry: { metrics: telemetryMetrics(undefined) },
      pipelines: { profiles: { receivers: ['otlp'], exporters: ['file'] } },
    },
  });
  await using _program: RunningProgram = program;
  await send(listen, 'http', Buffer.from(otlpFromJson('profiles', JSON.stringify(REFERRING))));
  await program.stop();
  return readFileSync(path);
}

/** The one message of a file, behind its length. */
function message(file: Buffer): Buffer {
  assert.equal(file.readUInt32BE(), file.length - 4);
  return file.subarray(4);
}

function jsonOf(request: Buffer): string {
  return Buffer.from(otlpToJson('profiles', request)).toString();
}

const REFERRING = {
  resourceProfiles: [
    {
      resource: { attributes: [{ keyStrindex: 1, value: { stringValueStrindex: 2 } }, { keyStrindex: 3 }] },
      scopeProfiles: [
        {
          scope: { name: 'ebpf', version: '1' },
          profiles: [
            {
              sampleType: { typeStrindex: 4, unitStrindex: 5 },
              samples: [
                { stackIndex: 1, attributeIndices: [1, 2], linkIndex: 1, values: ['-1', '9007199254740993'] },
                { timestampsUnixNano: ['1795227393000000000'] },
              ],
              timeUnixNano: '1795227393000000000',
              durationNano: '10000000000',
              profileId: '00112233445566778899aabbccddeeff',
              originalPayloadFormat: 'pprof',
              originalPayload: 'AQID',
            },
          ],
        },
      ],
      schemaUrl: 'https://opentelemetry.io/schemas/1.40.0',
    },
  ],
  dictionary: {
    stringTable: ['', 'service.name', 'checkout', 'host.name', 'samples', 'count'],
    linkTable: [{}, { traceId: '5b8efff798038103d269b633813fc60c', spanId: 'eee19b7ec3c1b174' }],
    attributeTable: [{}, { keyStrindex: 1, value: { doubleValue: 1.5 }, unitStrindex: 5 }, { keyStrindex: 3 }],
    stackTable: [{}, { locationIndices: [1, 0] }],
    locationTable: [{}, { address: '18446744073709551615', lines: [{ line: '7' }] }],
  },
};

function configured(listen: string, target: string, way: Way, page?: string): Configuration {
  const { protocol, compression = 'none', encodings } = way;
  const exporter = protocol === 'grpc' ? 'otlp_grpc' : 'otlp_http';
  return {
    receivers: { otlp: { protocols: { [protocol]: { endpoint: listen } } } },
    exporters: {
      [exporter]: {
        endpoint: protocol === 'grpc' ? target : `http://${target}`,
        compression,
        tls: { insecure: true },
        ...(encodings === undefined ? {} : { encoding: encodings[1] }),
        ...way.exporter,
      },
    },
    service: {
      telemetry: { metrics: telemetryMetrics(page) },
      pipelines: { profiles: { receivers: ['otlp'], exporters: [exporter] } },
    },
  };
}

/** Sends one request; resolves when it is taken. */
async function send(address: string, protocol: Protocol, bytes: Buffer, encoding = 'proto'): Promise<void> {
  const { method, path } = EXPORT_CALLS.profiles;
  if (protocol === 'http') {
    const type = encoding === 'json' ? 'application/json' : 'application/x-protobuf';
    const body = encoding === 'json' ? otlpToJson('profiles', bytes) : bytes;
    const response = await fetch(`http://${address}${path}`, {
      method: 'POST',
      headers: { 'content-type': type },
      body: body as Uint8Array<ArrayBuffer>,
    });
    assert.equal(response.status, 200, await response.text());
    return;
  }
  const client = new Client(address, credentials.createInsecure());
  const same = (message: Buffer): Buffer => message;
  await new Promise<void>((resolve, reject) => {
    client.makeUnaryRequest(method, same, same, bytes, (error) => (error === null ? resolve() : reject(error)));
  });
  client.close();
}

async function arrived(sink: Sink, count: number): Promise<void> {
  await until(
    async () => (await sink.counts()).requests === count,
    async () => JSON.stringify(await sink.counts()),
  );
}

async function text(url: string): Promise<string> {
  return (await fetch(url)).text();
}
