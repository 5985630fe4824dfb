import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { ConnectionOptions } from 'node:tls';
import { AuthError, type ServerAuth } from 'bpflow/sdk';
import { Served } from './test/served.ts';

const certificate = (name: string): string => join(import.meta.dirname, `../../sdk/transport/testdata/tls/${name}.pem`);
const folder = mkdtempSync(join(tmpdir(), 'bpflow-page-'));
after(() => rmSync(folder, { recursive: true }));

const TLS = { cert_file: certificate('server'), key_file: certificate('server-key') };
const ca = readFileSync(certificate('ca'));
const clientOf = (name: string): ConnectionOptions => ({
  ca,
  cert: readFileSync(certificate(name)),
  key: readFileSync(certificate(`${name}-key`)),
});

describe('TLS', () => {
  test('serves the page, and says so', async () => {
    const served = await new Served({ tls: TLS }).start();
    assert.equal((await served.take(1).getByTls({ ca })).status, 200);
    assert.match(served.scope.lastHealth!.summary, /^Serves https:/);
    await assert.rejects(served.get());
  });

  test('lets in only whose certificate is of client_ca_file', async () => {
    const served = await new Served({ tls: { ...TLS, client_ca_file: certificate('ca') } }).start();
    assert.equal((await served.getByTls(clientOf('client'))).status, 200);
    await assert.rejects(served.getByTls(clientOf('client-foreign')));
    await assert.rejects(served.getByTls({ ca }));
    assert.equal(served.scrapes('rejected'), 2);
  });

  test('uses renewed files for new connections', async () => {
    const files = { cert_file: join(folder, 'cert.pem'), key_file: join(folder, 'key.pem') };
    const install = (name: string): void => {
      copyFileSync(certificate(name), files.cert_file);
      copyFileSync(certificate(`${name}-key`), files.key_file);
    };
    install('server');
    const served = await new Served({ tls: files }).start();
    const { serial } = await served.getByTls({ ca });
    install('server-renewed');
    served.scope.clock.advance(5000);
    const renewed = await served.getByTls({ ca });
    assert.equal(renewed.status, 200);
    assert.notEqual(renewed.serial, serial);
  });

  test('with a file that is missing stops the start', async () => {
    const served = new Served({ tls: { ...TLS, cert_file: '/nowhere/cert.pem' } });
    await assert.rejects(served.start(), {
      name: 'StartError',
      message: /cert_file \/nowhere\/cert\.pem does not exist/,
    });
  });
});

describe('authentication', () => {
  const auth: ServerAuth = {
    async authenticate({ authorization }) {
      if (authorization === 'Bearer broken') throw new Error('the extension is broken');
      if (authorization !== 'Bearer good') throw new AuthError('Who are you?', { challenge: 'Bearer realm="test"' });
    },
  };

  test('lets in whom the extension knows', async () => {
    const served = await new Served({ auth: { authenticator: 'basic_auth/test' } }, {}, auth).start();
    served.take(1);
    const refused = await served.get();
    assert.equal(refused.status, 401);
    assert.equal(refused.headers['www-authenticate'], 'Bearer realm="test"');
    assert.equal(refused.body.toString(), 'Who are you?\n');
    assert.equal((await served.get('/metrics', { authorization: 'Bearer bad' })).status, 401);
    assert.equal((await served.get('/metrics', { authorization: 'Bearer good' })).status, 200);
    assert.equal((await served.get('/metrics', { authorization: 'Bearer broken' })).status, 500);
    assert.deepEqual(
      ['unauthorized', 'pushed', 'error'].map((outcome) => served.scrapes(outcome)),
      [2, 1, 1],
    );
    assert.doesNotMatch(JSON.stringify(served.scope.logs), /Bearer/);
  });

  test('by an extension that is not there stops the start', async () => {
    const served = new Served({ auth: { authenticator: 'basic_auth/none' } });
    await assert.rejects(served.start(), /basic_auth\/none/);
  });
});

