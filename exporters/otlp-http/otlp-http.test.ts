import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, request as httpRequest } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { CLIENT_AUTH, type ClientAuth, otlpFromJson } from 'bpflow/sdk';
import { encodedLogs, type FakeScope, fakeScope, RunningExporter, sampleBatch } from 'bpflow/testing';
import { encodeRpcStatus } from 'bpflow/transport';
import spec from './index.ts';
import { HttpSink } from './test/http-sink.ts';

const NEVER = new AbortController().signal;
const pem = (name: string): string =>
  join(import.meta.dirname, '..', '..', 'sdk', 'transport', 'testdata', 'tls', `${name}.pem`);
const BYTES = Buffer.from('one request, '.repeat(1000));

class Running extends RunningExporter {
  constructor(config: Record<string, unknown>, scope?: FakeScope) {
    super(spec, config, scope);
  }
}

async function withSink(
  config: Record<string, unknown>,
  run: (sink: HttpSink, running: Running) => Promise<void>,
): Promise<void> {
  const sink = new HttpSink();
  const endpoint = await sink.listen();
  const running = await new Running({ endpoint, ...config }).start();
  try {
    await run(sink, running);
  } finally {
    await running.exporter.stop?.();
    sink.close();
  }
}

describe('requests', () => {
  for (const compression of ['gzip', 'zstd', 'zlib', 'deflate', 'snappy', 'x-snappy-framed', 'none']) {
    test(`with compression ${compression}`, async () => {
      await withSink({ compression }, async (sink, running) => {
        void running.give(encodedLogs(BYTES.subarray(0, 100), BYTES.subarray(100)));
        await running.until(() => running.sent > 0, 'sent');
        const { headers, raw, body, path } = sink.received[0]!;
        assert.equal(path, '/v1/logs');
        assert.equal(headers['content-encoding'], compression === 'none' ? undefined : compression);
        assert.equal(headers['content-type'], 'application/x-protobuf');
        assert.equal(headers['content-length'], String(raw.length));
        assert.deepEqual(body, BYTES);
      });
    });
  }

  test('a level makes them smaller', async () => {
    const sizes: number[] = [];
    for (const level of [1, 9]) {
      await withSink({ compression_params: { level } }, async (sink, running) => {
        const text = Buffer.from(
          Array.from({ length: 2000 }, (_, i) => `series ${i % 97} has the value ${i * i}`).join(' '),
        );
        void running.give(encodedLogs(text));
        await running.until(() => running.sent > 0, 'sent');
        sizes.push(sink.received[0]!.raw.length);
      });
    }
    assert.ok(sizes[1]! < sizes[0]!, String(sizes));
  });

  test('as JSON', async () => {
    const json =
      '{"resourceLogs":[{"resource":{},"scopeLogs":[{"scope":{},"logRecords":[{"body":{"stringValue":"hi"}}]}]}]}';
    await withSink({ encoding: 'json', compression: 'none' }, async (sink, running) => {
      void running.give(encodedLogs(otlpFromJson('logs', json)));
      await running.until(() => running.sent > 0, 'sent');
      assert.equal(sink.received[0]!.headers['content-type'], 'application/json');
      assert.deepEqual(JSON.parse(sink.received[0]!.body.toString()), JSON.parse(json));
    });
  });

  test('go to the endpoint of their signal', async () => {
    const sink = new HttpSink();
    const base = await sink.listen();
    const config = { endpoint: `${base}/base/`, metrics_endpoint: `${base}/only/metrics` };
    const running = await new Running(config).start();
    void running.give(encodedLogs(BYTES));
    void running.exporter.consume.metrics!(
      Object.defineProperty({ ...sampleBatch('metrics') }, Symbol.for('bpflow:encoded'), {
        value: { parts: [BYTES], items: 1, plain: () => sampleBatch('metrics') },
      }),
      NEVER,
    );
    await running.until(() => sink.received.length === 2, 'sent');
    void running.exporter.consume.profiles!(sampleBatch('profiles'), NEVER);
    await running.until(() => sink.received.length === 3, 'sent');
    const paths = sink.received.map(({ path }) => path).sort();
    assert.deepEqual(paths, ['/base/v1/logs', '/base/v1development/profiles', '/only/metrics']);
    await running.exporter.stop?.();
    sink.close();
    const only = new Running({ metrics_endpoint: `${base}/only/metrics` });
    assert.deepEqual(Object.keys(only.exporter.consume), ['metrics']);
  });

  test('carry headers, credentials and a user agent, and nobody logs them', async () => {
    const auth: ClientAuth = { headers: () => ({ authorization: 'Bearer secret' }) };
    const scope = fakeScope('exporter', 'otlp_http', { extensions: [[CLIENT_AUTH, 'bearertokenauth', auth]] });
    const sink = new HttpSink();
    sink.answer = (response) => response.writeHead(400).end();
    const endpoint = (await sink.listen()).replace('http://', 'http://user:hidden@');
    const headers = { 'X-Tenant': 'blue', Authorization: 'is replaced' };
    const config = { endpoint: `${endpoint}`, logs_endpoint: `${endpoint}/logs?key=hidden`, headers };
    const running = await new Running({ ...config, auth: { authenticator: 'bearertokenauth' } }, scope).start();
    void running.give(encodedLogs(BYTES));
    await running.until(() => scope.logs.length > 0, 'refused');
    const got = sink.received[0]!.headers;
    assert.equal(got['x-tenant'], 'blue');
    assert.equal(got.authorization, 'Bearer secret');
    assert.match(String(got['user-agent']), /^bpflow\/[\d.]+$/);
    assert.doesNotMatch(JSON.stringify(scope.logs), /secret|blue|hidden/);
    await running.exporter.stop?.();
    sink.close();
  });

  test('share connections', async () => {
    await withSink({}, async (sink, running) => {
      for (let i = 1; i <= 5; i++) {
        void running.give(encodedLogs(BYTES));
        await running.until(() => running.sent === 3 * i, 'sent');
      }
      assert.equal(sink.connections, 1);
    });
  });

  test('below 0, limits keep no connection and set none', async () => {
    for (const [config, connections] of [
      [{ max_idle_conns: -1 }, 3],
      [{ max_idle_conns_per_host: -1 }, 3],
      [{ max_conns_per_host: -1 }, 1],
    ] as const) {
      await withSink(config, async (sink, running) => {
        for (let i = 1; i <= 3; i++) {
          void running.give(encodedLogs(BYTES));
          await running.until(() => sink.received.length === i, `request ${i}`);
          await running.until(() => running.exporter.held!() === 0, 'delivered');
        }
        assert.equal(sink.connections, connections, JSON.stringify(config));
      });
    }
  });

  test('a kept connection that the server has closed is replaced without a retry', async () => {
    await withSink({}, async (sink, running) => {
      void running.give(encodedLogs(BYTES));
      await running.until(() => running.sent === 3, 'sent');
      sink.closeIdle();
      void running.give(encodedLogs(BYTES));
      await running.until(() => running.sent === 6, 'sent');
      assert.deepEqual(running.scope.logs, []);
    });
  });
});

