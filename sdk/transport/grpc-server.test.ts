import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { type ClientHttp2Session, connect as connectHttp2, constants, type IncomingHttpHeaders } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import * as grpc from '@grpc/grpc-js';
import { AuthError, type Clock, type ServerAuth } from 'bpflow/sdk';
import { fakeScope } from 'bpflow/testing';
import {
  ByteBudget,
  GRPC,
  GrpcError,
  type GrpcMethod,
  GrpcServer,
  type GrpcServerOptions,
  grpcKeepalive,
  grpcKeepaliveSettings,
  openClientTls,
  openServerTls,
  tlsClientSettings,
  tlsServerSettings,
} from 'bpflow/transport';
import { snappy } from './snappy.ts';

const ECHO = '/test.v1.Test/Echo';
const certificate = (name: string): string => join(import.meta.dirname, 'testdata', 'tls', `${name}.pem`);
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** Real time, for a server whose clients live in it. */
const clock: Clock = {
  now: () => BigInt(Date.now()) * 1_000_000n,
  monotonic: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms).unref();
    return { cancel: () => clearTimeout(timer) };
  },
  every(ms, callback) {
    const timer = setInterval(callback, ms).unref();
    return { cancel: () => clearInterval(timer) };
  },
};

async function serve(method: GrpcMethod['handle'] | GrpcMethod, options: Partial<GrpcServerOptions> = {}) {
  const codes: number[] = [];
  const closed: string[] = [];
  const scope = fakeScope();
  const budget = new ByteBudget(256 * 1024 * 1024, clock);
  const server = new GrpcServer({
    address: { host: '127.0.0.1', port: 0 },
    methods: new Map([[ECHO, typeof method === 'function' ? { handle: method } : method]]),
    keepalive: grpcKeepalive(undefined),
    maxMessageBytes: 4 * 1024 * 1024,
    clock,
    budget,
    log: scope.log,
    answered: (code) => codes.push(code),
    closed: (reason) => closed.push(reason),
    ...options,
  });
  const address = await server.start();
  closing.push(() => server.stop(0));
  return { server, address, codes, closed, scope, budget };
}

function client(address: string, options: grpc.ClientOptions = {}, credentials = grpc.credentials.createInsecure()) {
  const made = new grpc.Client(address, credentials, { 'grpc.max_receive_message_length': -1, ...options });
  closing.push(() => made.close());
  return made;
}

interface Answer {
  readonly message: Buffer;
  readonly status: grpc.StatusObject;
}

function call(
  to: grpc.Client,
  message: Buffer,
  options: grpc.CallOptions = {},
  metadata = new grpc.Metadata(),
  path = ECHO,
): Promise<Answer> {
  const identity = (bytes: Buffer): Buffer => bytes;
  return new Promise((resolve, reject) => {
    let response: Buffer | undefined;
    const made = to.makeUnaryRequest(path, identity, identity, message, metadata, options, (error, value) => {
      if (error !== null) reject(error);
      response = value;
    });
    made.on('status', (status) => {
      if (status.code === 0) resolve({ message: response!, status });
    });
  });
}

