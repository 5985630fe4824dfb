import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { Metadata, ServerCredentials, status } from '@grpc/grpc-js';
import { CLIENT_AUTH, type ClientAuth } from 'bpflow/sdk';
import { encodedLogs, type FakeScope, fakeScope, RunningExporter } from 'bpflow/testing';
import { encodeRpcStatus, inflate } from 'bpflow/transport';
import spec from './index.ts';
import { GrpcSink } from './test/grpc-sink.ts';

const pem = (name: string): string =>
  join(import.meta.dirname, '..', '..', 'sdk', 'transport', 'testdata', 'tls', `${name}.pem`);
const PLAIN = { tls: { insecure: true } };

class Running extends RunningExporter {
  constructor(config: Record<string, unknown>, scope?: FakeScope) {
    super(spec, config, scope);
  }
}

async function withSink(
  config: Record<string, unknown>,
  run: (sink: GrpcSink, running: Running) => Promise<void>,
): Promise<void> {
  const sink = new GrpcSink();
  const endpoint = await sink.listen();
  const running = await new Running({ endpoint, ...PLAIN, ...config }).start();
  try {
    await run(sink, running);
  } finally {
    await running.exporter.stop?.();
    sink.close();
  }
}

describe('requests', () => {
  const bytes = Buffer.from('one request, '.repeat(1000));

  test('are compressed with gzip, which grpc-js as the server understands', async () => {
    await withSink({}, async (sink, running) => {
      void running.give(encodedLogs(bytes));
      await running.until(() => running.sent > 0, 'sent');
      assert.deepEqual(sink.received[0]!.body, bytes);
      assert.equal(sink.received[0]!.method, '/opentelemetry.proto.collector.logs.v1.LogsService/Export');
    });
  });

  test('of several parts are one, one after the other', async () => {
    await withSink({ compression: 'none' }, async (sink, running) => {
      void running.give(encodedLogs(Buffer.from('abc'), Buffer.from('def')));
      await running.until(() => running.sent > 0, 'sent');
      assert.equal(sink.received[0]!.body.toString(), 'abcdef');
    });
  });

  test('are framed as the protocol says, for each compression', async () => {
    const frames: { readonly encoding: string | undefined; readonly frame: Buffer }[] = [];
    const server = rawServer((stream, headers, frame) => {
      frames.push({ encoding: headers['grpc-encoding'] as string | undefined, frame });
      answer(stream, '0');
    });
    const endpoint = await listen(server);
    for (const [compression, unpack] of [
      ['gzip', gunzipSync],
      ['zstd', zstdDecompressSync],
      ['snappy', (framed: Buffer) => inflate('x-snappy-framed', framed, 1e6)],
      ['none', undefined],
    ] as const) {
      const running = await new Running({ endpoint, ...PLAIN, compression }).start();
      void running.give(encodedLogs(bytes));
      await running.until(() => running.sent > 0, 'sent');
      await running.exporter.stop?.();
      const { encoding, frame } = frames.pop()!;
      assert.equal(encoding, compression === 'none' ? undefined : compression);
      assert.equal(frame[0], compression === 'none' ? 0 : 1);
      assert.equal(frame.readUInt32BE(1), frame.length - 5);
      const body = frame.subarray(5);
      assert.deepEqual(unpack === undefined ? body : await unpack(body), bytes);
      if (compression === 'gzip') assert.ok(body.length < bytes.length / 10);
    }
    server.close();
  });

  test('carry headers, credentials and a user agent', async () => {
    const auth: ClientAuth = { headers: () => ({ authorization: 'Bearer secret' }) };
    const scope = fakeScope('exporter', 'otlp_grpc', { extensions: [[CLIENT_AUTH, 'bearertokenauth', auth]] });
    const sink = new GrpcSink();
    const endpoint = await sink.listen();
    const headers = { 'X-Tenant': 'blue', authorization: 'is replaced' };
    const config = { endpoint, ...PLAIN, headers, auth: { authenticator: 'bearertokenauth' } };
    const running = await new Running(config, scope).start();
    void running.give(encodedLogs(bytes));
    await running.until(() => running.sent > 0, 'sent');
    const got = sink.received[0]!.headers;
    assert.equal(got['x-tenant'], 'blue');
    assert.equal(got['authorization'], 'Bearer secret');
    assert.match(String(got['user-agent']), /^bpflow\/[\d.]+ grpc-node/);
    await running.exporter.stop?.();
    sink.close();
    assert.doesNotMatch(JSON.stringify(scope.logs), /secret|blue/);
  });

  test('are cut off after the timeout', async () => {
    await withSink({ timeout: '50ms', retry_on_failure: { enabled: false } }, async (sink, running) => {
      sink.answer = () => new Promise(() => {});
      void running.give(encodedLogs(bytes));
      await running.until(() => running.scope.items.totals.dropped > 0, 'given up');
      assert.match(JSON.stringify(running.scope.logs), /code = DeadlineExceeded/);
    });
  });
});

