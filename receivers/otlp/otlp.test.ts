import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, test } from 'node:test';
import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import * as grpc from '@grpc/grpc-js';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import {
  AuthError,
  type Batch,
  type Consumer,
  type Outlets,
  otlpFromJson,
  PermanentError,
  peerOf,
  type Receiver,
  RetryableError,
  SERVER_AUTH,
  type Signal,
} from 'bpflow/sdk';
import { collectingConsumer, fakeScope, outletsTo, refusingConsumer } from 'bpflow/testing';
import { packer } from 'bpflow/transport';
import receiver from './index.ts';

const certificate = (name: string): string =>
  join(import.meta.dirname, '../../sdk/transport/testdata/tls', `${name}.pem`);
const running: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of running.splice(0).reverse()) await stop();
});

const LOCAL = { grpc: { endpoint: '127.0.0.1:0' }, http: { endpoint: '127.0.0.1:0' } };

async function start(next: Outlets, protocols: Record<string, unknown> = LOCAL, scope = fakeScope('receiver', 'otlp')) {
  const made: Receiver = receiver.create(receiver.config.parse({ protocols }), scope, next);
  running.push(() => made.stop?.());
  await made.start?.();
  const summary = scope.lastHealth!.summary;
  return {
    scope,
    made,
    summary,
    grpc: /(\S+) \(gRPC\)/.exec(summary)?.[1] ?? '',
    http: `http://${/(\S+) \(HTTP\)/.exec(summary)?.[1]}`,
  };
}

const PATHS: Readonly<Record<Signal | 'profiles', string>> = {
  metrics: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
  logs: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
  traces: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
  profiles: '/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export',
};

const RESOURCE = { attributes: [{ key: 'service.name', value: { stringValue: 'checkout' } }] };
const POINT = { timeUnixNano: '1795227393000000000', asInt: '42' };
const JSON_OF: Readonly<Record<Signal, string>> = {
  metrics: JSON.stringify({
    resourceMetrics: [
      { resource: RESOURCE, scopeMetrics: [{ metrics: [{ name: 'n', gauge: { dataPoints: [POINT, POINT] } }] }] },
    ],
  }),
  logs: JSON.stringify({
    resourceLogs: [{ resource: RESOURCE, scopeLogs: [{ logRecords: [{ body: { stringValue: 'hello' } }] }] }],
  }),
  traces: JSON.stringify({
    resourceSpans: [
      {
        resource: RESOURCE,
        scopeSpans: [
          { spans: [{ traceId: '5b8efff798038103d269b633813fc60c', spanId: 'eee19b7ec3c1b174', name: 'op', kind: 2 }] },
        ],
      },
    ],
  }),
};
const ITEMS: Readonly<Record<Signal, number>> = { metrics: 2, logs: 1, traces: 1 };
const SIGNALS: readonly Signal[] = ['metrics', 'logs', 'traces'];
const protobuf = (signal: Signal): Buffer => Buffer.from(otlpFromJson(signal, JSON_OF[signal]));

function send(address: string, path: string, message: Buffer, metadata = new grpc.Metadata()): Promise<Buffer> {
  const client = new grpc.Client(address, grpc.credentials.createInsecure());
  running.push(() => client.close());
  const same = (bytes: Buffer): Buffer => bytes;
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, same, same, message, metadata, {}, (error, value) => {
      if (error === null) resolve(value!);
      else reject(error);
    });
  });
}

interface Posted {
  readonly status: number;
  readonly type: string | null;
  readonly headers: Headers;
  readonly body: Buffer;
}

async function post(
  url: string,
  body: string | Buffer,
  headers: Record<string, string>,
  method = 'POST',
): Promise<Posted> {
  const response = await fetch(url, { method, headers, ...(method === 'GET' ? {} : { body: body as string }) });
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    headers: response.headers,
    body: Buffer.from(await response.arrayBuffer()),
  };
}

const asJson = { 'content-type': 'application/json' };
const asProtobuf = { 'content-type': 'application/x-protobuf' };

