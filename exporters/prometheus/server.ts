import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import type { View } from 'bpflow/prometheus';
import { AuthError, asError, type Clock, type Endpoint, type Logger, type ServerAuth } from 'bpflow/sdk';
import { listen, type TlsServerSettings } from 'bpflow/transport/listening';
import { acceptsGzip, Negotiator, type Offer } from './negotiation.ts';
import { patienceOf, type ScrapeResult } from './scrape.ts';

/** What stop() leaves to responses under way. */
const DRAIN_MS = 1000;
/** Node's timers take no more. */
const NEVER_MS = 2 ** 31 - 1;

export interface ServerLimits {
  readonly connections: number;
  /** Until a request is complete; 0 for no limit, as of all waits here. */
  readonly requestMs: number;
  /** Until a page has been read. */
  readonly responseMs: number;
  readonly idleMs: number;
  readonly keepAlive: boolean;
}

export interface PageServerOptions {
  readonly endpoint: Endpoint;
  readonly tls: TlsServerSettings | undefined;
  /** Asked at start. */
  readonly auth: () => ServerAuth | undefined;
  readonly limits: ServerLimits;
  /** Every answer gets these. */
  readonly headers: Readonly<Record<string, string>>;
  readonly offer: Offer;
  readonly clock: Clock;
  readonly log: Logger;
  scrape(view: View, gzipped: boolean, patienceMs: number, evict: () => void): ScrapeResult | Promise<ScrapeResult>;
  /** Called once for each answered request. */
  answered(outcome: ScrapeResult['collected'] | 'error' | 'rejected' | 'unauthorized'): void;
}

/** Serves `/metrics`, and nothing else. No client can hold it up: every wait has an end, and all readers share one page. */
export class PageServer {
  readonly #options: PageServerOptions;
  readonly #negotiator: Negotiator;
  #server: Server | undefined;
  #closeTls: (() => void) | undefined;
  #auth: ServerAuth | undefined;
  #address = '';

  constructor(options: PageServerOptions) {
    this.#options = options;
    this.#negotiator = new Negotiator(options.offer);
  }

  /** Where the page is, once started: `http://127.0.0.1:9464/metrics`. */
  get url(): string {
    return `${this.#options.tls === undefined ? 'http' : 'https'}://${this.#address}/metrics`;
  }

  /** Throws StartError. */
  async start(): Promise<void> {
    const { endpoint, log, auth } = this.#options;
    this.#auth = auth();
    const server = await this.#create();
    try {
      this.#address = await listen(server, endpoint);
    } catch (error) {
      this.#closeTls?.();
      throw error;
    }
    this.#server = server;
    server.on('error', (error) =>
      log.error('The metrics page has a problem with its listener.', { error: error.message }),
    );
  }

  /** Lets responses under way end, for a short while. Safe twice and without start. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.#closeTls?.();
    if (server === undefined) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeIdleConnections();
    const timer = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
    await closed;
    clearTimeout(timer);
  }

  async #create(): Promise<Server> {
    const { limits, answered } = this.#options;
    const waits = {
      headersTimeout: limits.requestMs,
      requestTimeout: limits.requestMs === 0 ? 0 : Math.max(limits.requestMs, limits.responseMs),
      keepAliveTimeout: limits.idleMs === 0 ? NEVER_MS : limits.idleMs,
      connectionsCheckingInterval: 5000,
    };
    const handle = (request: IncomingMessage, response: ServerResponse): void => {
      try {
        this.#handle(request, response)?.catch((error: unknown) => this.#fail(response, asError(error)));
      } catch (error) {
        this.#fail(response, asError(error));
      }
    };
    const server = await this.#open(waits, handle);
    server.maxConnections = limits.connections;
    // A flood of idle connections must not keep the scraper out.
    server.on('drop', () => server.closeIdleConnections());
    server.on('clientError', (_error, socket) => {
      answered('rejected');
      if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
      else socket.destroy();
    });
    return server;
  }

  async #open(options: ServerOptions, handle: RequestListener): Promise<Server> {
    const { tls } = this.#options;
    if (tls === undefined) return createServer(options, handle);
    const { createTlsServer } = await import('./tls-server.ts');
    const { server, close } = createTlsServer(tls, options, handle, this.#options);
    this.#closeTls = close;
    return server;
  }

  /** A promise only where something is waited for. */
  #handle(request: IncomingMessage, response: ServerResponse): Promise<void> | undefined {
    const { headers, method } = request;
    if (headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined) {
      // Nobody reads a body here; the connection ends instead.
      response.setHeader('Connection', 'close');
    }
    if (!this.#options.limits.keepAlive) response.setHeader('Connection', 'close');
    if (request.url !== '/metrics' && request.url?.split('?', 1)[0] !== '/metrics')
      return this.#reject(response, 404, 'Not found. The metrics are at /metrics.\n');
    if (method !== 'GET' && method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      return this.#reject(response, 405, 'Method not allowed. Use GET.\n');
    }
    if (this.#auth === undefined) return this.#serve(request, response);
    return this.#authorized(this.#auth, request, response);
  }

  async #authorized(auth: ServerAuth, request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await auth.authenticate(request.headers);
    } catch (error) {
      if (!(error instanceof AuthError)) throw error;
      if (error.challenge !== undefined) response.setHeader('WWW-Authenticate', error.challenge);
      return this.#reject(response, 401, `${error.message}\n`, 'unauthorized');
    }
    await this.#serve(request, response);
  }

  #serve(request: IncomingMessage, response: ServerResponse): Promise<void> | undefined {
    const { headers } = request;
    const { view, contentType } = this.#negotiator.answer(headers.accept);
    const encoding = headers['accept-encoding'];
    const gzipped = encoding !== undefined && acceptsGzip(String(encoding));
    const patienceMs = patienceOf(headers['x-prometheus-scrape-timeout-seconds']);
    const scraped = this.#options.scrape(view, gzipped, patienceMs, () => response.destroy());
    const send = (result: ScrapeResult): void => this.#send(request, response, result, contentType, gzipped);
    return scraped instanceof Promise ? scraped.then(send) : void send(scraped);
  }

  #send(
    request: IncomingMessage,
    response: ServerResponse,
    { lease, collected }: ScrapeResult,
    contentType: string,
    gzipped: boolean,
  ): void {
    const { answered, clock, limits, headers } = this.#options;
    answered(collected);
    if (response.destroyed) {
      lease.release();
      return;
    }
    response.writeHead(200, {
      ...headers,
      'Content-Type': contentType,
      'Content-Length': lease.body.length,
      Vary: 'Accept, Accept-Encoding',
      ...(gzipped ? { 'Content-Encoding': 'gzip' } : {}),
    });
    response.end(request.method === 'HEAD' ? undefined : lease.body);
    const timer = limits.responseMs === 0 ? undefined : clock.after(limits.responseMs, () => response.destroy());
    response.once('close', () => {
      timer?.cancel();
      lease.release();
    });
  }

  #reject(
    response: ServerResponse,
    status: number,
    text: string,
    outcome: 'rejected' | 'unauthorized' = 'rejected',
  ): undefined {
    this.#options.answered(outcome);
    response.writeHead(status, { ...this.#options.headers, 'Content-Type': 'text/plain; charset=utf-8' }).end(text);
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