describe('the retry table', () => {
  const retried = ['CANCELLED', 'DEADLINE_EXCEEDED', 'ABORTED', 'OUT_OF_RANGE', 'UNAVAILABLE', 'DATA_LOSS'];
  for (const [name, code] of Object.entries(status)) {
    if (typeof code !== 'number' || code === status.OK) continue;
    const isRetried = retried.includes(name);
    test(`${name} is ${isRetried ? 'tried again' : 'given up'}`, async () => {
      await withSink({ retry_on_failure: { initial_interval: '1s' } }, async (sink, running) => {
        sink.answer = () => (sink.received.length === 1 ? { code, details: 'why' } : undefined);
        void running.give(encodedLogs(Buffer.from('x')));
        await running.until(() => running.scope.logs.length > 0, 'failed');
        assert.match(JSON.stringify(running.scope.logs), /rpc error: code = \w+ desc = why/);
        if (isRetried) {
          running.scope.clock.advance(2000);
          await running.until(() => running.sent > 0, 'sent');
          assert.equal(sink.received.length, 2);
        } else {
          assert.deepEqual(running.scope.items.drops, [{ count: 3, reason: 'permanent' }]);
        }
      });
    });
  }

  test('RESOURCE_EXHAUSTED with RetryInfo is tried again after exactly that time', async () => {
    await withSink({ retry_on_failure: { initial_interval: '10ms', max_interval: '10ms' } }, async (sink, running) => {
      const metadata = new Metadata();
      metadata.set('grpc-status-details-bin', encodeRpcStatus(status.RESOURCE_EXHAUSTED, 'later', 2000));
      sink.answer = () =>
        sink.received.length === 1 ? { code: status.RESOURCE_EXHAUSTED, details: 'later', metadata } : undefined;
      void running.give(encodedLogs(Buffer.from('x')));
      await running.until(() => running.scope.logs.length > 0, 'failed');
      const fields = running.scope.logs[0]!.fields;
      assert.equal(fields?.['interval'], '2s');
      assert.equal(fields?.['error'], 'Throttle (2s), error: rpc error: code = ResourceExhausted desc = later');
      running.scope.clock.advance(1999);
      await sleep(20);
      assert.equal(sink.received.length, 1);
      running.scope.clock.advance(1);
      await running.until(() => running.sent > 0, 'sent');
    });
  });

  test('a partial success is sent, what was rejected is dropped', async () => {
    await withSink({}, async (sink, running) => {
      // 1 partial_success { 1 rejected_log_records: 2, 2 error_message: "old" }
      sink.answer = () => Buffer.from([0x0a, 7, 0x08, 2, 0x12, 3, ...Buffer.from('old')]);
      void running.give(encodedLogs(Buffer.from('x')));
      await running.until(() => running.sent > 0, 'sent');
      assert.deepEqual(running.scope.items.drops, [{ count: 2, reason: 'rejected' }]);
      assert.deepEqual(running.scope.logs.at(-1)?.fields, { message: 'old', dropped_log_records: 2 });
    });
  });

  test('an answer may be compressed, as those of grpc-go are, or unreadable', async () => {
    // 1 partial_success { 1 rejected_log_records: 2 }
    const partial = Buffer.from([0x0a, 2, 0x08, 2]);
    for (const [encoding, body, rejected] of [
      ['gzip', gzipSync(partial), 2],
      ['zstd', zstdCompressSync(partial), 2],
      ['gzip', Buffer.from('nonsense'), 0],
      ['gzip', gzipSync(Buffer.alloc(50_000_000)), 0],
      ['snappy', partial, 0],
    ] as const) {
      const server = rawServer((stream) => answer(stream, '0', { 'grpc-encoding': encoding }, frame(body)));
      const running = await new Running({ endpoint: await listen(server), ...PLAIN }).start();
      void running.give(encodedLogs(Buffer.from('x')));
      await running.until(() => running.sent > 0, 'sent');
      assert.equal(running.scope.items.totals.dropped, rejected);
      await running.exporter.stop?.();
      server.close();
    }
  });

  test('a connection that breaks in mid-stream is tried again', async () => {
    let streams = 0;
    const server = rawServer((stream) => {
      if (streams++ === 0) stream.session?.destroy();
      else answer(stream, '0');
    });
    const endpoint = await listen(server);
    const running = await new Running({ endpoint, ...PLAIN, retry_on_failure: { initial_interval: '10ms' } }).start();
    void running.give(encodedLogs(Buffer.alloc(100_000, 'x')));
    await running.until(() => streams >= 1, 'arrived');
    for (let i = 0; i < 300 && running.sent === 0; i++) {
      running.scope.clock.advance(100);
      await sleep(10);
    }
    assert.equal(running.sent, 3);
    assert.equal(running.exporter.held!(), 0);
    await running.exporter.stop?.();
    server.close();
  });

  test('a server that is not there yet gets its data when it comes', async () => {
    const probe = new GrpcSink();
    const endpoint = await probe.listen();
    probe.close();
    const running = await new Running({ endpoint, ...PLAIN, retry_on_failure: { initial_interval: '50ms' } }).start();
    void running.give(encodedLogs(Buffer.from('x')));
    await running.until(() => running.scope.logs.length > 0, 'failed');
    assert.match(String(running.scope.logs[0]!.fields?.['error']), /code = Unavailable desc = .*ECONNREFUSED/s);
    const sink = new GrpcSink();
    await sink.listen(probe.port);
    for (let i = 0; i < 500 && running.sent === 0; i++) {
      running.scope.clock.advance(100);
      await sleep(10);
    }
    assert.equal(running.sent, 3);
    await running.exporter.stop?.();
    sink.close();
  });
});