describe('a gRPC server, to grpc-js', () => {
  test('answers', async () => {
    const { address, codes } = await serve(({ message }) => message);
    const to = client(address);
    for (const size of [0, 1, 5, 1000, 16_384, 100_000, 4 * 1024 * 1024]) {
      const message = randomBytes(size);
      const { message: echoed, status } = await call(to, message);
      assert.ok(echoed.equals(message));
      assert.equal(status.code, 0);
    }
    assert.deepEqual(new Set(codes), new Set([0]));
  });

  test('answers calls that take their time, many at once, in whatever order', async () => {
    const { address, server, budget } = await serve(async ({ message }) => {
      await sleep(message[0]! % 20);
      return message;
    });
    const to = client(address);
    await Promise.all(
      Array.from({ length: 500 }, async () => {
        const message = randomBytes(3000);
        assert.ok((await call(to, message)).message.equals(message));
      }),
    );
    assert.equal(budget.used, 0);
    assert.equal(server.state.calls, 0);
  });

  test('takes gzip', async () => {
    const { address } = await serve(({ message }) => message);
    const to = client(address, { 'grpc.default_compression_algorithm': grpc.compressionAlgorithms.gzip });
    for (const size of [10, 100_000, 1_000_000]) {
      const message = Buffer.alloc(size, 'abc');
      assert.ok((await call(to, message)).message.equals(message));
    }
  });

  test('says of an encoding that it does not know which it does', async () => {
    const { address } = await serve(({ message }) => message);
    const to = client(address, { 'grpc.default_compression_algorithm': grpc.compressionAlgorithms.deflate });
    await assert.rejects(call(to, Buffer.alloc(1000)), {
      code: grpc.status.UNIMPLEMENTED,
      details: 'grpc: Decompressor is not installed for grpc-encoding "deflate"; use gzip, zstd or snappy',
    });
  });

  test('hands on metadata', async () => {
    const { address } = await serve(({ headers }) => Buffer.from(`${headers['x-tenant']} ${headers['bytes-bin']}`));
    const metadata = new grpc.Metadata();
    metadata.set('X-Tenant', 'a');
    metadata.set('bytes-bin', Buffer.from([1, 2, 3]));
    assert.equal(String((await call(client(address), Buffer.alloc(0), {}, metadata)).message), 'a AQID');
  });

  test('hands over errors, with any text and the time to wait', async () => {
    const text = 'voll: 100 %, später\nmehr 😀';
    const { address } = await serve(() => {
      throw new GrpcError(GRPC.UNAVAILABLE, text, { retryAfterMs: 1500 });
    });
    await assert.rejects(call(client(address), Buffer.alloc(10)), (error: grpc.ServiceError) => {
      assert.equal(error.code, grpc.status.UNAVAILABLE);
      assert.equal(error.details, text);
      const [details] = error.metadata.get('grpc-status-details-bin');
      const retryInfo = 'type.googleapis.com/google.rpc.RetryInfo';
      assert.ok((details as Buffer).includes(retryInfo));
      // retry_delay { seconds: 1 nanos: 500000000 }
      assert.ok((details as Buffer).includes(Buffer.from([0x0a, 0x08, 8, 1, 0x10, 0x80, 0xca, 0xb5, 0xee, 1])));
      return true;
    });
  });

  test('keeps unexpected errors to itself, and logs them', async () => {
    const { address, scope } = await serve(() => {
      throw new Error('the password is 1234');
    });
    await assert.rejects(call(client(address), Buffer.alloc(10)), {
      code: grpc.status.INTERNAL,
      details: 'internal error',
    });
    assert.equal(scope.logs[0]?.level, 'error');
  });

  test('does not know other methods', async () => {
    const { address } = await serve(({ message }) => message);
    const to = client(address);
    const ask = (path: string): Promise<Answer> => call(to, Buffer.alloc(1), {}, new grpc.Metadata(), path);
    const code = grpc.status.UNIMPLEMENTED;
    await assert.rejects(ask('/test.v1.Test/No'), { code, details: 'unknown method No for service test.v1.Test' });
    await assert.rejects(ask('/test.v1.Other/Echo'), { code, details: 'unknown service test.v1.Other' });
    await assert.rejects(ask('/Echo'), { code, details: 'malformed method name: "/Echo"' });
  });

  test('refuses messages that are too large, inflated too', async () => {
    const { address, budget } = await serve(({ message }) => message, { maxMessageBytes: 1000 });
    const code = grpc.status.RESOURCE_EXHAUSTED;
    assert.equal((await call(client(address), Buffer.alloc(1000))).message.length, 1000);
    await assert.rejects(call(client(address), Buffer.alloc(1001)), {
      code,
      details: 'grpc: received message larger than max (1001 vs. 1000)',
    });
    await assert.rejects(call(client(address), Buffer.alloc(5_000_000)), {
      code,
      details: 'grpc: received message larger than max (5000000 vs. 1000)',
    });
    const zipping = client(address, { 'grpc.default_compression_algorithm': grpc.compressionAlgorithms.gzip });
    await assert.rejects(call(zipping, Buffer.alloc(1001)), {
      code,
      details: 'grpc: received message after decompression larger than max 1000',
    });
    await until(() => budget.used === 0);
  });

  test('refuses before it has received the message', async () => {
    let asked = 0;
    const { address, codes } = await serve({
      refusal: () => {
        asked++;
        return new GrpcError(GRPC.UNAVAILABLE, 'the queue is full');
      },
      handle: () => assert.fail('was called'),
    });
    for (const size of [10, 4_000_000]) {
      await assert.rejects(call(client(address), Buffer.alloc(size)), {
        code: grpc.status.UNAVAILABLE,
        details: 'the queue is full',
      });
    }
    assert.equal(asked, 2);
    assert.deepEqual(codes, [GRPC.UNAVAILABLE, GRPC.UNAVAILABLE]);
  });

  test('tells its method when the client gives up', async () => {
    const aborted = Promise.withResolvers<void>();
    const { address, codes } = await serve(({ abort }) => {
      abort.addEventListener('abort', () => aborted.resolve());
      return new Promise(() => {});
    });
    await assert.rejects(call(client(address), Buffer.alloc(10), { deadline: Date.now() + 50 }), {
      code: grpc.status.DEADLINE_EXCEEDED,
    });
    await aborted.promise;
    await until(() => codes.length > 0);
    assert.ok([GRPC.CANCELLED, GRPC.DEADLINE_EXCEEDED].includes(codes[0] as 1 | 4));
  });

  test('lets in whom the authenticator lets in, be it at once or later', async () => {
    for (const wait of [false, true]) {
      const decide = (headers: Readonly<Record<string, unknown>>): void => {
        if (headers['authorization'] !== 'Bearer good') throw new AuthError('wrong token');
      };
      const auth: ServerAuth = {
        authenticate: (headers) => (wait ? sleep(5).then(() => decide(headers)) : decide(headers)),
      };
      const { address } = await serve(({ message }) => message, { auth });
      const metadata = new grpc.Metadata();
      metadata.set('authorization', 'Bearer good');
      await call(client(address), Buffer.alloc(10), {}, metadata);
      metadata.set('authorization', 'Bearer bad');
      await assert.rejects(call(client(address), Buffer.alloc(100_000), {}, metadata), {
        code: grpc.status.UNAUTHENTICATED,
        details: 'wrong token',
      });
    }
  });

  test('finishes what is under way when it stops, and takes nothing new', async () => {
    const begun = Promise.withResolvers<void>();
    const finish = Promise.withResolvers<void>();
    const { address, server } = await serve(async ({ message }) => {
      begun.resolve();
      await finish.promise;
      return message;
    });
    const to = client(address);
    const answer = call(to, Buffer.from('in flight'));
    await begun.promise;
    const stopped = server.stop(10_000);
    await until(() => to.getChannel().getConnectivityState(false) !== grpc.connectivityState.READY);
    await assert.rejects(call(client(address), Buffer.alloc(1), { deadline: Date.now() + 2000 }), {
      code: grpc.status.UNAVAILABLE,
    });
    finish.resolve();
    assert.equal(String((await answer).message), 'in flight');
    await stopped;
    assert.equal(server.state.connections, 0);
  });

  test('cuts off what does not end when it stops', async () => {
    const begun = Promise.withResolvers<void>();
    const { address, server, closed } = await serve(() => {
      begun.resolve();
      return new Promise(() => {});
    });
    const answer = call(client(address), Buffer.alloc(1));
    answer.catch(() => {});
    await begun.promise;
    await server.stop(50);
    await assert.rejects(answer, { code: grpc.status.UNAVAILABLE });
    assert.deepEqual(closed, ['shutdown']);
  });

  test('loses no call when its connections reach their age', async () => {
    const { address, server, budget } = await serve(
      async ({ message }) => {
        await sleep(1);
        return message;
      },
      {
        keepalive: grpcKeepalive(
          grpcKeepaliveSettings().parse({
            server_parameters: { max_connection_age: '60ms', max_connection_idle: '1h' },
          }),
        ),
      },
    );
    const to = client(address);
    for (let i = 0; i < 300; i++) await call(to, Buffer.alloc(10));
    assert.ok(server.state.connectionsSinceStart > 1);
    assert.equal(budget.used, 0);
  });

  test('answers pings of clients that it allows to ping', async () => {
    const { address, closed } = await serve(({ message }) => sleep(700).then(() => message), {
      keepalive: grpcKeepalive(
        grpcKeepaliveSettings().parse({ enforcement_policy: { min_time: '10ms', permit_without_stream: true } }),
      ),
    });
    const to = client(address, { 'grpc.keepalive_time_ms': 100, 'grpc.keepalive_timeout_ms': 500 });
    assert.equal((await call(to, Buffer.alloc(7))).message.length, 7);
    assert.deepEqual(closed, []);
  });

  test('listens on a unix socket', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bpflow-grpc-'));
    closing.push(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'otlp.sock');
    const { address } = await serve(({ message }) => message, { address: { path }, transport: 'unix' });
    assert.equal(address, path);
    assert.equal((await call(client(`unix:${path}`), Buffer.alloc(7))).message.length, 7);
  });
});

