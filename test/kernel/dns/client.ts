/**
 * client.ts ADDRESS MODE COUNT: asks the DNS server at an address and prints what it did and got, as JSON. `many`: queries of all
 * types for all codes; another mode is the name that is asked for (see server.ts), each time with another id.
 */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { patience } from '../emulation.ts';
import { encodeQuery, framed, takeFrames } from './wire.ts';

const PORT = 53;
const [address = '', mode = '', countText = '1'] = process.argv.slice(2);
const count = Number(countText);
const [way = '', name = ''] = mode.split('/');

// A message that is lost must not hold up the test for ever.
setTimeout(() => process.exit(1), patience(30_000)).unref();
const truth = await { many, sockets, ask, unheard, again, reuse, garbage, tcp, pieces, resolver }[way]!();
process.stdout.write(JSON.stringify(truth));
process.exit(0);

async function open(): Promise<UdpSocket> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.connect(PORT, address);
  await once(socket, 'connect');
  return socket;
}

/** All types and codes that there are names for, and others; every third query with EDNS, some names in upper case. */
async function many() {
  const types = [1, 28, 5, 6, 12, 15, 16, 2, 33, 65, 64, 43, 48, 255, 257, 35, 52, 65_280, 99];
  const rcodes = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 15, 16, 23, 100];
  const sockets = await Promise.all(Array.from({ length: 8 }, open));
  const received: Record<string, number> = {};
  let answered = 0;
  let sent = 0;
  const sendNext = (socket: UdpSocket): void => {
    if (sent === count) return;
    const i = sent++;
    const label =
      i % 5 === 0 ? `RCODE-${rcodes[i % rcodes.length]}`.toLowerCase() : `rcode-${rcodes[i % rcodes.length]}`;
    const type = types[i % types.length]!;
    socket.send(encodeQuery({ id: i & 0xffff, name: `n${i}.${label}.Test`, type, edns: i % 3 === 0 }));
  };
  const done = new Promise<void>((resolve) => {
    for (const socket of sockets) {
      socket.on('message', (message: Buffer) => {
        received[message[3]! & 0xf] = (received[message[3]! & 0xf] ?? 0) + 1;
        if (++answered === count) resolve();
        sendNext(socket);
      });
    }
  });
  for (const socket of sockets) for (let i = 0; i < 4; i++) sendNext(socket);
  await done;
  return { answered };
}

/** Each query from a socket of its own, and all of them under one id. */
async function sockets() {
  let left = count;
  const askAll = async (): Promise<void> => {
    while (left-- > 0) {
      const socket = await open();
      const answer = once(socket, 'message');
      await sent(socket, encodeQuery({ id: 7, name, type: 1 }));
      await answer;
      socket.close();
    }
  };
  await Promise.all(Array.from({ length: 16 }, askAll));
  return { answered: count };
}

/** One after the other, each answered. */
async function ask() {
  const socket = await open();
  let shortestMs = Number.POSITIVE_INFINITY;
  for (let id = 1; id <= count; id++) {
    const start = performance.now();
    const answer = once(socket, 'message');
    socket.send(encodeQuery({ id, name, type: 1 }));
    await answer;
    shortestMs = Math.min(shortestMs, performance.now() - start);
  }
  // What the server sends beside the answer comes, too.
  await wait(200);
  return { answered: count, shortestMs };
}

/** Nobody answers. */
async function unheard() {
  const socket = await open();
  for (let id = 1; id <= count; id++) await sent(socket, encodeQuery({ id, name, type: 28 }));
  return {};
}

/** Each query three times under one id. The server answers the last. */
async function again() {
  const socket = await open();
  for (let id = 1; id <= count; id++) {
    const answer = once(socket, 'message');
    for (let time = 0; time < 3; time++) await sent(socket, encodeQuery({ id, name: `drop-2.${name}`, type: 1 }));
    await answer;
  }
  return {};
}

/** Under one id a question that nobody answers, and then another. */
async function reuse() {
  const socket = await open();
  for (let i = 1; i <= count; i++) {
    await sent(socket, encodeQuery({ id: i, name: 'drop.test', type: 16 }));
    const answer = once(socket, 'message');
    await sent(socket, encodeQuery({ id: i, name: 'test', type: 1 }));
    await answer;
  }
  return {};
}

/** What is no query: `short` no header; the others have one, and a question that none may be. */
async function garbage() {
  const socket = await open();
  const header = Buffer.from([0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  const questions: Readonly<Record<string, Buffer>> = {
    loop: Buffer.from([0xc0, 12, 0, 1, 0, 1]),
    reserved: Buffer.from([0x80, 1, 0, 0, 1, 0, 1]),
    cut: Buffer.from([63, 1, 2, 3]),
    none: Buffer.alloc(0),
    long: Buffer.concat([
      ...Array.from({ length: 5 }, () => Buffer.from([63, ...Buffer.alloc(63, 97)])),
      Buffer.alloc(5),
    ]),
    endless: Buffer.alloc(60_000, 1),
  };
  const bytes = questions[name];
  for (let i = 0; i < count; i++) {
    // Another id each time, so that none is taken for the same query.
    const head = Buffer.from(header);
    head.writeUInt16BE(i + 1, 0);
    await sent(socket, bytes === undefined ? Buffer.alloc(5) : Buffer.concat([head, bytes]));
  }
  return {};
}

/** All queries of a connection in one segment. */
async function tcp() {
  const queries = Array.from({ length: count }, (_, i) => framed(encodeQuery({ id: i + 1, name, type: 1 })));
  return overTcp((write) => write(Buffer.concat(queries)), count);
}

/** Queries in segments that end within the length, behind it, behind the question, and within the next query. */
async function pieces() {
  return overTcp(async (write) => {
    for (let i = 0; i < count; i++) {
      const frame = framed(encodeQuery({ id: i + 1, name, type: 28, edns: true }));
      let from = 0;
      for (const to of [1, 2, frame.length - 4, frame.length]) {
        await write(frame.subarray(from, to));
        await wait(5);
        from = to;
      }
    }
  }, count);
}

async function overTcp(ask: (write: (bytes: Buffer) => Promise<void>) => Promise<void>, expected: number) {
  const socket = connect({ port: PORT, host: address, noDelay: true });
  await once(socket, 'connect');
  let rest: Buffer = Buffer.alloc(0);
  let answered = 0;
  const done = new Promise<void>((resolve) => {
    socket.on('data', (bytes: Buffer) => {
      const taken = takeFrames(Buffer.concat([rest, bytes]));
      rest = taken.rest;
      answered += taken.messages.length;
      if (answered === expected) resolve();
    });
  });
  await ask((bytes) => new Promise<void>((resolve) => void socket.write(bytes, () => resolve())));
  await done;
  return { answered };
}

/** The resolver of Node (c-ares), which asks again by TCP when an answer is truncated. */
async function resolver() {
  const { Resolver } = await import('node:dns/promises');
  const resolver = new Resolver();
  resolver.setServers([address.includes(':') ? `[${address}]` : address]);
  const found: string[][] = [];
  for (let i = 0; i < count; i++) found.push(await resolver.resolve4(`n${i}.${name}`));
  return { answered: found.filter(([first]) => first === '192.0.2.1').length };
}

function sent(socket: UdpSocket, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.send(bytes, (error) => (error === null ? resolve() : reject(error)));
  });
}
