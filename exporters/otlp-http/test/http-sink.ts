import { createServer, type IncomingHttpHeaders, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createSecureServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib';
import { inflate } from 'bpflow/transport';

/** A request as the server got it. */
export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** As it came. */
  readonly raw: Buffer;
  /** Decompressed. */
  readonly body: Buffer;
}

/** An OTLP/HTTP server with faults on demand. */
export class HttpSink {
  readonly received: Received[] = [];
  connections = 0;
  /** How a request is answered; 200 without a body by default. */
  answer: (response: ServerResponse, request: Received) => void = (response) => response.end();
  port = 0;
  readonly #server;

  constructor(secure?: ServerOptions) {
    const listener: RequestListener = (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const raw = Buffer.concat(chunks);
        const { headers, url = '' } = request;
        const take = (body: Buffer): void => {
          const received = { path: url, headers, raw, body };
          this.received.push(received);
          this.answer(response, received);
        };
        const body = inflated(raw, headers['content-encoding']);
        if (body instanceof Promise) void body.then(take);
        else take(body);
      });
    };
    this.#server = secure === undefined ? createServer(listener) : createSecureServer(secure, listener);
    this.#server.on(secure === undefined ? 'connection' : 'secureConnection', () => {
      this.connections++;
    });
  }

  async listen(port = 0): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
    this.port = (this.#server.address() as AddressInfo).port;
    return `http://127.0.0.1:${this.port}`;
  }

  /** Closes the connections that are not in use, as servers do after a while. */
  closeIdle(): void {
    this.#server.closeIdleConnections();
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

function inflated(raw: Buffer, encoding: string | undefined): Buffer | Promise<Buffer> {
  switch (encoding) {
    case 'gzip':
      return gunzipSync(raw);
    case 'zstd':
      return zstdDecompressSync(raw);
    case 'zlib':
    case 'deflate':
      return inflateSync(raw);
    case 'snappy':
    case 'x-snappy-framed':
      return Promise.resolve(inflate(encoding, raw, 1e8)).then((bytes) => Buffer.from(bytes));
    default:
      return raw;
  }
}
