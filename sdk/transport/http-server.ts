import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { Server as NetServer, type Socket } from 'node:net';
import { asError } from '../errors.ts';
import type { Logger } from '../scope.ts';
import { type ListenAddress, listen, type Transport } from './listen.ts';
import type { ServerTls } from './tls.ts';
import { logTlsRefusals } from './tls-refusals.ts';

/** Waits, in ms; 0 is no limit. */
export interface HttpLimits {
  /** Until the headers of a request are complete. Default: 10 s. */
  readonly headersMs?: number;
  /** Until a request is complete. Default: 5 min. */
  readonly requestMs?: number;
  /** With a request under way and nothing sent or received. Default: 30 s. */
  readonly silentMs?: number;
  /** Without a request. Default: 1 min. */
  readonly idleMs?: number;
  /** Whether a connection serves more than one request. Default: yes. */
  readonly keepAlive?: boolean;
}

export interface HttpServerOptions {
  readonly address: ListenAddress;
  readonly transport?: Transport;
  /** Plain HTTP without. The server attaches itself and leaves closing to its owner. */
  readonly tls?: ServerTls | undefined;
  readonly limits?: HttpLimits;
  /** Connections at a time; the one that has been waiting for a request for the longest time makes room. Default: 4096. */
  readonly maxConnections?: number;
  /** Of a request that was answered before it was complete so much is read and dropped; then its connection is closed. Default: 256 KiB, as in Go. */
  readonly maxDroppedBytes?: number;
  readonly log: Logger;
  /** Answers a request. When it throws, the client gets 500 and the error is logged. */
  handle(request: IncomingMessage, response: ServerResponse): void | Promise<void>;
}

const TLS_HANDSHAKE_TIMEOUT_MS = 10_000;
const MAX_HEADERS = 128;
const MAX_DROPPED_BYTES = 256 * 1024;

/** An HTTP/1.1 listener, with or without TLS, at which no wait is without end. What is answered is its owner's. */
export class HttpServer {
  readonly #options: HttpServerOptions;
  readonly #server: Server;
  readonly #open = new Set<ServerResponse>();
  /** Connections that wait for a request, the longest waiting first. */
  readonly #waiting = new Set<Socket>();
  readonly #busy = new Set<Socket>();
  readonly #maxConnections: number;
  #listening = false;
  #stopping: Promise<void> | undefined;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    const { tls, log } = options;
    const { headersMs = 10_000, requestMs = 300_000, silentMs = 30_000, idleMs = 60_000 } = options.limits ?? {};
    const settings = {
      headersTimeout: requestMs === 0 ? headersMs : Math.min(headersMs || requestMs, requestMs),
      requestTimeout: requestMs,
      keepAliveTimeout: idleMs,
      connectionsCheckingInterval: Math.max(100, Math.min(5000, headersMs || 5000, requestMs || 5000)),
      keepAlive: true,
    };
    const answer = (request: IncomingMessage, response: ServerResponse): void => void this.#answer(request, response);
    if (tls === undefined) {
      this.#server = createServer(settings, answer);
    } else {
      const server = createSecureServer(
        { ...tls.options, ...settings, ALPNProtocols: ['http/1.1'], handshakeTimeout: TLS_HANDSHAKE_TIMEOUT_MS },
        answer,
      );
      tls.attach(server);
      server.on('tlsClientError', logTlsRefusals(log));
      this.#server = server;
    }
    this.#server.timeout = silentMs;
    this.#server.maxHeadersCount = MAX_HEADERS;
    this.#maxConnections = options.maxConnections ?? 4096;
    // Sockets that are still in a TLS handshake count here, and only here.
    this.#server.maxConnections = this.#maxConnections + 256;
    this.#server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => this.#connect(socket));
    this.#server.on('error', (error) =>
      log.error('An HTTP server has a problem with its listener.', { error: error.message }),
    );
  }

  /** Resolves to the address for people, `127.0.0.1:4318`. Rejects with StartError. */
  async start(): Promise<string> {
    const shown = await listen(this.#server, this.#options.address, this.#options.transport);
    this.#listening = true;
    return shown;
  }

  /** Takes no new connections, answers what is under way for up to `drainMs`, then cuts off. Safe twice and without start. */
  stop(drainMs = 5000): Promise<void> {
    this.#stopping ??= this.#stop(drainMs);
    return this.#stopping;
  }

  /** Open connections. */
  get connections(): number {
    return this.#waiting.size + this.#busy.size;
  }

  async #stop(drainMs: number): Promise<void> {
    if (!this.#listening) return;
    this.#listening = false;
    const closed = new Promise<void>((resolve) => NetServer.prototype.close.call(this.#server, () => resolve()));
    for (const response of this.#open) if (!response.headersSent) response.shouldKeepAlive = false;
    this.#server.closeIdleConnections();
    const cut = setTimeout(() => this.#server.closeAllConnections(), drainMs);
    await closed;
    clearTimeout(cut);
    // Ends the timer that looks for slow requests.
    this.#server.close();
  }

  #connect(socket: Socket): void {
    if (this.connections >= this.#maxConnections) {
      // Who has been waiting for the longest time makes room, be it idle or slow in sending a request's headers.
      const [waiting = socket] = this.#waiting;
      this.#waiting.delete(waiting);
      waiting.destroy();
    }
    if (socket.destroyed) return;
    this.#waiting.add(socket);
    socket.once('close', () => {
      this.#waiting.delete(socket);
      this.#busy.delete(socket);
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { socket } = request;
    const { maxDroppedBytes = MAX_DROPPED_BYTES } = this.#options;
    this.#open.add(response);
    this.#waiting.delete(socket);
    this.#busy.add(socket);
    response.once('close', () => {
      this.#open.delete(response);
      if (this.#busy.delete(socket) && !socket.destroyed) this.#waiting.add(socket);
    });
    // Before Node itself would drop what comes, without end.
    response.once('prefinish', () => request.complete || drop(request, maxDroppedBytes));
    response.on('error', () => {});
    request.on('error', () => {});
    if (this.#stopping !== undefined || this.#options.limits?.keepAlive === false) response.shouldKeepAlive = false;
    try {
      await this.#options.handle(request, response);
    } catch (error) {
      const { message, stack } = asError(error);
      this.#options.log.error('An HTTP request failed unexpectedly.', { path: request.url, error: message, stack });
      if (response.headersSent) response.destroy();
      else {
        response.writeHead(500, { 'Content-Type': 'text/plain; charset=utf-8' }).end('500 internal server error\n');
      }
    }
  }
}

/** Reads what is left of a request, so that its client gets to see the answer; cuts off one that goes on and on. */
function drop(request: IncomingMessage, maxBytes: number): void {
  let left = maxBytes;
  request.removeAllListeners('data');
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) request.socket.destroy();
  });
  request.read(0);
  request.resume();
}
