import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { View } from 'bpflow/prometheus';
import { asError, type Clock, type Logger, StartError } from 'bpflow/sdk';
import { acceptsGzip, negotiate, type Offer } from './negotiation.ts';
import type { ScrapeResult } from './scrape.ts';

/** A client that has not read its page after this is cut off. */
const RESPONSE_TIMEOUT_MS = 30_000;
const HEADERS_TIMEOUT_MS = 10_000;
/** Longer than the usual scrape intervals, so that a server scrapes over one connection. */
const KEEP_ALIVE_TIMEOUT_MS = 125_000;
const MAX_CONNECTIONS = 512;
/** What stop() leaves to responses under way. */
const DRAIN_MS = 1000;

export interface PageServerOptions {
  readonly host: string;
  readonly port: number;
  readonly offer: Offer;
  readonly clock: Clock;
  readonly log: Logger;
  scrape(view: View, gzipped: boolean, evict: () => void): Promise<ScrapeResult>;
  /** Called once for each answered request. */
  answered(outcome: ScrapeResult['collected'] | 'error' | 'rejected'): void;
}

/** Serves `/metrics`, and nothing else. No client can hold it up: every wait has an end, and all readers share one page. */
export class PageServer {
  readonly #options: PageServerOptions;
  readonly #server: Server;

  constructor(options: PageServerOptions) {
    this.#options = options;
    this.#server = createServer(
      {
        headersTimeout: HEADERS_TIMEOUT_MS,
        requestTimeout: RESPONSE_TIMEOUT_MS,
        keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
        connectionsCheckingInterval: 5000,
      },
      (request, response) => {
        this.#handle(request, response).catch((error: unknown) => this.#fail(response, asError(error)));
      },
    );
    this.#server.maxConnections = MAX_CONNECTIONS;
    // A flood of idle connections must not keep the scraper out.
    this.#server.on('drop', () => this.#server.closeIdleConnections());
    this.#server.on('clientError', (_error, socket) => {
      options.answered('rejected');
      if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
      else socket.destroy();
    });
  }

  /** Where it listens, once started: `127.0.0.1:9464`. */
  get address(): string {
    const { address, family, port } = this.#server.address() as AddressInfo;
    return family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`;
  }

  start(): Promise<void> {
    const { host, port, log } = this.#options;
    return new Promise((resolve, reject) => {
      const refuse = (error: NodeJS.ErrnoException): void =>
        reject(listenError(host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`, error));
      this.#server.once('error', refuse);
      this.#server.listen({ host, port }, () => {
        this.#server.off('error', refuse);
        this.#server.on('error', (error) =>
          log.error('The metrics page has a problem with its listener.', { error: error.message }),
        );
        resolve();
      });
    });
  }

  /** Lets responses under way end, for a short while. Safe twice and without start. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    const timer = setTimeout(() => this.#server.closeAllConnections(), DRAIN_MS);
    await closed;
    clearTimeout(timer);
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method } = request;
    if (request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined) {
      // Nobody reads a body here; the connection ends instead.
      response.setHeader('Connection', 'close');
    }
    if (request.url?.split('?', 1)[0] !== '/metrics')
      return this.#reject(response, 404, 'Not found. The metrics are at /metrics.\n');
    if (method !== 'GET' && method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      return this.#reject(response, 405, 'Method not allowed. Use GET.\n');
    }
    const { view, contentType } = negotiate(request.headers.accept, this.#options.offer);
    const gzipped = acceptsGzip(String(request.headers['accept-encoding'] ?? ''));
    const { lease, collected } = await this.#options.scrape(view, gzipped, () => response.destroy());
    this.#options.answered(collected);
    if (response.destroyed) {
      lease.release();
      return;
    }
    const timer = this.#options.clock.after(RESPONSE_TIMEOUT_MS, () => response.destroy());
    response.once('close', () => {
      timer.cancel();
      lease.release();
    });
    response.writeHead(200, {
      'Content-Type': contentType,
      'Content-Length': lease.body.length,
      Vary: 'Accept, Accept-Encoding',
      ...(gzipped ? { 'Content-Encoding': 'gzip' } : {}),
    });
    response.end(method === 'HEAD' ? undefined : lease.body);
  }

  #reject(response: ServerResponse, status: number, text: string): void {
    this.#options.answered('rejected');
    response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' }).end(text);
  }

  #fail(response: ServerResponse, error: Error): void {
    this.#options.answered('error');
    this.#options.log.error('A scrape could not be answered.', { error: error.stack ?? error.message });
    if (response.headersSent) response.destroy();
    else
      response
        .writeHead(500, { 'Content-Type': 'text/plain; charset=utf-8' })
        .end('The page could not be made. See the log of the agent.\n');
  }
}

function listenError(endpoint: string, error: NodeJS.ErrnoException): StartError {
  return new StartError(`cannot listen on ${endpoint}: ${reasonOf(error)}`, { cause: error });
}

function reasonOf(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return 'the address is in use, by another process or by another component of this configuration; free it or set another "endpoint"';
    case 'EACCES':
      return 'not allowed; ports below 1024 need root or CAP_NET_BIND_SERVICE, else set another "endpoint"';
    case 'EADDRNOTAVAIL':
      return 'this machine has no such address; set "endpoint" to one it has, or to 0.0.0.0 for all';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'the host name cannot be resolved; set "endpoint" to an address';
    default:
      return error.message;
  }
}
