import assert from 'node:assert/strict';
import { request as plainRequest, type RequestOptions } from 'node:http';
import { request as secureRequest } from 'node:https';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, test } from 'node:test';
import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { fakeScope } from 'bpflow/testing';
import {
  answerCors,
  ByteBudget,
  HttpError,
  HttpServer,
  type HttpServerOptions,
  Inflater,
  openClientTls,
  openServerTls,
  readBody,
  tlsClientSettings,
  tlsServerSettings,
} from 'bpflow/transport';

const certificate = (name: string): string => join(import.meta.dirname, 'testdata', 'tls', `${name}.pem`);
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function serve(handle: HttpServerOptions['handle'], options: Partial<HttpServerOptions> = {}) {
  const scope = fakeScope();
  const server = new HttpServer({ address: { host: '127.0.0.1', port: 0 }, log: scope.log, handle, ...options });
  const address = await server.start();
  closing.push(() => server.stop(0));
  return { server, address, scope, url: `http://${address}` };
}

describe('an HTTP server', () => {
  test('answers over TLS', async () => {
    const scope = fakeScope();
    const settings = { cert_file: certificate('server'), key_file: certificate('server-key') };
    const tls = openServerTls(tlsServerSettings().parse({ ...settings, client_ca_file: certificate('ca') })!, scope);
    closing.push(() => tls.close());
    const { address, scope: told } = await serve((_, response) => void response.end('hello'), { tls });
    const get = (more: Record<string, unknown>): Promise<string> => {
      const client = openClientTls(tlsClientSettings().parse({ ca_file: certificate('ca'), ...more }), scope);
      closing.push(() => client.close());
      const [host, port] = address.split(':');
      return fetchBody(
        { host: host!, port: port!, agent: false, ...(client.connectOptions() as RequestOptions) },
        true,
      );
    };
    assert.equal(await get({ cert_file: certificate('client'), key_file: certificate('client-key') }), 'hello');
    await assert.rejects(get({}));
    assert.match(String(told.logs[0]?.fields?.['error']), /showed no certificate/);
  });

  test('answers 500 when its owner fails, and logs why', async () => {
    const { url, scope } = await serve(() => Promise.reject(new Error('the secret is 1')));
    const response = await fetch(url);
    assert.equal(response.status, 500);
    assert.equal(await response.text(), '500 internal server error\n');
    assert.equal(scope.logs[0]?.fields?.['error'], 'the secret is 1');
  });

  test('finishes what is under way when it stops', async () => {
    const begun = Promise.withResolvers<void>();
    const finish = Promise.withResolvers<void>();
    const { url, server } = await serve(async (_, response) => {
      begun.resolve();
      await finish.promise;
      response.end('done');
    });
    const answer = fetch(url);
    await begun.promise;
    const stopped = server.stop(10_000);
    finish.resolve();
    assert.equal(await (await answer).text(), 'done');
    await stopped;
    await assert.rejects(fetch(url));
  });

  test('closes the connection after each answer where keep-alive is off', async () => {
    const { url } = await serve((_, response) => void response.end(), { limits: { keepAlive: false } });
    assert.equal((await fetch(url)).headers.get('connection'), 'close');
  });

  test('cuts off who does not finish a request, or says nothing in it', async () => {
    const { address } = await serve(() => {}, { limits: { headersMs: 100, requestMs: 150, silentMs: 100 } });
    const [host, port] = address.split(':');
    for (const text of [
      '',
      'POST / HTTP/1.1\r\nHost: x\r\n',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc',
    ]) {
      const socket = connect(Number(port), host);
      socket.on('error', () => {});
      socket.write(text);
      await new Promise((resolve) => socket.on('close', resolve).resume());
    }
  });
});