/** `google.rpc.Status { code, message }` without details. */
function rpcStatus(code: number, message: string): Buffer {
  return Buffer.concat([Buffer.from([8, code, 0x12, message.length]), Buffer.from(message)]);
}

describe('over gRPC', () => {
  test('every signal is handed on before it is answered', async () => {
    const to = collectingConsumer();
    const { grpc: address } = await start(outletsTo(to));
    for (const signal of SIGNALS) {
      const answer = await send(address, PATHS[signal], protobuf(signal));
      assert.equal(answer.length, 0);
      assert.equal(to.batches.at(-1)?.signal, signal);
    }
    assert.equal(to.items, 4);
  });

  test('an empty request is fine, and goes nowhere', async () => {
    const to = collectingConsumer();
    const { grpc: address } = await start(outletsTo(to));
    await send(address, PATHS.logs, Buffer.alloc(0));
    assert.equal(to.batches.length, 0);
  });

  test('what is no OTLP is refused for good', async () => {
    const to = collectingConsumer();
    const { grpc: address } = await start(outletsTo(to));
    await assert.rejects(send(address, PATHS.metrics, Buffer.from([10, 200, 1, 1])), {
      code: grpc.status.INTERNAL,
      details: /^grpc: error unmarshalling request: /,
    });
    assert.equal(to.batches.length, 0);
  });

  test('back-pressure is told with the time to wait, before anything is decoded', async () => {
    const next: Consumer<never> = {
      refusal: () => new RetryableError('the queue is full', { retryAfterMs: 2000 }),
      consume: () => assert.fail('was offered'),
    };
    const { grpc: address } = await start(outletsTo(next));
    await assert.rejects(send(address, PATHS.metrics, Buffer.from([255, 255])), (error: grpc.ServiceError) => {
      assert.equal(error.code, grpc.status.UNAVAILABLE);
      assert.equal(error.details, 'the queue is full');
      const [details] = error.metadata.get('grpc-status-details-bin') as Buffer[];
      assert.ok(details!.includes('google.rpc.RetryInfo'));
      return true;
    });
  });

  test('what follows decides: retry, no retry; and what it did not foresee is retried', async () => {
    const fails = async (error: Error): Promise<grpc.ServiceError> => {
      const next: Consumer<never> = { refusal: () => undefined, consume: () => Promise.reject(error) };
      const { grpc: address, scope } = await start(outletsTo(next));
      const thrown = await send(address, PATHS.logs, protobuf('logs')).catch((failed: unknown) => failed);
      if (error instanceof TypeError) assert.equal(scope.logs.at(-1)?.level, 'error');
      return thrown as grpc.ServiceError;
    };
    const retryable = await fails(new RetryableError('busy'));
    assert.deepEqual([retryable.code, retryable.details], [grpc.status.UNAVAILABLE, 'busy']);
    const permanent = await fails(new PermanentError('never'));
    assert.deepEqual([permanent.code, permanent.details], [grpc.status.INTERNAL, 'never']);
    const unforeseen = await fails(new TypeError('secret'));
    assert.deepEqual([unforeseen.code, unforeseen.details], [grpc.status.UNAVAILABLE, 'internal error']);
  });

  test('signals that no pipeline has, and profiles, are not known', async () => {
    const { grpc: address } = await start(outletsTo(collectingConsumer(), ['metrics']));
    const code = grpc.status.UNIMPLEMENTED;
    await assert.rejects(send(address, PATHS.traces, protobuf('traces')), {
      code,
      details: 'unknown service opentelemetry.proto.collector.trace.v1.TraceService',
    });
    await assert.rejects(send(address, PATHS.profiles, Buffer.alloc(3)), {
      code,
      details: 'profiles are not supported; send metrics, logs or traces',
    });
  });

  test('the size of a request is bounded', async () => {
    const { grpc: address } = await start(outletsTo(collectingConsumer()), {
      grpc: { endpoint: '127.0.0.1:0', max_recv_msg_size_mib: 1 },
    });
    await assert.rejects(send(address, PATHS.logs, Buffer.alloc(2 ** 20 + 1)), {
      code: grpc.status.RESOURCE_EXHAUSTED,
      details: 'grpc: received message larger than max (1048577 vs. 1048576)',
    });
  });

  test('a unix socket', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bpflow-otlp-'));
    running.push(() => rmSync(folder, { recursive: true }));
    const to = collectingConsumer();
    await start(outletsTo(to), { grpc: { endpoint: join(folder, 's'), transport: 'unix' } });
    await send(`unix:${join(folder, 's')}`, PATHS.logs, protobuf('logs'));
    assert.equal(to.items, 1);
  });
});

