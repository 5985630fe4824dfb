import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get } from 'node:http';
import type { Socket } from 'node:net';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import type { Upstream } from 'bpflow/sdk';
import { Served } from './test/served.ts';

const PLAIN = 'x{i="0",otel_scope_name="",otel_scope_schema_url="",otel_scope_version=""} ';

describe('requests', () => {
  test('are answered at /metrics, in classic text', async () => {
    const served = await new Served().start();
    const { status, headers, body } = await served.take(1).get();
    assert.equal(status, 200);
    assert.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8; escaping=underscores');
    assert.equal(body.toString(), `# HELP x Text.\n# TYPE x gauge\n${PLAIN}1\n`);
    assert.equal((await served.get('/metrics?name=x')).status, 200);
  });

  test('of an empty page are answered with nothing', async () => {
    const served = await new Served().start();
    const { status, body } = await served.get();
    assert.equal(status, 200);
    assert.equal(body.length, 0);
  });

  test('by HEAD get the length only', async () => {
    const served = await new Served().start();
    const { headers, body } = await served.take(1).get('/metrics', {}, 'HEAD');
    assert.equal(headers['content-length'], String((await served.get()).body.length));
    assert.equal(body.length, 0);
  });

  test('for other paths and by other methods are refused', async () => {
    const served = await new Served().start();
    const missing = await served.get('/');
    assert.equal(missing.status, 404);
    assert.equal(missing.body.toString(), 'Not found. The metrics are at /metrics.\n');
    const posted = await served.get('/metrics', {}, 'POST');
    assert.equal(posted.status, 405);
    assert.equal(posted.headers.allow, 'GET, HEAD');
  });

  test('that accept gzip get the same page compressed', async () => {
    const served = await new Served().start();
    const plain = await served.take(7, 1000).get();
    const { headers, body } = await served.get('/metrics', { 'accept-encoding': 'deflate, gzip;q=0.5' });
    assert.equal(headers['content-encoding'], 'gzip');
    assert.ok(body.length < plain.body.length / 4);
    assert.deepEqual(gunzipSync(body), plain.body);
    const refused = await served.get('/metrics', { 'accept-encoding': 'gzip;q=0' });
    assert.equal(refused.headers['content-encoding'], undefined);
  });

  const openMetrics = 'application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
  test('for OpenMetrics get it only where it is enabled', async () => {
    const off = await new Served().start();
    assert.match(
      (await off.get('/metrics', { accept: openMetrics })).headers['content-type']!,
      /^text\/plain; version=0\.0\.4;/,
    );
    const on = await new Served({ enable_open_metrics: true }).start();
    const { headers, body } = await on.get('/metrics', { accept: openMetrics });
    assert.equal(
      headers['content-type'],
      'application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores',
    );
    assert.equal(body.toString(), '# EOF\n');
    assert.match(
      (await on.get('/metrics', { accept: 'text/plain, application/openmetrics-text;q=0.1' })).headers['content-type']!,
      /^text\/plain/,
    );
  });

  test('for UTF-8 names get them only under a strategy that keeps them', async () => {
    const accept = 'text/plain;version=1.0.0;escaping=allow-utf-8';
    const keeps = await new Served({ translation_strategy: 'NoTranslation' }).start();
    const type = (await keeps.get('/metrics', { accept })).headers['content-type'];
    assert.equal(type, 'text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8');
    const escapes = await new Served().start();
    assert.match((await escapes.get('/metrics', { accept })).headers['content-type']!, /escaping=underscores$/);
  });
});

describe('scrapes', () => {
  test('make the receivers collect, once for all that come together', async () => {
    let collections = 0;
    const gate = Promise.withResolvers<void>();
    const collect: Upstream['collect'] = async (options) => {
      assert.deepEqual(options, { maxAgeMs: 1000, timeoutMs: 1000 });
      await gate.promise;
      served.take(++collections);
      return 'fresh';
    };
    const served = await new Served({}, { pullable: true, collect }).start();
    const scrapes = Promise.all([served.text(), served.text(), served.text()]);
    await served.get('/elsewhere');
    gate.resolve();
    assert.equal(new Set(await scrapes).size, 1);
    assert.equal(collections, 1);
    assert.equal(served.scrapes('fresh'), 3);
    assert.match(await served.text(), / 2\n$/);
  });

  test('show the last values when collecting takes too long or fails', async () => {
    const outcomes: (() => Promise<'late'>)[] = [
      () => Promise.resolve('late'),
      () => Promise.reject(new Error('the receiver is upset')),
    ];
    const served = await new Served({}, { pullable: true, collect: () => outcomes.shift()!() }).start();
    served.take(1);
    assert.match(await served.text(), / 1\n$/);
    assert.match(await served.text(), / 1\n$/);
    assert.ok(
      served.scope.logs.some(({ level, fields }) => level === 'warn' && fields?.['error'] === 'the receiver is upset'),
    );
  });

  test('collect nothing with collect: interval', async () => {
    const collect = (): never => assert.fail('It collected.');
    const served = await new Served({ collect: 'interval' }, { pullable: true, collect }).start();
    assert.equal((await served.take(1).get()).status, 200);
  });

  test('never mix two pages, however many read at once', async () => {
    const served = await new Served().start();
    const reads: Promise<string>[] = [];
    for (let value = 1; value <= 20; value++) {
      served.take(10 ** (value % 10), 2000, 6);
      reads.push(served.text(), served.text());
      if (value % 3 === 0) await Promise.all(reads.slice(-4));
    }
    for (const text of await Promise.all(reads)) {
      const lines = text.split('\n').slice(2, -1);
      assert.equal(lines.length, 2000);
      assert.equal(new Set(lines.map((line) => line.split(' ').at(-1))).size, 1);
      assert.deepEqual(lines, [...lines].sort());
    }
  });
});

