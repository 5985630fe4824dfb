/**
 * server.ts ADDRESS: an HTTP server that prints `ready PORT`. The path says what the response is: `/status/404`, `/length/1000` and
 * `/chunked/10` (bodies full of what looks like heads), `/delay/40` (ms), `/hints` (103 first), `/close` (none), `/twice` (one too
 * many), `/pieces` (byte by byte), `/until-close`, `/bad-length`, `/many-chunks/500` (of one byte). CONNECT and upgrades are granted, and echo.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { finished } from 'node:stream/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { LOOKALIKE, lookalikes } from './text.ts';

const [address = ''] = process.argv.slice(2);

async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
  request.resume();
  await finished(request);
  const [, what = '', text = ''] = request.url!.split('/');
  const size = Number(text);
  if (what === 'status') {
    response.statusCode = size;
    response.end(size === 204 || size === 304 ? undefined : 'ok');
  } else if (what === 'length') {
    response.setHeader('Content-Length', size);
    response.end(lookalikes(size));
  } else if (what === 'chunked') {
    for (let i = 0; i < size; i++) response.write(LOOKALIKE);
    response.end();
  } else if (what === 'many-chunks') {
    const chunks = '1\r\nx\r\n'.repeat(size);
    request.socket.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`);
    response.detachSocket(request.socket);
  } else if (what === 'delay') {
    await wait(size);
    response.end('late');
  } else if (what === 'hints') {
    response.writeEarlyHints({ link: '</style.css>; rel=preload' });
    response.end('ok');
  } else if (what === 'close') {
    request.socket.destroy();
  } else if (what === 'twice') {
    response.end('ok');
    await finished(response);
    request.socket.end('HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
  } else if (what === 'pieces') {
    const head = `HTTP/1.1 203 Non\r\nX-Long: ${'y'.repeat(70)}\r\nTransfer-Encoding: gzip;q=0.123456789, chunked\r\n\r\n`;
    await writeBytes(request.socket, `${head}a;x="y"\r\nHTTP/1.1 2\r\n0\r\nX-Trailer: 1\r\n\r\n`);
    response.detachSocket(request.socket);
    request.socket.end();
  } else if (what === 'bad-length') {
    request.socket.end('HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n');
  } else if (what === 'until-close') {
    request.socket.end(`HTTP/1.0 200 OK\r\n\r\n${LOOKALIKE.repeat(20)}`);
  } else {
    response.end('ok');
  }
}

async function writeBytes(socket: Socket, text: string): Promise<void> {
  socket.setNoDelay(true);
  for (const byte of text) {
    socket.write(byte);
    await wait(0);
  }
}

const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  respond(request, response).catch(() => request.socket.destroy());
});
server.on('upgrade', (_request, socket: Socket, head: Buffer) => {
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
  socket.write(head);
  socket.pipe(socket);
});
server.on('connect', (_request, socket: Socket, head: Buffer) => {
  socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
  socket.write(head);
  socket.pipe(socket);
});
server.on('clientError', (_error, socket) => socket.destroy());
server.listen(0, address, () => {
  process.stdout.write(`ready ${(server.address() as AddressInfo).port}\n`);
});