describe('over HTTP', () => {
  test('every signal is taken as protobuf and as JSON, packed or not', async () => {
    const to = collectingConsumer();
    const { http } = await start(outletsTo(to));
    const snappy = (compression: 'snappy' | 'x-snappy-framed') => async (bytes: Buffer) =>
      (await packer({ compression })([bytes])).bytes;
    const packings: readonly [string, (bytes: Buffer) => Buffer | Promise<Buffer>][] = [
      ['identity', (bytes) => bytes],
      ['gzip', gzipSync],
      ['zstd', zstdCompressSync],
      ['zlib', deflateSync],
      ['deflate', deflateSync],
      ['snappy', snappy('snappy')],
      ['x-snappy-framed', snappy('x-snappy-framed')],
    ];
    let items = 0;
    for (const signal of SIGNALS) {
      for (const [encoding, pack] of packings) {
        const headers = { 'content-encoding': encoding };
        const binary = await post(`${http}/v1/${signal}`, await pack(protobuf(signal)), { ...asProtobuf, ...headers });
        assert.deepEqual([binary.status, binary.type, binary.body.length], [200, 'application/x-protobuf', 0]);
        const type = { 'content-type': 'application/json; charset=utf-8', ...headers };
        const text = await post(`${http}/v1/${signal}?x=1`, await pack(Buffer.from(JSON_OF[signal])), type);
        assert.deepEqual(
          [text.status, text.type, String(text.body)],
          [200, 'application/json', '{"partialSuccess":{}}'],
        );
        items += 2 * ITEMS[signal];
        assert.equal(to.items, items);
      }
    }
  });

  test("OpenTelemetry's own exporter is understood", async () => {
    const to = collectingConsumer();
    const { http } = await start(outletsTo(to));
    const reader = new PeriodicExportingMetricReader({
      exporter: new OTLPMetricExporter({ url: `${http}/v1/metrics` }),
      exportIntervalMillis: 60_000,
    });
    const provider = new MeterProvider({ readers: [reader] });
    provider.getMeter('m').createCounter('requests').add(3, { path: '/' });
    await provider.forceFlush();
    await provider.shutdown();
    const [batch] = to.batches as Batch[];
    assert.equal(batch?.signal, 'metrics');
    assert.deepEqual(batch?.signal === 'metrics' ? batch.metrics.map(({ name }) => name) : [], ['requests']);
  });

  test("what is wrong is told in the Collector's words", async () => {
    const { http } = await start(outletsTo(collectingConsumer()));
    const url = `${http}/v1/logs`;
    const type = await post(url, 'x', { 'content-type': 'text/csv' });
    assert.deepEqual(
      [type.status, type.type, String(type.body)],
      [415, 'text/plain', '415 unsupported media type, supported: [application/json, application/x-protobuf]'],
    );
    const method = await post(url, '', asJson, 'GET');
    assert.deepEqual(
      [method.status, method.type, String(method.body)],
      [405, 'text/plain', '405 method not allowed, supported: [POST]'],
    );
    const path = await post(`${http}/v1/other`, '{}', asJson);
    assert.deepEqual([path.status, String(path.body)], [404, '404 page not found\n']);
    assert.match(String((await post(`${http}/v1development/profiles`, '', asProtobuf)).body), /^404 profiles are not/);

    const encoding = await post(url, '{}', { ...asJson, 'content-encoding': 'br2' });
    assert.deepEqual(
      [encoding.status, JSON.parse(String(encoding.body))],
      [400, { code: 3, message: 'unsupported Content-Encoding: br2' }],
    );
    const json = await post(url, '{"resourceLogs":', asJson);
    assert.equal(json.status, 400);
    assert.equal(JSON.parse(String(json.body)).code, 3);
    const binary = await post(url, Buffer.from([10, 200, 1, 1]), asProtobuf);
    assert.deepEqual([binary.status, binary.type], [400, 'application/x-protobuf']);
    assert.deepEqual(binary.body.subarray(0, 3), Buffer.from([8, 3, 0x12]));
  });

  test('the size of a request is bounded, inflated too', async () => {
    const { http } = await start(outletsTo(collectingConsumer()), {
      http: { endpoint: '127.0.0.1:0', max_request_body_size: 1000 },
    });
    const zeros = Buffer.alloc(1_000_000);
    const answer = rpcStatus(3, 'http: request body too large');
    assert.deepEqual((await post(`${http}/v1/logs`, zeros, asProtobuf)).body, answer);
    const packed = await post(`${http}/v1/logs`, gzipSync(zeros), { ...asProtobuf, 'content-encoding': 'gzip' });
    assert.deepEqual([packed.status, packed.body], [400, answer]);
  });

  test('back-pressure is told with the time to wait', async () => {
    const next: Consumer<never> = {
      refusal: () => new RetryableError('data refused due to high memory usage', { retryAfterMs: 1500 }),
      consume: () => assert.fail('was offered'),
    };
    const { http } = await start(outletsTo(next));
    const { status, headers, body } = await post(`${http}/v1/logs`, JSON_OF.logs, asJson);
    assert.equal(status, 503);
    assert.equal(headers.get('retry-after'), '2');
    assert.equal(String(body), '{"code":14,"message":"data refused due to high memory usage"}');
    const binary = await post(`${http}/v1/logs`, protobuf('logs'), asProtobuf);
    assert.ok(binary.body.includes('google.rpc.RetryInfo'));
  });

  test('what follows decides: retry or no retry', async () => {
    const busy = await start(outletsTo(refusingConsumer({ how: 'surprise' })));
    assert.equal((await post(`${busy.http}/v1/logs`, JSON_OF.logs, asJson)).status, 503);
    const never = await start(outletsTo(refusingConsumer({ how: 'permanent' })));
    const { status, body } = await post(`${never.http}/v1/logs`, JSON_OF.logs, asJson);
    assert.deepEqual([status, JSON.parse(String(body)).code], [500, 13]);
  });

  test('pages of other origins may send where they are allowed to', async () => {
    const { http } = await start(outletsTo(collectingConsumer()), {
      http: {
        endpoint: '127.0.0.1:0',
        cors: { allowed_origins: ['https://*.example'] },
        response_headers: { 'X-Served-By': 'bpflow' },
      },
    });
    const preflight = { origin: 'https://a.example', 'access-control-request-method': 'POST' };
    const { status, headers } = await post(`${http}/v1/logs`, '', preflight, 'OPTIONS');
    assert.equal(status, 204);
    assert.equal(headers.get('x-served-by'), 'bpflow');
  });

  test('other paths, where they are set', async () => {
    const to = collectingConsumer();
    const { http } = await start(outletsTo(to), { http: { endpoint: '127.0.0.1:0', logs_url_path: '/in/logs' } });
    assert.equal((await post(`${http}/in/logs`, JSON_OF.logs, asJson)).status, 200);
    assert.equal((await post(`${http}/v1/logs`, JSON_OF.logs, asJson)).status, 404);
  });
});