describe('a gRPC server with TLS', () => {
  const serverTls = (settings: Record<string, unknown> = {}) => {
    const tls = openServerTls(
      tlsServerSettings().parse({
        cert_file: certificate('server'),
        key_file: certificate('server-key'),
        ...settings,
      })!,
      fakeScope(),
    );
    closing.push(() => tls.close());
    return tls;
  };
  const secureClient = (address: string, settings: Record<string, unknown> = {}) => {
    const tls = openClientTls(tlsClientSettings().parse({ ca_file: certificate('ca'), ...settings }), fakeScope());
    const { secureContext, checkServerIdentity, rejectUnauthorized } = tls.connectOptions();
    return client(
      address.replace('127.0.0.1', 'localhost'),
      {},
      grpc.credentials.createFromSecureContext(secureContext, {
        ...(checkServerIdentity === undefined ? {} : { checkServerIdentity }),
        ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
      }),
    );
  };

  test('answers', async () => {
    const { address } = await serve(({ message }) => message, { tls: serverTls() });
    assert.equal((await call(secureClient(address), Buffer.alloc(1_000_000))).message.length, 1_000_000);
  });

  test('lets in only clients of its authority', async () => {
    const { address, scope } = await serve(({ message }) => message, {
      tls: serverTls({ client_ca_file: certificate('ca') }),
    });
    const own = { cert_file: certificate('client'), key_file: certificate('client-key') };
    const foreign = { cert_file: certificate('client-foreign'), key_file: certificate('client-foreign-key') };
    await call(secureClient(address, own), Buffer.alloc(1));
    const code = grpc.status.UNAVAILABLE;
    await assert.rejects(call(secureClient(address), Buffer.alloc(1)), { code });
    await assert.rejects(call(secureClient(address, foreign), Buffer.alloc(1)), { code });
    const told = scope.logs.map(({ fields }) => String(fields?.['error']));
    assert.ok(
      told.some((error) => /showed no certificate/.test(error)),
      told.join('\n'),
    );
    assert.ok(
      told.some((error) => /is not trusted/.test(error)),
      told.join('\n'),
    );
  });

  test('uses renewed certificates for new connections, and keeps the old connections', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bpflow-grpc-'));
    closing.push(() => rmSync(folder, { recursive: true }));
    const files = { cert_file: join(folder, 'tls.crt'), key_file: join(folder, 'tls.key') };
    const install = (name: string): void => {
      copyFileSync(certificate(name), files.cert_file);
      copyFileSync(certificate(`${name}-key`), files.key_file);
    };
    install('server');
    const scope = fakeScope();
    const tls = openServerTls(tlsServerSettings().parse(files)!, scope);
    closing.push(() => tls.close());
    const { address, server } = await serve(({ message }) => message, { tls });
    const serial = (): Promise<string> =>
      new Promise((resolve, reject) => {
        const [host, port] = address.split(':');
        const socket = connectTls({
          host: host!,
          port: Number(port),
          rejectUnauthorized: false,
          ALPNProtocols: ['h2'],
        });
        socket.on('error', reject);
        socket.on('secureConnect', () => {
          resolve(socket.getPeerCertificate().serialNumber);
          socket.destroy();
        });
      });
    const old = secureClient(address);
    await call(old, Buffer.alloc(1));
    const before = await serial();
    install('server-renewed');
    scope.clock.advance(5000);
    assert.notEqual(await serial(), before);
    await call(old, Buffer.alloc(1));
    await call(secureClient(address), Buffer.alloc(1));
    assert.equal(server.state.calls, 0);
  });

  test('is not taken for another', async () => {
    const tls = serverTls({
      cert_file: certificate('server-elsewhere'),
      key_file: certificate('server-elsewhere-key'),
    });
    const { address } = await serve(({ message }) => message, { tls });
    await assert.rejects(call(secureClient(address), Buffer.alloc(1)), /is for elsewhere\.example/);
    await call(secureClient(address, { server_name_override: 'elsewhere.example' }), Buffer.alloc(1));
  });
});

