import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { collectingConsumer, fakeScope } from 'bpflow/testing';
import spec from './index.ts';
import { encode, flowMessage } from './test/messages.ts';

const STATUS = encode('ServerStatusResponse', { num_flows: 10, max_flows: 4095, seen_flows: 10, version: 'evil' });
const OK = { ':status': 200, 'content-type': 'application/grpc' };

type Answer = (stream: ServerHttp2Stream) => void;

/** A server that says well of itself, and sends what the test wants as flows. */
async function serve(flows: Answer): Promise<{ readonly server: Http2Server; readonly address: string }> {
  const server = createServer();
  server.on('session', (session) => session.on('error', () => {}));
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    if (!String(headers[':path']).endsWith('/ServerStatus')) {
      flows(stream);
      return;
    }
    stream.respond(OK, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(frame(STATUS));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, address: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

function frame(message: Uint8Array, length = message.length): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, message]);
}

interface View {
  readonly kind: string;
  readonly reason: string;
  readonly streams: number;
}

/** Follows a hostile server until it has tried twice; the reason for which it left the first time. */
async function reasonFor(flows: Answer): Promise<{ readonly reason: string; readonly grownMib: number }> {
  const { server, address } = await serve(flows);
  const scope = fakeScope('receiver', 'hubble');
  const config = spec.config.parse({ endpoint: address, hubble_tls_enabled: false });
  const receiver = spec.create(config, scope, { metrics: collectingConsumer() });
  const before = process.memoryUsage.rss();
  await receiver.start?.();
  const view = (): View => scope.view('connection') as View;
  let reason = '';
  let peak = before;
  for (const end = Date.now() + 15_000; Date.now() < end && view().streams < 2; await wait(10)) {
    peak = Math.max(peak, process.memoryUsage.rss());
    if (view().kind !== 'lost') continue;
    reason ||= view().reason;
    // The wait before the next attempt.
    scope.clock.advance(1000);
  }
  const { streams } = view();
  await receiver.stop?.();
  server.close();
  assert.equal(streams, 2, `it did not connect again: ${reason}`);
  return { reason, grownMib: (peak - before) / 2 ** 20 };
}

describe('a hostile server is left with a reason, and tried again', () => {
  const cases: Readonly<Record<string, readonly [Answer, RegExp]>> = {
    'messages that are no flows': [
      (stream) => {
        stream.respond(OK);
        const garbage = Buffer.concat(Array.from({ length: 1000 }, () => frame(Buffer.from([0x0a, 0x7f, 1]))));
        stream.write(garbage);
      },
      /sends what is no flow/,
    ],
    'flows that are cut off': [
      (stream) => {
        stream.respond(OK);
        const message = flowMessage({ node_name: 'a'.repeat(100) });
        for (let i = 0; i < 200; i++) stream.write(frame(message.subarray(0, 50)));
      },
      /sends what is no flow/,
    ],
    'a message of 100 MB': [
      (stream) => {
        stream.respond(OK);
        const chunk = Buffer.alloc(1024 * 1024, 0x0a);
        stream.write(frame(chunk, 100 * 1024 * 1024));
        const more = (): void => {
          while (!stream.destroyed && stream.write(chunk));
          if (!stream.destroyed) stream.once('drain', more);
        };
        more();
      },
      /sends what is too large/,
    ],
    'headers without end': [
      (stream) => {
        const headers: Record<string, string | number> = { ...OK };
        for (let i = 0; i < 2000; i++) headers[`x-${i}`] = 'x'.repeat(1000);
        try {
          stream.respond(headers);
        } catch {
          stream.close();
        }
      },
      /Hubble at 127\.0\.0\.1/,
    ],
    'another service': [
      (stream) =>
        stream.respond({ ...OK, 'grpc-status': '12', 'grpc-message': 'unknown service' }, { endStream: true }),
      /is no Hubble server/,
    ],
    'an answer that is no gRPC': [
      (stream) => {
        stream.respond({ ':status': 404, 'content-type': 'text/html' });
        stream.end('<html>');
      },
      /Hubble/,
    ],
    'an end in order, at once': [
      (stream) => {
        stream.respond(OK, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
        stream.end();
      },
      /ended the stream/,
    ],
  };
  for (const [what, [answer, expected]] of Object.entries(cases)) {
    test(what, async () => {
      const { reason, grownMib } = await reasonFor(answer);
      assert.match(reason, expected);
      assert.ok(reason.length < 600);
      assert.ok(grownMib < 64, `${grownMib} MiB more`);
    });
  }
});