describe('both protocols', () => {
  test('tell by whose address a batch came', async () => {
    const to = collectingConsumer();
    const { grpc: address, http: url } = await start(outletsTo(to));
    await send(address, PATHS.logs, protobuf('logs'));
    await post(`${url}/v1/metrics`, protobuf('metrics'), asProtobuf);
    assert.deepEqual(to.batches.map(peerOf), ['127.0.0.1', '127.0.0.1']);
  });

  test('ask the authenticator', async () => {
    const auth = {
      authenticate(headers: Readonly<Record<string, unknown>>) {
        if (String(headers['authorization'] ?? headers['token']) !== 'good') {
          throw new AuthError('wrong token', { challenge: 'Bearer' });
        }
      },
    };
    const scope = fakeScope('receiver', 'otlp', { extensions: [[SERVER_AUTH, 'bearer/server', auth]] });
    const authenticator = 'bearer/server';
    const to = collectingConsumer();
    const { grpc: address, http } = await start(
      outletsTo(to),
      {
        grpc: { ...LOCAL.grpc, auth: { authenticator } },
        http: { ...LOCAL.http, auth: { authenticator, request_params: ['token'] } },
      },
      scope,
    );
    await assert.rejects(send(address, PATHS.logs, protobuf('logs')), {
      code: grpc.status.UNAUTHENTICATED,
      details: 'wrong token',
    });
    const metadata = new grpc.Metadata();
    metadata.set('authorization', 'good');
    await send(address, PATHS.logs, protobuf('logs'), metadata);
    const refused = await post(`${http}/v1/logs`, JSON_OF.logs, asJson);
    assert.deepEqual(
      [refused.status, refused.headers.get('www-authenticate'), String(refused.body)],
      [401, 'Bearer', '{"code":16,"message":"wrong token"}'],
    );
    assert.equal((await post(`${http}/v1/logs`, JSON_OF.logs, { ...asJson, authorization: 'good' })).status, 200);
    assert.equal((await post(`${http}/v1/logs?token=good`, JSON_OF.logs, asJson)).status, 200);
    assert.equal(to.items, 3);
  });

  test('show what is under way, and count answers', async () => {
    const hold = Promise.withResolvers<void>();
    const next: Consumer<never> = { refusal: () => undefined, consume: () => hold.promise };
    const { grpc: address, http, scope } = await start(outletsTo(next));
    const answers = [
      send(address, PATHS.metrics, protobuf('metrics')),
      post(`${http}/v1/metrics`, protobuf('metrics'), asProtobuf),
    ];
    interface View {
      bufferedBytes: number;
      listeners: { protocol: string; calls?: number; requests: Record<string, number> }[];
    }
    const view = (): View => scope.view('listeners') as View;
    while (view().bufferedBytes < 2 * protobuf('metrics').length)
      await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(view().listeners[0]?.calls, 1);
    hold.resolve();
    await Promise.all(answers);
    assert.equal(view().bufferedBytes, 0);
    assert.deepEqual(
      view().listeners.map(({ protocol, requests }) => [protocol, requests]),
      [
        ['gRPC', { OK: 1 }],
        ['HTTP', { 200: 1 }],
      ],
    );
  });

  test('answer what is under way when the receiver stops', async () => {
    const hold = Promise.withResolvers<void>();
    const begun: Promise<void>[] = [];
    const next: Consumer<never> = {
      refusal: () => undefined,
      consume: () => {
        begun.push(Promise.resolve());
        return hold.promise;
      },
    };
    const { grpc: address, http, made } = await start(outletsTo(next));
    const answers = [send(address, PATHS.logs, protobuf('logs')), post(`${http}/v1/logs`, JSON_OF.logs, asJson)];
    while (begun.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    const stopped = made.stop?.();
    hold.resolve();
    await Promise.all([...answers, stopped]);
  });

  test('an address in use, or a certificate that is missing, stops the start and leaves nothing open', async () => {
    const { grpc: taken } = await start(outletsTo(collectingConsumer()));
    const failing = fakeScope('receiver', 'otlp', { name: 'second' });
    const both = { http: { endpoint: '127.0.0.1:0' }, grpc: { endpoint: taken } };
    await assert.rejects(start(outletsTo(collectingConsumer()), both, failing), {
      name: 'StartError',
      message: new RegExp(`^cannot listen on ${taken}: the address is in use`),
    });
    const tls = { cert_file: '/no/cert.pem', key_file: certificate('server-key') };
    await assert.rejects(start(outletsTo(collectingConsumer()), { grpc: { ...LOCAL.grpc, tls } }), {
      name: 'StartError',
      message: 'tls: cert_file /no/cert.pem does not exist',
    });
  });

  test('speak TLS', async () => {
    const tls = {
      cert_file: certificate('server'),
      key_file: certificate('server-key'),
      client_ca_file: certificate('ca'),
    };
    const to = collectingConsumer();
    const { grpc: address, scope } = await start(outletsTo(to), {
      grpc: { ...LOCAL.grpc, tls },
      http: { ...LOCAL.http, tls },
    });
    assert.match(JSON.stringify(scope.view('listeners')), /"expires":"2120-01-01T00:00:00.000Z"/);
    await assert.rejects(send(address, PATHS.logs, protobuf('logs')), { code: grpc.status.UNAVAILABLE });
    assert.equal(to.items, 0);
  });
});

describe('the configuration', () => {
  const problems = (body: unknown): string[] =>
    (receiver.config.safeParse(body).error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);

  test('takes empty bodies for the defaults', () => {
    const { protocols } = receiver.config.parse({ protocols: { grpc: null, http: {} } });
    assert.equal(protocols.grpc?.endpoint, 'localhost:4317');
    assert.equal(protocols.http?.endpoint, 'localhost:4318');
    assert.equal(receiver.config.parse({ protocols: { grpc: null } }).protocols.http, undefined);
  });

  test('demands a protocol', () => {
    const message = 'must specify at least one protocol when using the OTLP receiver: grpc, http or both';
    for (const body of [{}, { protocols: null }, { protocols: {} }])
      assert.deepEqual(problems(body), [`protocols: ${message}`]);
  });

  test('says what is wrong', () => {
    const grpcProblem = (body: unknown): string => problems({ protocols: { grpc: body } })[0] ?? '';
    assert.match(grpcProblem({ endpoint: 'localhost' }), /^protocols.grpc.endpoint: .*the port is missing/);
    assert.match(grpcProblem({ endpoint: '', transport: 'unix' }), /path of the socket/);
    assert.match(grpcProblem({ max_recv_msg_size_mib: 5000 }), /^protocols.grpc.max_recv_msg_size_mib/);
    assert.match(grpcProblem({ tls: {} }), /a server needs a certificate/);
    assert.match(problems({ protocols: { http: { middlewares: [{ id: 'x' }] } } })[0] ?? '', /not supported/);
    assert.match(problems({ protocols: { thrift: {} } })[0] ?? '', /thrift/);
  });

  test("takes what the Collector's documentation shows", () => {
    assert.deepEqual(
      problems({
        protocols: {
          grpc: {
            endpoint: '0.0.0.0:4317',
            transport: 'tcp',
            max_recv_msg_size_mib: 16,
            max_concurrent_streams: 100,
            read_buffer_size: 524288,
            write_buffer_size: 524288,
            include_metadata: true,
            tls: { cert_file: 'a', key_file: 'b', client_ca_file: 'c', min_version: '1.3', reload_interval: '1h' },
            keepalive: {
              server_parameters: { max_connection_idle: '11s', max_connection_age: '12s', time: '30s', timeout: '5s' },
              enforcement_policy: { min_time: '10s', permit_without_stream: true },
            },
          },
          http: {
            endpoint: 'localhost:4318',
            cors: {
              allowed_origins: ['http://test.com', 'https://*.example.com'],
              allowed_headers: ['Example'],
              max_age: 7200,
            },
            compression_algorithms: ['', 'gzip', 'zstd', 'zlib', 'snappy', 'deflate', 'lz4'],
            traces_url_path: '/v2/traces',
            max_request_body_size: 0,
            read_timeout: '10s',
            keep_alives_enabled: false,
          },
        },
      }),
      [],
    );
  });
});