describe('TLS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bpflow-otlp-grpc-'));
  after(() => rmSync(folder, { recursive: true }));

  /** A server that takes only clients with a certificate. */
  async function mutual(server = 'server'): Promise<GrpcSink> {
    const pair = { cert_chain: readFileSync(pem(server)), private_key: readFileSync(pem(`${server}-key`)) };
    const sink = new GrpcSink();
    await sink.listen(0, ServerCredentials.createSsl(readFileSync(pem('ca')), [pair], true));
    return sink;
  }

  /** The first thing that is logged when one request is sent. */
  async function complaint(config: Record<string, unknown>): Promise<string> {
    const running = await new Running({ ...config, retry_on_failure: { enabled: false } }).start();
    void running.give(encodedLogs(Buffer.from('x')));
    await running.until(() => running.scope.logs.length > 0, 'refused');
    await running.exporter.stop?.();
    return String(running.scope.logs[0]!.fields?.['error']);
  }

  test('is what is spoken unless it is switched off, and shows the own certificate', async () => {
    const sink = await mutual();
    const endpoint = `localhost:${sink.port}`;
    const tls = { ca_file: pem('ca'), cert_file: pem('client'), key_file: pem('client-key') };
    const running = await new Running({ endpoint, tls }).start();
    void running.give(encodedLogs(Buffer.from('x')));
    await running.until(() => running.sent > 0, 'sent');
    await running.exporter.stop?.();
    assert.match(await complaint({ endpoint }), /code = Unavailable/);
    sink.close();
  });

  test('says when the server has the wrong name or an expired certificate', async () => {
    const tls = { ca_file: pem('ca'), cert_file: pem('client'), key_file: pem('client-key') };
    const elsewhere = await mutual('server-elsewhere');
    assert.match(
      await complaint({ endpoint: `localhost:${elsewhere.port}`, tls }),
      /localhost.*(name|not for)|name.*localhost/s,
    );
    elsewhere.close();
    const expired = await mutual('server-expired');
    assert.match(await complaint({ endpoint: `localhost:${expired.port}`, tls }), /expired/);
    expired.close();
  });

  test('of an address checks the certificate for it, and tells no name', async () => {
    const tls = { ca_file: pem('ca'), cert_file: pem('client'), key_file: pem('client-key') };
    const sink = await mutual();
    const running = await new Running({ endpoint: `127.0.0.1:${sink.port}`, tls }).start();
    void running.give(encodedLogs(Buffer.from('x')));
    await running.until(() => running.sent > 0, 'sent');
    await running.exporter.stop?.();
    sink.close();
    const elsewhere = await mutual('server-elsewhere');
    assert.match(await complaint({ endpoint: `127.0.0.1:${elsewhere.port}`, tls }), /127\.0\.0\.1/);
    elsewhere.close();

    const names: (string | false | undefined)[] = [];
    const server = createTlsServer({ cert: readFileSync(pem('server')), key: readFileSync(pem('server-key')) });
    server.on('secureConnection', (socket) => {
      names.push((socket as { readonly servername?: string | false }).servername);
      socket.destroy();
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    server.listen(0, '127.0.0.1', resolve);
    await promise;
    const { port } = server.address() as AddressInfo;
    for (const host of ['127.0.0.1', 'localhost']) {
      const before = names.length;
      const asking = await new Running({ endpoint: `${host}:${port}`, tls: { ca_file: pem('ca') } }).start();
      void asking.give(encodedLogs(Buffer.from('x')));
      await asking.until(() => names.length > before, 'connected');
      await asking.exporter.stop?.(AbortSignal.abort());
      assert.equal(names[before], host === 'localhost' ? 'localhost' : false);
    }
    server.close();
  });

  test('a renewed certificate is used without a restart', async () => {
    const sink = await mutual();
    const cert = join(folder, 'cert.pem');
    const key = join(folder, 'key.pem');
    copyFileSync(pem('client-foreign'), cert);
    copyFileSync(pem('client-foreign-key'), key);
    const running = await new Running({
      endpoint: `localhost:${sink.port}`,
      tls: { ca_file: pem('ca'), cert_file: cert, key_file: key },
      retry_on_failure: { initial_interval: '1s' },
    }).start();
    void running.give(encodedLogs(Buffer.from('x')));
    await running.until(() => running.scope.logs.length > 0, 'refused');
    assert.equal(running.sent, 0);
    copyFileSync(pem('client'), cert);
    copyFileSync(pem('client-key'), key);
    for (let i = 0; i < 500 && running.sent === 0; i++) {
      running.scope.clock.advance(200);
      await sleep(10);
    }
    assert.equal(running.sent, 3);
    await running.exporter.stop?.();
    sink.close();
  });
});

