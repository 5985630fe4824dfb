import assert from 'node:assert/strict';
import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { fakeScope } from 'bpflow/testing';
import { ByteBudget, GRPC, GrpcServer, type GrpcServerOptions, grpcKeepalive } from 'bpflow/transport';

const ECHO = '/test.v1.Test/Echo';
const MIB = 1024 * 1024;
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function serve(options: Partial<GrpcServerOptions> = {}, limit = 64 * MIB) {
  const scope = fakeScope();
  const { clock } = scope;
  const budget = new ByteBudget(limit, clock);
  const codes = new Map<number, number>();
  const closed: string[] = [];
  const server = new GrpcServer({
    address: { host: '127.0.0.1', port: 0 },
    methods: new Map([[ECHO, { handle: ({ message }) => message.subarray(0, 16) }]]),
    keepalive: grpcKeepalive(undefined),
    maxMessageBytes: 4 * MIB,
    clock,
    budget,
    log: scope.log,
    answered: (code) => codes.set(code, (codes.get(code) ?? 0) + 1),
    closed: (reason) => closed.push(reason),
    ...options,
  });
  const address = await server.start();
  closing.push(() => server.stop(0));
  const [host, port] = address.split(':') as [string, string];
  return { server, address, host, port: Number(port), budget, codes, closed, clock, scope };
}

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

function frame(type: number, flags: number, stream: number, payload: Uint8Array = new Uint8Array(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

const [DATA, HEADERS, RST_STREAM, SETTINGS, PING, CONTINUATION] = [0, 1, 3, 4, 6, 9];
const [END_STREAM, END_HEADERS, PADDED] = [1, 4, 8];

/** A header block without any compression: literals without indexing. */
function headerBlock(headers: Readonly<Record<string, string>>): Buffer {
  const text = (value: string): Buffer => {
    const bytes = Buffer.from(value);
    assert.ok(bytes.length < 127);
    return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  };
  return Buffer.concat(
    Object.entries(headers).map(([name, value]) => Buffer.concat([Buffer.from([0]), text(name), text(value)])),
  );
}

const REQUEST = headerBlock({
  ':method': 'POST',
  ':scheme': 'http',
  ':path': ECHO,
  ':authority': 'x',
  'content-type': 'application/grpc',
});

/** A raw connection that has said its preface. Reads, so that the server is never waiting for it. */
async function attack(port: number, host: string): Promise<Socket & { readonly ended: Promise<void> }> {
  const socket = connect(port, host);
  socket.on('error', () => {});
  socket.resume();
  const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  closing.push(() => socket.destroy());
  await new Promise((resolve) => socket.once('connect', resolve));
  socket.write(Buffer.concat([PREFACE, frame(SETTINGS, 0, 0)]));
  return Object.assign(socket, { ended });
}

/** Rejects unless an honest client is answered. */
function ask(address: string): Promise<void> {
  const session = connectHttp2(`http://${address}`);
  session.on('error', () => {});
  closing.push(() => session.destroy());
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':method': 'POST', ':path': ECHO, 'content-type': 'application/grpc' });
    stream.on('trailers', (trailers) =>
      trailers['grpc-status'] === '0' ? resolve() : reject(new Error(`status ${trailers['grpc-status']}`)),
    );
    stream.on('response', (headers) => {
      if (headers['grpc-status'] !== undefined) reject(new Error(`status ${headers['grpc-status']}`));
    });
    stream.on('error', reject);
    stream.on('close', () => {
      session.close();
      reject(new Error('closed'));
    });
    stream.resume();
    stream.end(Buffer.from([0, 0, 0, 0, 3, 1, 2, 3]));
  });
}