describe('a gRPC server, on the wire', () => {
  test('answers errors with trailers only', async () => {
    const { address } = await serve(() => {
      throw new GrpcError(GRPC.INVALID_ARGUMENT, 'no');
    });
    const { headers, trailers, data } = await raw(address, { body: frame(Buffer.alloc(3)) });
    assert.equal(headers[':status'], 200);
    assert.equal(headers['grpc-status'], '3');
    assert.equal(headers['grpc-message'], 'no');
    assert.equal(headers['content-type'], 'application/grpc');
    assert.equal(trailers, undefined);
    assert.equal(data.length, 0);
  });

  test('answers well with the status in the trailers', async () => {
    const { address } = await serve(({ message }) => message);
    const { headers, trailers, data } = await raw(address, { body: frame(Buffer.from('hi')) });
    assert.equal(headers['grpc-status'], undefined);
    assert.equal(trailers?.['grpc-status'], '0');
    assert.deepEqual(data, frame(Buffer.from('hi')));
  });

  test('reads a message whatever pieces it comes in', async () => {
    const { address } = await serve(({ message }) => message);
    const body = frame(randomBytes(300));
    for (const size of [1, 2, 3, 4, 5, 6, 7, 100, 305]) {
      const pieces = Array.from({ length: Math.ceil(body.length / size) }, (_, i) =>
        body.subarray(i * size, (i + 1) * size),
      );
      assert.deepEqual((await raw(address, { pieces })).data, body);
    }
  });

  test('refuses what is no gRPC', async () => {
    const { address } = await serve(({ message }) => message);
    assert.equal((await raw(address, { headers: { 'content-type': 'application/json' } })).headers[':status'], 415);
    assert.equal((await raw(address, { headers: { 'content-type': 'application/grpcx' } })).headers[':status'], 415);
    assert.equal((await raw(address, { headers: { ':method': 'GET' } })).headers[':status'], 405);
    const proto = await raw(address, {
      headers: { 'content-type': 'application/grpc+proto' },
      body: frame(Buffer.alloc(1)),
    });
    assert.equal(proto.trailers?.['grpc-status'], '0');
  });

  const broken: readonly [name: string, body: Buffer, headers: Record<string, string>, status: number, text: RegExp][] =
    [
      ['no message', Buffer.alloc(0), {}, GRPC.INTERNAL, /no message/],
      ['half a prefix', Buffer.from([0, 0]), {}, GRPC.INTERNAL, /unexpected EOF/],
      ['a message that is cut off', frame(Buffer.alloc(100)).subarray(0, 50), {}, GRPC.INTERNAL, /unexpected EOF/],
      [
        'two messages',
        Buffer.concat([frame(Buffer.alloc(3)), frame(Buffer.alloc(3))]),
        {},
        GRPC.INTERNAL,
        /more than one/,
      ],
      ['an unknown format', Buffer.from([7, 0, 0, 0, 0]), {}, GRPC.INTERNAL, /unexpected payload format 7/],
      ['a huge length', Buffer.from([0, 255, 255, 255, 255]), {}, GRPC.RESOURCE_EXHAUSTED, /4294967295 vs/],
      ['compressed without encoding', frame(gzipSync('a'), 1), {}, GRPC.INTERNAL, /compressed flag set/],
      [
        'no gzip',
        frame(Buffer.from('abc'), 1),
        { 'grpc-encoding': 'gzip' },
        GRPC.INTERNAL,
        /failed to decompress.*gzip/,
      ],
      [
        'no zstd',
        frame(Buffer.from('abc'), 1),
        { 'grpc-encoding': 'zstd' },
        GRPC.INTERNAL,
        /failed to decompress.*zstd/,
      ],
      [
        'no snappy',
        frame(Buffer.from('abc'), 1),
        { 'grpc-encoding': 'snappy' },
        GRPC.INTERNAL,
        /failed to decompress.*snappy/,
      ],
      ['lz4', frame(Buffer.from('abc'), 1), { 'grpc-encoding': 'lz4' }, GRPC.UNIMPLEMENTED, /not installed/],
      ['deflate', frame(deflateSync('a'), 1), { 'grpc-encoding': 'deflate' }, GRPC.UNIMPLEMENTED, /not installed/],
      [
        'a deadline that is none',
        frame(Buffer.alloc(1)),
        { 'grpc-timeout': '1x' },
        GRPC.INTERNAL,
        /malformed grpc-timeout/,
      ],
      [
        'a deadline that has passed',
        frame(Buffer.alloc(1)),
        { 'grpc-timeout': '0n' },
        GRPC.DEADLINE_EXCEEDED,
        /deadline/,
      ],
    ];
  for (const [name, body, headers, status, text] of broken) {
    test(`refuses ${name}`, async () => {
      const { address, budget } = await serve(({ message }) => message);
      const answer = await raw(address, { body, headers });
      assert.equal(answer.headers['grpc-status'], String(status));
      assert.match(decodeURIComponent(String(answer.headers['grpc-message'])), text);
      if (status === GRPC.UNIMPLEMENTED)
        assert.equal(answer.headers['grpc-accept-encoding'], 'identity,gzip,zstd,snappy');
      assert.equal(budget.used, 0);
    });
  }

  test('takes zstd, gzip and snappy, and uncompressed messages among them', async () => {
    const { address } = await serve(({ message }) => message);
    const text = Buffer.alloc(200_000, 'hello ');
    for (const [encoding, bytes] of [
      ['gzip', gzipSync(text)],
      ['zstd', zstdCompressSync(text)],
      ['snappy', await snappy('x-snappy-framed', text)],
    ] as const) {
      const answer = await raw(address, { body: frame(bytes, 1), headers: { 'grpc-encoding': encoding } });
      assert.ok(answer.data.equals(frame(text)), encoding);
      const plain = await raw(address, { body: frame(text), headers: { 'grpc-encoding': encoding } });
      assert.ok(plain.data.equals(frame(text)), encoding);
    }
  });

  test('ends a call at its deadline, though its method does not', async () => {
    const { address } = await serve(() => new Promise(() => {}));
    const { headers } = await raw(address, { body: frame(Buffer.alloc(1)), headers: { 'grpc-timeout': '30m' } });
    assert.equal(headers['grpc-status'], '4');
  });

  test('cuts off who pings too often', async () => {
    const { address, closed } = await serve(({ message }) => message);
    const session = open(address);
    const goaway = new Promise<[number, Buffer | undefined]>((resolve) =>
      session.on('goaway', (code, _, data) => resolve([code, data])),
    );
    session.on('connect', () => {
      for (let i = 0; i < 5; i++) session.ping(() => {});
    });
    const [code, data] = await goaway;
    assert.equal(code, constants.NGHTTP2_ENHANCE_YOUR_CALM);
    assert.equal(String(data), 'too_many_pings');
    assert.deepEqual(closed, ['too_many_pings']);
  });

  test('asks for a sign of life, and keeps who gives one', async () => {
    const { address, closed, server } = await serve(({ message }) => message, {
      keepalive: { ...grpcKeepalive(undefined), timeMs: 30, timeoutMs: 300 },
    });
    const session = open(address);
    let pings = 0;
    session.on('ping', () => pings++);
    await until(() => pings >= 3);
    assert.deepEqual(closed, []);
    assert.equal(server.state.connections, 1);
  });

  test('asks connections without calls to end', async () => {
    const { address, server } = await serve(({ message }) => message, {
      keepalive: { ...grpcKeepalive(undefined), maxConnectionIdleMs: 40 },
    });
    const session = open(address);
    await new Promise((resolve) => session.on('goaway', resolve));
    await until(() => server.state.connections === 0);
  });
});