describe('a balancer', () => {
  test('sends by turns to all addresses of the endpoint', async () => {
    const sinks = [new GrpcSink(), new GrpcSink()];
    const ports = await Promise.all(sinks.map((sink) => sink.listen()));
    const endpoint = `ipv4:${ports.join(',')}`;
    const running = await new Running({ endpoint, ...PLAIN }).start();
    for (let i = 0; i < 200 && sinks.some(({ received }) => received.length === 0); i++) {
      void running.give(encodedLogs(Buffer.from('x')));
      await sleep(10);
    }
    assert.ok(sinks.every(({ received }) => received.length > 0));
    await running.exporter.stop?.();
    for (const sink of sinks) sink.close();
  });
});

/** Answers each gRPC call with the bytes of its one message at hand. */
function rawServer(
  handle: (stream: ServerHttp2Stream, headers: Record<string, unknown>, frame: Buffer) => void,
): Http2Server {
  const server = createServer();
  server.on('stream', (stream, headers) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', () => {});
    stream.on('end', () => handle(stream, headers, Buffer.concat(chunks)));
  });
  return server;
}

function answer(
  stream: ServerHttp2Stream,
  code: string,
  headers: Record<string, string> = {},
  body: Buffer = Buffer.alloc(5),
): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...headers }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': code }));
  stream.end(body);
}

/** A compressed message behind its flag and length. */
function frame(body: Buffer): Buffer {
  const head = Buffer.from([1, 0, 0, 0, 0]);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]);
}

async function listen(server: Http2Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