describe('a hostile client does no harm:', () => {
  const open = async (address: string, text: string) => {
    const [host, port] = address.split(':');
    const socket = connect(Number(port), host);
    socket.on('error', () => {});
    socket.resume();
    closing.push(() => socket.destroy());
    await new Promise((resolve) => socket.once('connect', resolve));
    socket.write(text);
    return socket;
  };

  test('1,000 idle connections: others are served', async () => {
    const { address, url, server } = await serve((_, response) => void response.end('served'));
    for (let i = 0; i < 10; i++) await Promise.all(Array.from({ length: 100 }, () => open(address, 'POST / HT')));
    assert.equal(await (await fetch(url)).text(), 'served');
    assert.ok(server.connections >= 1000);
  });

  test('more connections than there may be: who waits longest makes room', async () => {
    const { address, server } = await serve((_, response) => void response.end('served'), { maxConnections: 20 });
    const [host, port] = address.split(':');
    for (const text of ['', 'GET / HTTP/1.1\r\nHost: x\r\n', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n']) {
      for (let i = 0; i < 20; i++) await open(address, text);
      assert.equal(await fetchBody({ host: host!, port: port!, agent: false }, false), 'served');
      assert.ok(server.connections <= 20);
    }
  });

  test('a body without end takes no memory', async () => {
    const scope = fakeScope();
    const budget = new ByteBudget(1e6, scope.clock);
    const limits = { budget, maxBytes: 50_000, inflater: new Inflater(budget, 50_000), codings: new Set(['']) };
    const { address } = await serve(async (request, response) => {
      const refused = await readBody(request, limits).catch((error: unknown) => error);
      assert.ok(refused instanceof HttpError);
      response.writeHead(refused.status).end();
    });
    const socket = await open(address, 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
    const answered = new Promise((resolve) => socket.once('data', resolve));
    const chunk = `4000\r\n${'a'.repeat(0x4000)}\r\n`;
    for (let i = 0; i < 1000 && !socket.destroyed; i++) {
      if (!socket.write(chunk)) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    assert.match(String(await answered), /^HTTP\/1.1 400 /);
    assert.equal(budget.used, 0);
    assert.ok(budget.peak <= 50_000);
  });
});

describe('a body', () => {
  const text = Buffer.from('hello '.repeat(2000));
  const serveBodies = async (limit = 20_000, maxBytes = 100_000) => {
    const scope = fakeScope();
    const budget = new ByteBudget(limit, scope.clock);
    const limits = {
      budget,
      maxBytes,
      inflater: new Inflater(budget, maxBytes),
      codings: new Set(['', 'gzip', 'zstd', 'zlib', 'deflate']),
    };
    const served = await serve(async (request, response) => {
      try {
        const body = await readBody(request, limits);
        response.end(String(body.bytes.length));
        body.release();
      } catch (error) {
        assert.ok(error instanceof HttpError);
        response.writeHead(error.status).end(error.message);
      }
    });
    const post = async (body: Uint8Array<ArrayBuffer>, encoding?: string): Promise<[number, string]> => {
      const headers = encoding === undefined ? {} : { 'content-encoding': encoding };
      const response = await fetch(served.url, { method: 'POST', body, headers });
      return [response.status, await response.text()];
    };
    return { ...served, budget, post, scope };
  };

  test('is inflated, whatever it is packed with', async () => {
    const { post, budget } = await serveBodies();
    assert.deepEqual(await post(text), [200, '12000']);
    assert.deepEqual(await post(gzipSync(text), 'gzip'), [200, '12000']);
    assert.deepEqual(await post(zstdCompressSync(text), 'zstd'), [200, '12000']);
    assert.deepEqual(await post(deflateSync(text), 'deflate'), [200, '12000']);
    assert.deepEqual(await post(deflateSync(text), 'zlib'), [200, '12000']);
    assert.deepEqual(await post(text, 'identity'), [200, '12000']);
    assert.equal(budget.used, 0);
  });

  test('is refused when it is too large, inflated too, or damaged, or packed with something else', async () => {
    const { post, budget } = await serveBodies(1e6, 12_000);
    assert.deepEqual(await post(Buffer.alloc(12_001)), [400, 'http: request body too large']);
    assert.deepEqual(await post(gzipSync(Buffer.alloc(12_001)), 'gzip'), [400, 'http: request body too large']);
    assert.deepEqual(await post(zstdCompressSync(Buffer.alloc(1e7)), 'zstd'), [400, 'http: request body too large']);
    assert.deepEqual(await post(text, 'br2'), [400, 'unsupported Content-Encoding: br2']);
    assert.match((await post(text, 'gzip'))[1], /^gzip: incorrect header check/);
    assert.match((await post(gzipSync(text).subarray(0, 40), 'gzip'))[1], /^gzip: unexpected end of file/);
    assert.equal(budget.used, 0);
  });

  test('in crumbs takes little more memory than its bytes', async () => {
    const { address, budget } = await serveBodies(20_000);
    const [host, port] = address.split(':');
    const socket = connect(Number(port), host);
    closing.push(() => socket.destroy());
    socket.write('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
    socket.write(`${'1\r\na\r\n'.repeat(12_000)}0\r\n\r\n`);
    const answer = await new Promise((resolve) => socket.once('data', resolve));
    assert.match(String(answer), /12000/);
    assert.ok(budget.peak < 20_000);
  });

  test('waits for memory: 503 without, and slow senders make room', async () => {
    const { post, budget, address, scope } = await serveBodies(20_000);
    const [host, port] = address.split(':');
    const slow = connect(Number(port), host);
    closing.push(() => slow.destroy());
    slow.on('error', () => {});
    const refused = new Promise((resolve) => slow.once('data', resolve));
    slow.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 15001\r\n\r\n');
    slow.write(Buffer.alloc(15_000));
    while (budget.used < 15_000) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual((await post(Buffer.alloc(16_000)))[0], 503);
    scope.clock.advance(6000);
    assert.deepEqual(await post(Buffer.alloc(16_000)), [200, '16000']);
    assert.match(String(await refused), /^HTTP\/1.1 503 /);
    assert.equal(budget.used, 0);
    assert.ok(budget.peak <= budget.limit);
  });

  test('larger than others makes room for them', async () => {
    const { post, budget, address } = await serveBodies(20_000);
    const [host, port] = address.split(':');
    const greedy = connect(Number(port), host);
    closing.push(() => greedy.destroy());
    const refused = new Promise((resolve) => greedy.once('data', resolve));
    greedy.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 15001\r\n\r\n');
    greedy.write(Buffer.alloc(15_000));
    while (budget.used < 15_000) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual(await post(text), [200, '12000']);
    assert.match(String(await refused), /^HTTP\/1.1 503 /);
    assert.equal(budget.used, 0);
  });
});

describe('pages of other origins', () => {
  const rules = { allowed_origins: ['https://*.example', 'http://one.test'], allowed_headers: ['X-Own'], max_age: 60 };
  const ask = async (method: string, headers: Record<string, string>, with_ = rules) => {
    const { address } = await serve((request, response) => {
      if (!answerCors(with_, request, response)) response.end('served');
    });
    const [host, port] = address.split(':');
    return new Promise<{ status: number; headers: Record<string, unknown> }>((resolve, reject) => {
      plainRequest({ host, port, method, headers }, (response) => {
        response.resume();
        resolve({ status: response.statusCode!, headers: response.headers });
      })
        .on('error', reject)
        .end();
    });
  };
  const preflight = { 'access-control-request-method': 'POST' };

  test('are answered a preflight', async () => {
    const headers = {
      ...preflight,
      origin: 'https://app.example',
      'access-control-request-headers': 'content-type, x-own',
    };
    const { status, headers: got } = await ask('OPTIONS', headers);
    assert.equal(status, 204);
    assert.equal(got['access-control-allow-origin'], 'https://app.example');
    assert.equal(got['access-control-allow-methods'], 'POST');
    assert.equal(got['access-control-allow-headers'], 'content-type, x-own');
    assert.equal(got['access-control-max-age'], '60');
  });

  test('get nothing when they, their method or their headers are not allowed', async () => {
    for (const headers of [
      { ...preflight, origin: 'https://example.evil' },
      { ...preflight, origin: 'http://one.test.evil' },
      { 'access-control-request-method': 'DELETE', origin: 'http://one.test' },
      { ...preflight, origin: 'http://one.test', 'access-control-request-headers': 'x-other' },
    ]) {
      const { status, headers: got } = await ask('OPTIONS', headers);
      assert.equal(status, 204);
      assert.equal(got['access-control-allow-origin'], undefined);
    }
  });

  test('may send', async () => {
    const allowed = await ask('POST', { origin: 'http://one.test' });
    assert.equal(allowed.headers['access-control-allow-origin'], 'http://one.test');
    assert.equal(allowed.headers['vary'], 'Origin');
    const other = await ask('POST', { origin: 'http://two.test' });
    assert.equal(other.status, 200);
    assert.equal(other.headers['access-control-allow-origin'], undefined);
    const any = await ask('POST', { origin: 'http://two.test' }, { ...rules, allowed_origins: ['*'] });
    assert.equal(any.headers['access-control-allow-origin'], '*');
  });
});

function fetchBody(options: RequestOptions, secure: boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    (secure ? secureRequest : plainRequest)(options, async (response) => {
      let body = '';
      for await (const chunk of response) body += chunk;
      resolve(body);
    })
      .on('error', reject)
      .end();
  });
}
