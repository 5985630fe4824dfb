import { lookup } from 'node:dns/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { MetricReader } from '@opentelemetry/sdk-metrics';
import { asError } from '../../sdk/errors.ts';
import type { Logger } from '../../sdk/scope.ts';
import { PipelineError } from '../errors.ts';
import { CONTENT_TYPE, renderPage } from './prometheus-page.ts';

export interface PrometheusReaderOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly log: Logger;
}

/** Serves the agent's own metrics at `/metrics`, collected anew for each scrape. */
export class PrometheusReader extends MetricReader {
  readonly #options: PrometheusReaderOptions;
  #server: Server | undefined;

  constructor(options: PrometheusReaderOptions) {
    super();
    this.#options = options;
  }

  /** Where it listens; undefined before {@link start}. */
  get address(): AddressInfo | undefined {
    return this.#server?.address() as AddressInfo | undefined;
  }

  /** Begins to listen. Throws a PipelineError when the address cannot be had. */
  async start(): Promise<void> {
    const { host, port } = this.#options;
    const address = await ipv4First(host);
    const server = createServer((request, response) => void this.#answer(request, response));
    server.headersTimeout = 10_000;
    server.requestTimeout = 10_000;
    server.maxConnections = 32;
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => {
        const written = `${host}:${port}`;
        const text =
          error.code === 'EADDRINUSE' ? `listen tcp ${written}: bind: address already in use` : error.message;
        reject(
          new PipelineError(
            'telemetry',
            `failed to create meter provider: binding address ${written} for Prometheus exporter: ${text}`,
            { cause: error },
          ),
        );
      });
      server.listen(port, address, resolve);
    });
    server.on('error', (error) => this.#options.log.error('The metrics page of the agent failed.', { error }));
    server.unref();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url?.split('?', 1)[0];
    if (path !== '/metrics') return void response.writeHead(404, TEXT).end('404 page not found\n');
    if (request.method !== 'GET' && request.method !== 'HEAD') return void response.writeHead(405, TEXT).end();
    try {
      const { resourceMetrics, errors } = await this.collect();
      for (const error of errors)
        this.#options.log.warn('A metric of the agent could not be read.', { error: asError(error) });
      response.writeHead(200, { 'Content-Type': CONTENT_TYPE }).end(renderPage(resourceMetrics));
    } catch (thrown) {
      response.writeHead(500, TEXT).end(`${asError(thrown).message}\n`);
    }
  }

  protected async onShutdown(): Promise<void> {
    const server = this.#server;
    if (server === undefined || !server.listening) return;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }

  protected async onForceFlush(): Promise<void> {}
}

/** `localhost` means 127.0.0.1 to the Collector and to most who scrape it. A name that is not found is left to `listen` to refuse. */
async function ipv4First(host: string): Promise<string> {
  try {
    return (await lookup(host, { order: 'ipv4first' })).address;
  } catch {
    return host;
  }
}

const TEXT = { 'Content-Type': 'text/plain; charset=utf-8' };