describe('clients that misbehave hurt nobody', () => {
  test('garbage is answered with 400', async () => {
    const served = await new Served().start();
    const socket = await served.raw('\x16\x03\x01\x02\0\x01 this is no HTTP\r\n\r\n');
    const [answer] = await once(socket, 'data');
    assert.match(String(answer), /^HTTP\/1\.1 400 Bad Request\r\n/);
    await once(socket, 'close');
    assert.match(await served.take(1).text(), / 1\n$/);
  });

  test('half a request, and a connection that says nothing', async () => {
    const served = await new Served().start();
    const sockets = [await served.raw('GET /metrics HTTP/1.1\r\nHost: x\r\nX-Slow: '), await served.raw('')];
    assert.match(await served.take(1).text(), / 1\n$/);
    for (const socket of sockets) socket.destroy();
  });

  test('an endless body is cut off with the answer', async () => {
    const served = await new Served().start();
    const socket = await served.raw('POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000000\r\n\r\nabc');
    await once(socket, 'data');
    socket.resume();
    await once(socket, 'close');
    assert.match(await served.take(1).text(), / 1\n$/);
  });

  test('headers without end are refused', async () => {
    const served = await new Served().start();
    const socket = await served.raw(`GET /metrics HTTP/1.1\r\nX: ${'x'.repeat(100_000)}`);
    socket.resume();
    await once(socket, 'close');
    assert.match(await served.take(1).text(), / 1\n$/);
  });

  test('one that disconnects in the middle of its page', async () => {
    const served = await new Served().start();
    served.take(1, 50_000);
    for (let i = 0; i < 5; i++) {
      const client = get({ host: '127.0.0.1', port: served.port, path: '/metrics', agent: false });
      const [response] = await once(client, 'response');
      response.once('data', () => client.destroy());
      await once(client, 'close');
    }
    assert.equal((await served.text()).split('\n').length, 50_003);
  });

  test('readers that do not read are cut off when newer pages need the memory', async () => {
    const served = await new Served().start();
    const slow: Socket[] = [];
    for (let value = 1; value <= 8; value++) {
      served.take(value, 60_000);
      const socket = await served.raw('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n');
      socket.pause();
      slow.push(socket);
      assert.match(await served.text(), new RegExp(` ${value}\n$`));
    }
    const first = slow[0]!;
    first.resume();
    await once(first, 'close');
    let bytes = 0;
    const last = slow.at(-1)!;
    last.on('data', (chunk) => {
      bytes += chunk.length;
    });
    last.resume();
    const whole = (await served.get()).body.length;
    for (let tries = 0; bytes < whole && tries < 500; tries++) await sleep(10);
    assert.ok(bytes > whole, 'the newest page is read to its end');
    for (const socket of slow) socket.destroy();
  });

  test('a reader that takes longer than 30 s is cut off', async () => {
    const served = await new Served().start();
    served.take(1, 60_000);
    const socket = await served.raw('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(socket, 'readable');
    served.scope.clock.advance(30_000);
    socket.resume();
    await once(socket, 'close');
  });
});

test('the exporter tells of its page', async () => {
  const served = await new Served().start();
  await served.take(1, 3).get();
  const labels = { exporter: 'prometheus' };
  assert.equal(served.scope.meter.value('bpflow_prometheus_series', labels), 3);
  assert.equal(served.scope.meter.value('bpflow_prometheus_page_bytes', labels), (await served.get()).body.length);
  assert.deepEqual(served.scope.view('page'), {
    families: [{ name: 'x', type: 'gauge', series: 3 }],
    folds: [],
    leftOut: {},
  });
  assert.deepEqual(served.scope.lastHealth, {
    state: 'ok',
    summary: `Serves http://127.0.0.1:${served.port}/metrics.`,
  });
});

test('series expire also when nobody scrapes', async () => {
  const served = await new Served({ metric_expiration: '2m' }).start();
  served.take(1, 3);
  const series = (): unknown => served.scope.meter.value('bpflow_prometheus_series', { exporter: 'prometheus' });
  served.scope.clock.advance(120_000);
  assert.equal(series(), 3);
  served.scope.clock.advance(60_000);
  assert.equal(series(), 0);
});

describe('the listener', () => {
  test('that finds its port in use stops the start, and says what to do', async () => {
    const first = await new Served().start();
    const second = new Served({ endpoint: `127.0.0.1:${first.port}` });
    await assert.rejects(second.start(), {
      name: 'StartError',
      message: `cannot listen on 127.0.0.1:${first.port}: the address is in use, by another process or by another component of this configuration; free it or set another "endpoint"`,
    });
    await second.exporter.stop?.();
  });

  test('that has no such address says so', async () => {
    await assert.rejects(new Served({ endpoint: '192.0.2.1:0' }).start(), {
      name: 'StartError',
      message: 'cannot listen on 192.0.2.1:0: this machine has no such address; set an "endpoint" of this machine',
    });
  });

  test('stops with clients connected, twice, and without having started', async () => {
    const served = await new Served().start();
    const socket = await served.raw('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(socket, 'data');
    const closed = once(socket, 'close');
    await served.exporter.stop?.();
    await closed;
    await served.exporter.stop?.();
    await new Served().exporter.stop?.();
  });
});