test('the address in use stops the start', async () => {
  const { address } = await serve(({ message }) => message);
  const [host, port] = address.split(':');
  await assert.rejects(
    serve(({ message }) => message, { address: { host: host!, port: Number(port) } }),
    {
      name: 'StartError',
      message: `cannot listen on ${address}: the address is in use, by another process or by another component of this configuration; free it or set another "endpoint"`,
    },
  );
});

function frame(message: Uint8Array, compressed = 0): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = compressed;
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

function open(address: string): ClientHttp2Session {
  const session = connectHttp2(`http://${address}`);
  session.on('error', () => {});
  closing.push(() => session.destroy());
  return session;
}

interface RawAnswer {
  readonly headers: IncomingHttpHeaders & { ':status'?: number | undefined };
  readonly trailers: IncomingHttpHeaders | undefined;
  readonly data: Buffer;
}

function raw(
  address: string,
  request: { body?: Buffer; pieces?: readonly Buffer[]; headers?: Record<string, string> },
): Promise<RawAnswer> {
  const session = open(address);
  const { ':method': method = 'POST' } = request.headers ?? {};
  const stream = session.request(
    { ':method': method, ':path': ECHO, 'content-type': 'application/grpc', te: 'trailers', ...request.headers },
    { endStream: false },
  );
  return new Promise((resolve, reject) => {
    let headers: RawAnswer['headers'] = {};
    let trailers: IncomingHttpHeaders | undefined;
    const data: Buffer[] = [];
    stream.on('response', (received) => {
      headers = received;
    });
    stream.on('trailers', (received) => {
      trailers = received;
    });
    stream.on('data', (chunk: Buffer) => data.push(chunk));
    stream.on('error', reject);
    stream.on('close', () => {
      session.close();
      resolve({ headers, trailers, data: Buffer.concat(data) });
    });
    for (const piece of request.pieces ?? []) stream.write(piece);
    stream.end(request.body);
  });
}

async function until(done: () => boolean): Promise<void> {
  for (let turn = 0; turn < 500 && !done(); turn++) await sleep(10);
  assert.ok(done());
}
