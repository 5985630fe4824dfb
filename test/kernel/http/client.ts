/**
 * client.ts ADDRESS PORT MODE COUNT: asks the HTTP server at an address and prints what it did and got, as JSON. MODE is one of the
 * functions below, with its path behind a slash.
 */
import { once } from 'node:events';
import { Agent, type IncomingMessage, type RequestOptions, request } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { patience } from '../emulation.ts';
import { LOOKALIKE, lookalikes } from './text.ts';

const [host = '', portText = '', mode = '', countText = '1'] = process.argv.slice(2);
const port = Number(portText);
const count = Number(countText);
const at = mode.indexOf('/');
const way = at < 0 ? mode : mode.slice(0, at);
const path = at < 0 ? '/' : mode.slice(at);
const methods: Record<string, number> = {};
const statuses: Record<string, number> = {};
let shortestMs = Infinity;

setTimeout(() => process.exit(1), patience(60_000)).unref();
const ways = {
  many,
  churn,
  ask,
  pipelined,
  pieces,
  older,
  abandoned,
  reset,
  tunnel,
  upgrade,
  tls,
  http2,
  binary,
  expect,
  stray,
  garbage,
  deep,
  post,
};
const requests = await ways[way as keyof typeof ways]();
process.stdout.write(`\n${JSON.stringify({ requests, methods, statuses, shortestMs })}`);
process.exit(0);

function note(table: Record<string, number>, key: string | number): void {
  table[key] = (table[key] ?? 0) + 1;
}

async function fetchOne(options: RequestOptions, body?: string | readonly string[]): Promise<void> {
  const since = performance.now();
  const asked = request({ host, port, ...options });
  note(methods, options.method ?? 'GET');
  if (typeof body === 'string') asked.write(body);
  else for (const part of body ?? []) asked.write(part);
  asked.end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  shortestMs = Math.min(shortestMs, performance.now() - since);
  note(statuses, response.statusCode!);
  response.resume();
  await once(response, 'end');
}

/** Eight connections that are kept, all methods and codes, bodies of both kinds in both directions. */
async function many(): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const codes = [200, 201, 202, 204, 206, 301, 302, 304, 400, 401, 403, 404, 418, 429, 500, 502, 503, 599];
  const kinds: readonly (readonly [string, (i: number) => string, (string | readonly string[])?])[] = [
    ['GET', (i) => `/status/${codes[i % codes.length]}`],
    ['GET', (i) => `/length/${(i * 37) % 5000}`],
    ['GET', (i) => `/chunked/${i % 9}`],
    ['HEAD', (i) => `/length/${i}`],
    ['POST', (i) => `/status/${codes[i % codes.length]}`, LOOKALIKE],
    ['PUT', () => '/', [LOOKALIKE, 'x', LOOKALIKE]],
    ['DELETE', () => '/status/204'],
    ['OPTIONS', () => '/'],
    ['PATCH', () => '/', lookalikes(3000)],
    ['PROPFIND', () => '/'],
    ['TRACE', () => `/?${'long='.repeat(200)}`],
  ];
  let next = 0;
  const worker = async () => {
    while (next < count) {
      const i = next++;
      const [method, path, body] = kinds[i % kinds.length]!;
      const headers = {
        Cookie: `session=${'c'.repeat(i % 300)}`,
        ...(typeof body === 'string' && { 'Content-Length': body.length }),
      };
      await fetchOne({ agent, method, path: path(i), headers }, body);
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return count;
}

/** A connection for each, four at a time. */
async function churn(): Promise<number> {
  let left = count;
  const worker = async () => {
    while (left-- > 0) await fetchOne({ agent: false, path });
  };
  await Promise.all(Array.from({ length: 4 }, worker));
  return count;
}

async function ask(): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (let i = 0; i < count; i++) await fetchOne({ agent, path }).catch(() => {});
  return count;
}

/** Bodies as long as the path says. */
async function post(): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const body = lookalikes(Number(path.slice(1)));
  for (let i = 0; i < count; i++) {
    await fetchOne({ agent, method: 'POST', headers: { 'Content-Length': body.length } }, body);
  }
  return count;
}

async function open(): Promise<Socket> {
  const socket = connect(port, host);
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.setNoDelay(true);
  return socket;
}

/** Reads until this text has come so often. */
async function reads(socket: Socket, text: string, times: number): Promise<void> {
  let found = 0;
  let rest = '';
  for await (const [data] of on(socket)) {
    const parts = (rest + data.toString('latin1')).split(text);
    found += parts.length - 1;
    rest = parts.at(-1)!.slice(-text.length + 1);
    if (found >= times) return;
  }
}

async function* on(socket: Socket): AsyncGenerator<[Buffer]> {
  for (;;) yield (await once(socket, 'data')) as [Buffer];
}

/** Sixteen requests at a time in one write, some with bodies. */
async function pipelined(): Promise<number> {
  const socket = await open();
  const batch = 16;
  const one = (i: number) =>
    i % 4 === 3
      ? `POST /status/201 HTTP/1.1\r\nHost: a\r\ncontent-LENGTH:${LOOKALIKE.length}\r\n\r\n${LOOKALIKE}`
      : i % 4 === 2
        ? 'HEAD /length/500 HTTP/1.1\r\nHost: a\r\n\r\n'
        : 'GET /status/200 HTTP/1.1\r\nHost: a\r\n\r\n';
  for (let i = 0; i < count; i += batch) {
    socket.write(Array.from({ length: batch }, (_, at) => one(at)).join(''));
    await reads(socket, 'HTTP/1.1 20', batch);
  }
  socket.destroy();
  return count;
}