describe('a hostile client does no harm:', () => {
  test('rapid reset: 10,000 calls begun and cancelled', async () => {
    const { address, host, port, server, budget } = await serve();
    const socket = await attack(port, host);
    for (let i = 0; i < 100 && !socket.destroyed; i++) {
      const frames: Buffer[] = [];
      for (let j = 0; j < 100; j++) {
        const id = (i * 100 + j) * 2 + 1;
        frames.push(frame(HEADERS, END_HEADERS, id, REQUEST), frame(RST_STREAM, 0, id, Buffer.from([0, 0, 0, 8])));
      }
      socket.write(Buffer.concat(frames));
      await ask(address);
    }
    await socket.ended;
    assert.equal(budget.used, 0);
    await until(() => server.state.calls === 0);
  });

  test('floods of SETTINGS and PING', async () => {
    for (const [type, payload] of [
      [SETTINGS, Buffer.alloc(0)],
      [PING, Buffer.alloc(8)],
    ] as const) {
      const { address, host, port } = await serve();
      const socket = await attack(port, host);
      socket.pause();
      const flood = Buffer.concat(Array.from({ length: 1000 }, () => frame(type, 0, 0, payload)));
      for (let i = 0; i < 200 && !socket.destroyed; i++) {
        socket.write(flood);
        if (i % 50 === 0) await ask(address);
      }
      await ask(address);
      socket.resume();
      await socket.ended;
    }
  });

  test('headers without end', async () => {
    const { address, host, port, budget } = await serve();
    const socket = await attack(port, host);
    const more = headerBlock({ 'x-filler': 'a'.repeat(100) });
    socket.write(frame(HEADERS, 0, 1, REQUEST));
    for (let i = 0; i < 20_000 && !socket.destroyed; i++) {
      socket.write(frame(CONTINUATION, 0, 1, more));
      if (i % 1000 === 0) await sleep(1);
    }
    await socket.ended;
    await ask(address);
    assert.equal(budget.used, 0);
  });

  test('a frame that is larger than allowed, an unknown one, one that is cut off', async () => {
    const { address, host, port, server } = await serve();
    for (const bytes of [
      Buffer.from([0xff, 0xff, 0xff, DATA, 0, 0, 0, 0, 1, 1, 2, 3]),
      frame(DATA, 0, 1, Buffer.alloc(10)),
      frame(HEADERS, END_HEADERS, 2, REQUEST),
      frame(HEADERS, END_HEADERS, 1, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff])),
      frame(0x77, 0xff, 1, Buffer.alloc(100)),
      frame(HEADERS, END_HEADERS, 1, REQUEST).subarray(0, 20),
    ]) {
      const socket = await attack(port, host);
      socket.end(bytes);
      await socket.ended;
    }
    await ask(address);
    await until(() => server.state.connections <= 1);
  });

  test('lengths that are claimed and never sent reserve nothing', async () => {
    const { host, port, address, budget, server } = await serve();
    const socket = await attack(port, host);
    for (let i = 0; i < 500; i++) {
      const id = i * 2 + 1;
      socket.write(frame(HEADERS, END_HEADERS, id, REQUEST));
      socket.write(frame(DATA, 0, id, Buffer.from([0, 0x00, 0x3f, 0xff, 0xff])));
    }
    await until(() => server.state.calls === 500);
    assert.ok(budget.used <= 500 * 8192, `${budget.used}`);
    await ask(address);
  });

  test('a message in crumbs takes little more than its bytes', async () => {
    const { host, port, budget, server } = await serve();
    const socket = await attack(port, host);
    const length = 200_000;
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(length, 1);
    socket.write(Buffer.concat([frame(HEADERS, END_HEADERS, 1, REQUEST), frame(DATA, 0, 1, prefix)]));
    await until(() => server.state.calls === 1);
    // One byte and 255 of padding in each frame.
    const crumb = frame(DATA, PADDED, 1, Buffer.concat([Buffer.from([255, 7]), Buffer.alloc(255)]));
    const crumbs = Buffer.concat(Array.from({ length: 200 }, () => crumb));
    for (let sent = 0; sent < length - 200; sent += 200) {
      if (!socket.write(crumbs)) await new Promise((resolve) => socket.once('drain', resolve));
    }
    await until(() => budget.used >= length);
    assert.ok(budget.used < length + 20_000, `${budget.used}`);
    socket.write(
      Buffer.concat([...Array.from({ length: 199 }, () => crumb), frame(DATA, END_STREAM, 1, Buffer.from([7]))]),
    );
    await until(() => server.state.calls === 0);
    assert.equal(budget.used, 0);
  });

  test('HTTP/1.1 on its port is answered by the end of the connection', async () => {
    const { host, port, server } = await serve();
    const socket = connect(port, host);
    socket.on('error', () => {});
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await new Promise((resolve) => socket.once('close', resolve).resume());
    await until(() => server.state.connections === 0);
  });

  test('requests that never end are given up after a minute', async () => {
    const { host, port, codes, clock, server } = await serve();
    const socket = await attack(port, host);
    socket.write(frame(HEADERS, END_HEADERS, 1, REQUEST));
    await until(() => server.state.calls === 1);
    for (let second = 0; second < 61; second++) {
      socket.write(frame(DATA, 0, 1, Buffer.from([0])));
      clock.advance(1000);
    }
    await until(() => codes.get(GRPC.UNAVAILABLE) === 1);
  });

  test('connections that say nothing are closed', async () => {
    const { host, port, server, clock, closed } = await serve();
    const socket = connect(port, host);
    socket.on('error', () => {});
    await until(() => server.state.connections === 1);
    clock.advance(11_000);
    await new Promise((resolve) => socket.once('close', resolve).resume());
    assert.deepEqual(closed, ['preface_timeout']);
  });

  test('clients that give no sign of life are cut off', async () => {
    const keepalive = { ...grpcKeepalive(undefined), timeMs: 10_000, timeoutMs: 2000 };
    const { host, port, server, clock, closed } = await serve({ keepalive });
    const socket = await attack(port, host);
    socket.write(frame(HEADERS, END_HEADERS, 1, REQUEST));
    await until(() => server.state.calls === 1);
    clock.advance(10_000);
    assert.deepEqual(closed, []);
    clock.advance(2000);
    await socket.ended;
    assert.deepEqual(closed, ['keepalive_timeout']);
  });

  test('connections that do not end when they are asked to are cut off', async () => {
    const keepalive = { ...grpcKeepalive(undefined), maxConnectionAgeMs: 20_000, maxConnectionAgeGraceMs: 5000 };
    const { host, port, server, clock, closed } = await serve({ keepalive });
    const socket = await attack(port, host);
    socket.write(frame(HEADERS, END_HEADERS, 1, REQUEST));
    await until(() => server.state.calls === 1);
    clock.advance(22_500);
    assert.deepEqual(closed, []);
    clock.advance(5000);
    await socket.ended;
    assert.deepEqual(closed, ['age']);
  });

  test('1,000 idle connections: others are served', async () => {
    const { host, port, server, address } = await serve();
    for (let i = 0; i < 10; i++) await Promise.all(Array.from({ length: 100 }, () => attack(port, host)));
    await until(() => server.state.connections === 1000);
    await ask(address);
    assert.equal(server.state.calls, 0);
  });

  test('more connections than there may be: the longest idle one makes room', async () => {
    const { host, port, server, address, closed } = await serve({ maxConnections: 50 });
    for (let i = 0; i < 100; i++) await attack(port, host);
    await until(() => server.state.connections <= 50 && closed.length >= 50);
    await ask(address);
    assert.ok(server.state.connections <= 50);
  });

  test('bombs of 1,000 to 1, many at a time', async () => {
    const { address, budget, codes } = await serve();
    const zeros = Buffer.alloc(100 * MIB);
    for (const [encoding, bomb] of [
      ['gzip', gzipSync(zeros)],
      ['zstd', zstdCompressSync(zeros)],
    ] as const) {
      const session = connectHttp2(`http://${address}`);
      closing.push(() => session.destroy());
      const before = process.memoryUsage().rss;
      const body = Buffer.concat([Buffer.from([1, 0, 0, 0, 0]), bomb]);
      body.writeUInt32BE(bomb.length, 1);
      const statuses = await Promise.all(
        Array.from({ length: 50 }, async () => {
          const headers = {
            ':method': 'POST',
            ':path': ECHO,
            'content-type': 'application/grpc',
            'grpc-encoding': encoding,
          };
          const stream = session.request(headers);
          stream.end(body);
          stream.resume();
          return new Promise<string>((resolve) =>
            stream.on('response', (answer) => resolve(`${answer['grpc-status']} ${answer['grpc-message']}`)),
          );
        }),
      );
      const tooLarge = `8 grpc: received message after decompression larger than max ${4 * MIB}`;
      assert.deepEqual(new Set(statuses), new Set([tooLarge]));
      const grown = process.memoryUsage().rss - before;
      assert.ok(grown < 128 * MIB, `${encoding}: ${Math.round(grown / MIB)} MiB`);
    }
    assert.equal(budget.used, 0);
    assert.ok(budget.peak <= budget.limit);
    assert.equal(codes.get(GRPC.RESOURCE_EXHAUSTED), 100);
  });

  test('half-sent requests that fill the memory: who is slow makes room', async () => {
    const { host, port, address, budget, clock, codes } = await serve({}, 8 * MIB);
    const socket = await attack(port, host);
    const claim = Buffer.from([0, 0, 0x40, 0, 0]);
    for (let id = 1; id < 13; id += 2) {
      socket.write(frame(HEADERS, END_HEADERS, id, REQUEST));
      const half = budget.used + MIB;
      for (let i = 0; i < 66; i++) {
        socket.write(frame(DATA, 0, id, i === 0 ? Buffer.concat([claim, Buffer.alloc(16_000)]) : Buffer.alloc(16_000)));
      }
      await until(() => budget.used >= half);
    }
    const large = Buffer.alloc(3 * MIB);
    large.writeUInt32BE(large.length - 5, 1);
    assert.equal(await status(address, large), '14');
    clock.advance(6000);
    assert.equal(await status(address, large), '0');
    assert.ok(budget.peak <= budget.limit);
    assert.ok(codes.get(GRPC.UNAVAILABLE)! >= 2);
  });

  test('calls that follow a dead connection leave nothing behind', async () => {
    const finish = Promise.withResolvers<void>();
    const { host, port, budget, server } = await serve({
      methods: new Map([[ECHO, { handle: ({ message }) => finish.promise.then(() => message) }]]),
    });
    const socket = await attack(port, host);
    for (let id = 1; id < 100; id += 2) {
      socket.write(frame(HEADERS, END_HEADERS, id, REQUEST));
      socket.write(frame(DATA, END_STREAM, id, Buffer.from([0, 0, 0, 0, 1, 7])));
    }
    await until(() => server.state.calls === 50);
    socket.destroy();
    await until(() => server.state.calls === 0);
    assert.equal(budget.used, 0);
    finish.resolve();
    await until(() => server.state.connections === 0);
  });
});

/** The grpc-status of one call with these bytes. */
function status(address: string, body: Buffer): Promise<string> {
  const session = connectHttp2(`http://${address}`);
  session.on('error', () => {});
  closing.push(() => session.destroy());
  return new Promise((resolve) => {
    const stream = session.request({ ':method': 'POST', ':path': ECHO, 'content-type': 'application/grpc' });
    stream.on('error', () => {});
    for (const event of ['response', 'trailers'] as const) {
      stream.on(event, (headers: Record<string, unknown>) => {
        if (headers['grpc-status'] !== undefined) resolve(String(headers['grpc-status']));
      });
    }
    stream.resume();
    stream.end(body);
  });
}

async function until(done: () => boolean): Promise<void> {
  for (let turn = 0; turn < 500 && !done(); turn++) await sleep(10);
  assert.ok(done());
}