describe('the retry table', () => {
  const retried = [429, 502, 503, 504];
  for (const code of [301, 400, 401, 403, 404, 413, 429, 500, 501, 502, 503, 504]) {
    const isRetried = retried.includes(code);
    test(`${code} is ${isRetried ? 'tried again' : 'given up'}`, async () => {
      await withSink({ retry_on_failure: { initial_interval: '1s' } }, async (sink, running) => {
        sink.answer = (response) => response.writeHead(sink.received.length === 1 ? code : 200).end();
        void running.give(encodedLogs(BYTES));
        await running.until(() => running.scope.logs.length > 0, 'failed');
        const text = `error exporting items, request to http://127.0.0.1:${sink.port}/v1/logs responded with HTTP Status Code ${code}`;
        assert.equal(running.error, isRetried ? text : `not retryable error: Permanent error: ${text}`);
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

  for (const [code, how, value, interval] of [
    [429, 'seconds', () => '2', '2s'],
    [503, 'a date', (nowMs: number) => new Date(nowMs + 7000).toUTCString(), '7s'],
    [503, 'nonsense', () => 'soon', '10ms'],
    [504, 'seconds, which do not count', () => '2', '10ms'],
  ] as const) {
    test(`Retry-After of ${code} as ${how}`, async () => {
      const retry_on_failure = { initial_interval: '10ms', max_interval: '10ms', randomization_factor: 0 };
      await withSink({ retry_on_failure }, async (sink, running) => {
        const nowMs = Number(running.scope.clock.now() / 1_000_000n);
        sink.answer = (response) => response.writeHead(code, { 'retry-after': value(nowMs) }).end();
        void running.give(encodedLogs(BYTES));
        await running.until(() => running.scope.logs.length > 0, 'failed');
        assert.equal(running.scope.logs[0]!.fields?.['interval'], interval);
      });
    });
  }

  test('the message of an answer is in the error, cut where it is long', async () => {
    for (const [type, body] of [
      ['application/x-protobuf', encodeRpcStatus(3, 'not like this')],
      ['application/json; charset=utf-8', Buffer.from('{"code":3,"message":"not like this"}')],
    ] as const) {
      await withSink({}, async (sink, running) => {
        sink.answer = (response) => response.writeHead(400, { 'content-type': type }).end(body);
        void running.give(encodedLogs(BYTES));
        await running.until(() => running.scope.logs.length > 0, 'failed');
        assert.match(running.error, /HTTP Status Code 400, Message=not like this, Details=\[\]$/);
      });
    }
    await withSink({}, async (sink, running) => {
      sink.answer = (response) =>
        response.writeHead(400, { 'content-type': 'application/json' }).end(`{"message":"${'x'.repeat(50_000)}"}`);
      void running.give(encodedLogs(BYTES));
      await running.until(() => running.scope.logs.length > 0, 'failed');
      assert.ok(running.error.length < 3000);
    });
  });

  test('an answer without end is not waited for', async () => {
    await withSink({ retry_on_failure: { enabled: false } }, async (sink, running) => {
      sink.answer = (response) => {
        response.writeHead(400, { 'content-type': 'text/plain' });
        response.write(Buffer.alloc(200_000));
      };
      void running.give(encodedLogs(BYTES));
      await running.until(() => running.scope.logs.length > 0, 'failed');
      assert.match(running.error, /HTTP Status Code 400$/);
    });
  });

  test('partial successes, as protobuf and as JSON', async () => {
    const protobuf = Buffer.from([0x0a, 7, 0x08, 2, 0x12, 3, ...Buffer.from('old')]);
    const json = Buffer.from('{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"old"}}');
    for (const [type, body] of [
      ['application/x-protobuf', protobuf],
      ['application/json', json],
    ] as const) {
      await withSink({}, async (sink, running) => {
        sink.answer = (response) => response.writeHead(200, { 'content-type': type }).end(body);
        void running.give(encodedLogs(BYTES));
        await running.until(() => running.sent > 0, 'sent');
        assert.deepEqual(running.scope.items.drops, [{ count: 2, reason: 'rejected' }]);
        assert.deepEqual(running.scope.logs.at(-1)?.fields, { message: 'old', dropped_log_records: 2 });
      });
    }
  });

  test('connections that are refused, cut and slow are tried again', async () => {
    const closed = new HttpSink();
    const endpoint = await closed.listen();
    closed.close();
    const refused = await new Running({ endpoint }).start();
    void refused.give(encodedLogs(BYTES));
    await refused.until(() => refused.scope.logs.length > 0, 'failed');
    assert.match(
      refused.error,
      /^failed to make an HTTP request: Post "http:\/\/127\.0\.0\.1:\d+\/v1\/logs": connect ECONNREFUSED/,
    );
    assert.equal(refused.exporter.held!(), 3);
    await refused.exporter.stop?.();

    await withSink({ timeout: '1s' }, async (sink, running) => {
      sink.answer = (response) => {
        if (sink.received.length === 1) response.destroy();
      };
      void running.give(encodedLogs(BYTES));
      await running.until(() => running.scope.logs.length > 0, 'cut');
      assert.match(running.error, /socket hang up|ECONNRESET/);
      running.scope.clock.advance(10_000);
      await running.until(() => sink.received.length === 2, 'tried again');
      running.scope.clock.advance(1000);
      await running.until(() => running.exporter.held!() === 3, 'held');
      await sleep(20);
      await running.exporter.stop?.();
      assert.match(JSON.stringify(running.scope.logs), /context deadline exceeded/);
    });
  });
});

describe('TLS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bpflow-otlp-http-'));
  after(() => rmSync(folder, { recursive: true }));

  async function mutual(server = 'server'): Promise<{ sink: HttpSink; endpoint: string }> {
    const sink = new HttpSink({
      cert: readFileSync(pem(server)),
      key: readFileSync(pem(`${server}-key`)),
      ca: readFileSync(pem('ca')),
      requestCert: true,
    });
    await sink.listen();
    return { sink, endpoint: `https://localhost:${sink.port}` };
  }

  test('shows the own certificate, and says what is wrong with that of the server', async () => {
    const tls = { ca_file: pem('ca'), cert_file: pem('client'), key_file: pem('client-key') };
    const { sink, endpoint } = await mutual();
    const running = await new Running({ endpoint, tls }).start();
    void running.give(encodedLogs(BYTES));
    await running.until(() => running.sent > 0, 'sent');
    await running.exporter.stop?.();
    sink.close();
    for (const [server, text] of [
      ['server-expired', /expired/],
      ['server-elsewhere', /localhost/],
    ] as const) {
      const other = await mutual(server);
      const refusing = await new Running({ endpoint: other.endpoint, tls }).start();
      void refusing.give(encodedLogs(BYTES));
      await refusing.until(() => refusing.scope.logs.length > 0, 'refused');
      assert.match(refusing.error, text);
      await refusing.exporter.stop?.();
      other.sink.close();
    }
  });

  test('a renewed certificate is used without a restart', async () => {
    const { sink, endpoint } = await mutual();
    const cert = join(folder, 'cert.pem');
    const key = join(folder, 'key.pem');
    copyFileSync(pem('client-foreign'), cert);
    copyFileSync(pem('client-foreign-key'), key);
    const tls = { ca_file: pem('ca'), cert_file: cert, key_file: key };
    const running = await new Running({ endpoint, tls, retry_on_failure: { initial_interval: '1s' } }).start();
    void running.give(encodedLogs(BYTES));
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

describe('a proxy', () => {
  test('gets requests for http, and tunnels for https', async () => {
    const seen: string[] = [];
    const proxy = createServer((request, response) => {
      seen.push(`${request.method} ${request.url}`);
      const { method, headers } = request;
      const onward = httpRequest(request.url!, { method: method!, headers }, (answer) => {
        response.writeHead(answer.statusCode!);
        answer.pipe(response);
      });
      request.pipe(onward);
    });
    proxy.on('connect', (request, socket, head) => {
      seen.push(`CONNECT ${request.url}`);
      const [, port] = request.url!.split(':');
      const onward = connect(Number(port), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        onward.write(head);
        onward.pipe(socket).pipe(onward);
      });
      onward.on('error', () => socket.destroy());
      socket.on('error', () => onward.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const proxy_url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;

    const plain = new HttpSink();
    const secure = new HttpSink({ cert: readFileSync(pem('server')), key: readFileSync(pem('server-key')) });
    const plainEndpoint = await plain.listen();
    await secure.listen();
    for (const endpoint of [plainEndpoint, `https://localhost:${secure.port}`]) {
      const running = await new Running({ endpoint, proxy_url, tls: { ca_file: pem('ca') } }).start();
      void running.give(encodedLogs(BYTES));
      await running.until(() => running.sent > 0, 'sent');
      await running.exporter.stop?.();
    }
    assert.deepEqual(seen, [`POST ${plainEndpoint}/v1/logs`, `CONNECT localhost:${secure.port}`]);
    plain.close();
    secure.close();
    proxy.close();
    proxy.closeAllConnections();
  });
});
