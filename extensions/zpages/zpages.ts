import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AGENT, asError, type Component, formatEndpoint, INSPECTION, type Scope, StartError } from 'bpflow/sdk';
import type { ZpagesConfig } from './config.ts';
import { html, page } from './html.ts';
import { PAGES } from './pages.ts';
import { takeProfile } from './profile.ts';

const REQUEST_TIMEOUT_MS = 5000;
const MAX_CONNECTIONS = 32;
const MAX_PROFILE_SECONDS = 60;

const LINKS = Object.entries(PAGES).map(([path, { title }]) => [path, title] as const);

/** Serves pages on the running agent. They only read. */
export function createZpages(config: ZpagesConfig, scope: Scope): Component {
  const stopping = new AbortController();
  const sources = { agent: scope.get(AGENT), inspection: scope.get(INSPECTION), profiling: config.profiling };
  let profiling = false;

  const profile = async (type: 'cpu' | 'heap', url: URL, response: ServerResponse): Promise<void> => {
    const seconds = Number(url.searchParams.get('seconds') ?? 10);
    if (!config.profiling) return text(response, 403, 'Profiles are switched off: profiling: true switches them on.');
    if (!(seconds > 0 && seconds <= MAX_PROFILE_SECONDS)) {
      return text(response, 400, `seconds must be a number up to ${MAX_PROFILE_SECONDS}.`);
    }
    if (profiling) return text(response, 409, 'A profile is being taken: try again when it is done.');
    profiling = true;
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    try {
      const taken = await takeProfile(type, seconds, AbortSignal.any([stopping.signal, gone.signal]));
      const name = `bpflow-${process.pid}.${type === 'cpu' ? 'cpuprofile' : 'heapprofile'}`;
      response
        .writeHead(200, { 'Content-Type': 'application/json', 'Content-Disposition': `attachment; filename="${name}"` })
        .end(taken);
    } finally {
      profiling = false;
    }
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    request.resume();
    if (request.method !== 'GET' && request.method !== 'HEAD') return text(response, 405, 'Only GET is allowed.');
    const url = new URL(request.url ?? '/', 'http://zpages');
    const [, type] = /^\/debug\/profile\/(cpu|heap)$/.exec(url.pathname) ?? [];
    if (type !== undefined) return profile(type as 'cpu' | 'heap', url, response);
    if (url.pathname === '/' || url.pathname === '/debug' || url.pathname === '/debug/') {
      return send(response, page('bpflow', LINKS, html`<p>Choose a page.</p>`));
    }
    const found = PAGES[url.pathname];
    if (found === undefined) return text(response, 404, '404 page not found');
    send(response, page(found.title, LINKS, found.body({ ...sources, now: scope.clock.now() })));
  };

  const server = createServer(
    { headersTimeout: REQUEST_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS, connectionsCheckingInterval: 1000 },
    (request, response) => {
      answer(request, response).catch((thrown: unknown) => {
        scope.log.error('A page could not be made.', { error: asError(thrown).message });
        if (!response.headersSent) text(response, 500, 'The page could not be made; the log says why.');
      });
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  server.on('drop', () => server.closeIdleConnections());

  return {
    start: () =>
      new Promise((resolve, reject) => {
        const refuse = (cause: Error): void =>
          reject(
            new StartError(
              `cannot listen on ${formatEndpoint(config.endpoint)}: ${cause.message}; free it or set another "endpoint"`,
              { cause },
            ),
          );
        server.once('error', refuse);
        server.listen(config.endpoint, () => {
          server.off('error', refuse);
          server.on('error', (error) => scope.log.error('The pages have a problem.', { error: error.message }));
          const { address, port } = server.address() as AddressInfo;
          scope.health({ state: 'ok', summary: `Pages at http://${formatEndpoint({ host: address, port })}/.` });
          resolve();
        });
      }),
    stop: () =>
      new Promise((resolve) => {
        stopping.abort();
        if (!server.listening) return resolve();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function send(response: ServerResponse, body: string): void {
  response
    .writeHead(200, {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'",
      'X-Content-Type-Options': 'nosniff',
    })
    .end(body);
}

function text(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' }).end(`${body}\n`);
}
