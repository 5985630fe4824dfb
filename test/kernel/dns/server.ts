/**
 * server.ts ADDRESS [PORT]: a DNS server on a port (53) of an address, by UDP and TCP, until its input ends. What it does with a query
 * stands in the name: rcode-N, delay-N (ms), drop, drop-N (the first N of this name and id), twice, wrong-id (before the right one),
 * other-question, no-question, tc (truncated by UDP), addresses, split (TCP: each answer in pieces).
 */
import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { encodeAnswer, framed, readQuery, takeFrames } from './wire.ts';

const address = process.argv[2]!;
const port = Number(process.argv[3] ?? 53);
const seen = new Map<string, number>();

const udp = createSocket(address.includes(':') ? 'udp6' : 'udp4');
udp.on('message', (query: Buffer, from: RemoteInfo) => {
  for (const { bytes, delayMs } of answersTo(query, true)) {
    setTimeout(() => udp.send(bytes, from.port, from.address), delayMs);
  }
});
udp.bind(port, address);

const tcp = createServer((socket) => {
  let rest: Buffer = Buffer.alloc(0);
  let last: Promise<void> = Promise.resolve();
  socket.setNoDelay(true).on('error', () => {});
  socket.on('data', (bytes: Buffer) => {
    const taken = takeFrames(Buffer.concat([rest, bytes]));
    rest = taken.rest;
    for (const query of taken.messages) {
      for (const answer of answersTo(query, false)) last = last.then(() => write(socket, answer));
    }
  });
});
tcp.listen(port, address);

await Promise.all([once(udp, 'listening'), once(tcp, 'listening')]);
process.stdout.write('ready\n');
process.stdin.resume().on('end', () => process.exit(0));

interface Timed {
  readonly bytes: Buffer;
  readonly delayMs: number;
  readonly isSplit: boolean;
}

function answersTo(query: Buffer, isUdp: boolean): Timed[] {
  if (query.length < 12 || (query[2]! & 0x80) !== 0) return [];
  const read = readQuery(query);
  if (read === undefined) return [];
  const { name } = read;
  const labels = name.split('.');
  const number = (key: string) => {
    const found = labels.find((label) => label.startsWith(`${key}-`));
    return found === undefined ? undefined : Number(found.slice(key.length + 1));
  };
  const key = `${query.readUInt16BE(0)} ${name}`;
  const times = (seen.get(key) ?? 0) + 1;
  seen.set(key, times);
  if (labels.includes('drop') || times <= (number('drop') ?? 0)) return [];
  const timed = (bytes: Buffer): Timed => ({ bytes, delayMs: number('delay') ?? 0, isSplit: labels.includes('split') });
  const answer = encodeAnswer(query, {
    rcode: number('rcode') ?? 0,
    isTruncated: isUdp && labels.includes('tc'),
    withoutQuestion: labels.includes('no-question'),
    addresses: labels.includes('addresses') ? ['192.0.2.1', '192.0.2.2'] : [],
  });
  const wrong = Buffer.from(answer);
  if (labels.includes('wrong-id')) wrong[0]! ^= 0xff;
  if (labels.includes('other-question')) wrong[13]! ^= 0x01;
  return [
    ...(labels.includes('wrong-id') || labels.includes('other-question') ? [timed(wrong)] : []),
    timed(answer),
    ...(labels.includes('twice') ? [timed(answer)] : []),
  ];
}

/** In one segment, or in four: within the length, behind it, and within the message. */
async function write(socket: Socket, { bytes, delayMs, isSplit }: Timed): Promise<void> {
  await wait(delayMs);
  const frame = framed(bytes);
  let from = 0;
  for (const to of isSplit ? [1, 2, frame.length - 1, frame.length] : [frame.length]) {
    socket.write(frame.subarray(from, to));
    from = to;
    if (isSplit) await wait(5);
  }
}