describe('the deadline of a scraper', () => {
  test('is kept: the page is served as it is, while the collection goes on for others', async () => {
    const gate = Promise.withResolvers<'fresh'>();
    const served = await new Served({}, { pullable: true, collect: () => gate.promise }).start();
    served.take(1);
    const hurried = served.get('/metrics', { 'x-prometheus-scrape-timeout-seconds': '0.5' });
    const patient = served.get('/metrics', { 'x-prometheus-scrape-timeout-seconds': '10' });
    const answered = { hurried: false };
    void hurried.then(() => {
      answered.hurried = true;
    });
    // Until the request has come, there is no timer to let fire.
    while (!answered.hurried) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      served.scope.clock.advance(400);
    }
    assert.match((await hurried).body.toString(), / 1\n$/);
    assert.equal(served.scrapes('late'), 1);
    served.take(2);
    gate.resolve('fresh');
    assert.match((await patient).body.toString(), / 2\n$/);
    assert.equal(served.scrapes('fresh'), 1);
  });

  test('that makes no sense is not looked at', async () => {
    const served = await new Served({}, { pullable: true, collect: () => Promise.resolve('fresh') }).start();
    for (const timeout of ['soon', '-1', '0', '']) {
      await served.get('/metrics', { 'x-prometheus-scrape-timeout-seconds': timeout });
    }
    assert.equal(served.scrapes('fresh'), 4);
  });
});

describe('connections', () => {
  test('that idle make room for those that ask', async () => {
    const served = await new Served({ max_connections: 3 }).start();
    const idle = await Promise.all([0, 1, 2].map(() => served.raw('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n')));
    await Promise.all(idle.map((socket) => once(socket, 'data')));
    for (let tries = 0; ; tries++) {
      const answer = await served.get().catch(() => undefined);
      if (answer?.status === 200) break;
      assert.ok(tries < 100, 'nobody is let in');
    }
    for (const socket of idle) socket.destroy();
  });

  test('serve one request each when keep-alive is switched off', async () => {
    const served = await new Served({ keep_alives_enabled: false }).start();
    const agent = new Agent({ keepAlive: true });
    const [response] = await once(get({ port: served.port, host: '127.0.0.1', path: '/metrics', agent }), 'response');
    assert.equal(response.headers.connection, 'close');
    response.resume();
    await once(response, 'end');
    agent.destroy();
  });

  test('get the headers of the configuration with every answer', async () => {
    const served = await new Served({ response_headers: { 'X-Agent': 'bpflow' } }).start();
    assert.equal((await served.get()).headers['x-agent'], 'bpflow');
    assert.equal((await served.get('/elsewhere')).headers['x-agent'], 'bpflow');
  });
});

describe('protobuf', () => {
  const accept = 'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited';

  test('is served to those who ask for it', async () => {
    const served = await new Served().start();
    served.take(1);
    const { headers, body } = await served.get('/metrics', {
      accept: `${accept};q=0.7,text/plain;version=0.0.4;q=0.3`,
    });
    assert.equal(
      headers['content-type'],
      'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping=underscores',
    );
    assert.equal(body[0], body.length - 1);
    assert.match(
      (await served.get('/metrics', { accept: `text/plain,${accept};q=0.7` })).headers['content-type']!,
      /^text\/plain/,
    );
    assert.match(
      (await served.get('/metrics', { accept: 'application/vnd.google.protobuf' })).headers['content-type']!,
      /^text\/plain/,
    );
  });
});

test('the series limit is told once a minute', async () => {
  const served = await new Served({ max_series: 2 }).start();
  const told = (): number => served.scope.logs.filter(({ level }) => level === 'warn').length;
  served.take(1, 5).take(2, 5);
  assert.equal(told(), 1);
  assert.deepEqual(served.scope.items.drops, []);
  served.scope.clock.advance(60_000);
  served.take(3, 5);
  assert.equal(told(), 2);
  const lines = (await served.text()).split('\n').filter((line) => line.startsWith('x{'));
  const unscoped = lines.map((line) => line.replaceAll(/,otel_scope_\w+=""/g, ''));
  assert.deepEqual(unscoped, ['x{i="0"} 3', 'x{otel_metric_overflow="true"} 12']);
  assert.deepEqual((served.scope.view('page') as { folds: unknown }).folds, [
    {
      metric: 'x',
      series: 1,
      maxSeries: 1,
      attributes: [{ attribute: 'i', values: 4, folded: 12 }],
    },
  ]);
  const labels = { exporter: 'prometheus', metric: 'x', attribute: 'i' };
  assert.equal(served.scope.meter.value('bpflow_prometheus_folded', labels), 12);
});