/** So many requests as the path says in one write, then ten, by one connection. */
async function deep(): Promise<number> {
  const socket = await open();
  const first = Number(path.slice(1));
  for (const each of [first, 10]) {
    const answered = reads(socket, 'HTTP/1.1 200', each);
    socket.write('GET /status/200 HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(each));
    await answered;
    await wait(20);
  }
  socket.destroy();
  return first + 10;
}

/** Each byte is a segment. */
async function pieces(): Promise<number> {
  for (let i = 0; i < count; i++) {
    const socket = await open();
    const answered = reads(socket, '\r\n0\r\nX-Trailer: 1\r\n\r\n', 1);
    const name = 'z'.repeat(90);
    for (const byte of `POST ${path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:  chunked\r\nX-${name}: 1\r\n\r\n12\r\nGET / HTTP/1.1\r\n\r\n\r\n0\r\n\r\n`) {
      socket.write(byte);
      await wait(0);
    }
    await answered;
    socket.destroy();
  }
  return count;
}

/** Connections that have been used when the agent comes, and are used again. */
async function older(): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  const round = (times: number) =>
    Promise.all(Array.from({ length: times }, (_, i) => fetchOne({ agent, path: `/length/${i * 100}` })));
  await round(16);
  process.stdout.write('ready\n');
  await once(process.stdin, 'data');
  await round(count);
  return count;
}

/** Requests that the client does not wait for. */
async function abandoned(): Promise<number> {
  for (let i = 0; i < count; i++) {
    const socket = await open();
    socket.write('GET /delay/5000 HTTP/1.1\r\nHost: a\r\n\r\n');
    await wait(5);
    socket.destroy();
  }
  return count;
}

/** Requests whose connection the client resets. */
async function reset(): Promise<number> {
  for (let i = 0; i < count; i++) {
    const socket = await open();
    socket.write('DELETE /delay/5000 HTTP/1.1\r\nHost: a\r\n\r\n');
    await wait(5);
    socket.resetAndDestroy();
  }
  return count;
}

async function tunnelled(first: string, granted: string): Promise<void> {
  const socket = await open();
  socket.write(first);
  await reads(socket, granted, 1);
  const echoed = reads(socket, 'the end', 1);
  for (let i = 0; i < 5; i++) {
    socket.write('GET /no HTTP/1.1\r\nHost: no\r\n\r\n');
    await wait(1);
  }
  socket.write('HTTP/1.1 200 No\r\n\r\nthe end');
  await echoed;
  socket.destroy();
}

async function tunnel(): Promise<number> {
  for (let i = 0; i < count; i++) await tunnelled('CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n', '\r\n\r\n');
  return count;
}

async function upgrade(): Promise<number> {
  const asks = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n';
  for (let i = 0; i < count; i++) await tunnelled(asks, '\r\n\r\n');
  return count;
}

/** A body that the server asks for before it comes. */
async function expect(): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (let i = 0; i < count; i++) {
    const asked = request({
      host,
      port,
      agent,
      method: 'PUT',
      headers: { Expect: '100-continue', 'Content-Length': 4 },
    });
    asked.flushHeaders();
    await once(asked, 'continue');
    asked.end('body');
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    response.resume();
    await once(response, 'end');
  }
  return count;
}

/** Waits for the response that comes behind the one that was asked for. */
async function stray(): Promise<number> {
  for (let i = 0; i < count; i++) {
    const socket = await open();
    socket.write('GET /twice HTTP/1.1\r\nHost: a\r\n\r\n');
    await reads(socket, '408 Request Timeout', 1);
    socket.destroy();
  }
  return count;
}

/** What is no request where one should begin. */
async function garbage(): Promise<number> {
  for (let i = 0; i < count; i++) {
    const socket = await open();
    const answered = reads(socket, 'HTTP/1.1 200', 1);
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await answered;
    await wait(5);
    const closed = once(socket, 'close');
    socket.write('\x01 / HTTP/1.1\r\n\r\n');
    await closed;
  }
  return count;
}

async function tls(): Promise<number> {
  for (let i = 0; i < count; i++) {
    const socket = connectTls({ host, port, rejectUnauthorized: false });
    await once(socket, 'error').catch(() => {});
    socket.destroy();
  }
  return 0;
}

async function http2(): Promise<number> {
  for (let i = 0; i < count; i++) {
    const session = connectHttp2(`http://${host}:${port}`);
    session.on('error', () => {});
    await once(session, 'close');
  }
  return 0;
}

/** Other protocols: some begin like a request. */
async function binary(): Promise<number> {
  for (let i = 0; i < count; i++) {
    for (const first of [
      '\x00\x01\x02\x03',
      'SET key value\r\n',
      'INVITE sip:a@b SIP/2.0\r\n',
      'G\x00',
      'get / HTTP/1.1\r\n\r\n',
    ]) {
      const socket = await open();
      socket.write(first);
      await wait(2);
      socket.write('GET /no HTTP/1.1\r\nHost: no\r\n\r\n');
      await wait(2);
      socket.destroy();
    }
  }
  return 0;
}
