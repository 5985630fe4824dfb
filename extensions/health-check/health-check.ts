import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AGENT, type Agent, type Component, type Scope, StartError } from 'bpflow/sdk';
import type { HealthCheckConfig } from './config.ts';

const REQUEST_TIMEOUT_MS = 5000;
const MAX_CONNECTIONS = 128;

/** Answers 200 while every component runs, 503 before and after, with the Collector's bodies. */
export function createHealthCheck(config: HealthCheckConfig, scope: Scope): Component {
  const agent = scope.get(AGENT);
  const server = createServer(
    { headersTimeout: REQUEST_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS, connectionsCheckingInterval: 1000 },
    (request, response) => answer(request, response, config, agent, scope.clock.now()),
  );
  server.maxConnections = MAX_CONNECTIONS;
  server.on('drop', () => server.closeIdleConnections());
  return {
    start: () =>
      new Promise((resolve, reject) => {
        const { host, port } = config.endpoint;
        const refuse = (error: NodeJS.ErrnoException): void =>
          reject(
            new StartError(
              error.code === 'EADDRINUSE'
                ? `cannot listen on ${host}:${port}: the address is in use, by another process or by another component of this configuration; free it or set another "endpoint"`
                : `cannot listen on ${host}:${port}: ${error.message}; set another "endpoint"`,
              { cause: error },
            ),
          );
        server.once('error', refuse);
        server.listen({ host, port }, () => {
          server.off('error', refuse);
          server.on('error', (error) =>
            scope.log.error('The health check has a problem with its listener.', { error: error.message }),
          );
          const { address, family, port: actual } = server.address() as AddressInfo;
          const shown = family === 'IPv6' ? `[${address}]` : address;
          scope.health({ state: 'ok', summary: `Answers at http://${shown}:${actual}${config.path}.` });
          resolve();
        });
      }),
    stop: () =>
      new Promise((resolve) => {
        if (!server.listening) return resolve();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  config: HealthCheckConfig,
  agent: Agent,
  now: bigint,
): void {
  request.resume();
  if (config.path !== '/' && request.url?.split('?', 1)[0] !== config.path) {
    response.writeHead(404, { 'Content-Type': 'text/plain; charset=utf-8' }).end('404 page not found\n');
    return;
  }
  const ready = agent.ready();
  const status = ready ? 200 : 503;
  if (config.response_body !== undefined) {
    const { healthy, unhealthy } = config.response_body;
    response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' }).end(ready ? healthy : unhealthy);
    return;
  }
  const since = agent.readySince;
  response
    .writeHead(status, { 'Content-Type': 'application/json' })
    .end(
      JSON.stringify(
        ready && since !== undefined
          ? { status: 'Server available', upSince: rfc3339(since), uptime: goDuration(now - since) }
          : { status: 'Server not available', upSince: '0001-01-01T00:00:00Z', uptime: '' },
      ),
    );
}

/** Nanoseconds since 1970 as Go prints a time in JSON: `2026-11-21T02:15:04.029928283Z`. */
export function rfc3339(time: bigint): string {
  const second = 1_000_000_000n;
  const whole = new Date(Number(time / second) * 1000).toISOString().slice(0, 19);
  const fraction = String(time % second)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return fraction === '' ? `${whole}Z` : `${whole}.${fraction}Z`;
}

/** Nanoseconds as Go prints a duration: `1.173223837s`, `2h3m0.5s`, `15ms`, `0s`. */
export function goDuration(ns: bigint): string {
  if (ns <= 0n) return '0s';
  if (ns < 1_000n) return `${ns}ns`;
  if (ns < 1_000_000n) return `${decimal(ns, 3)}µs`;
  if (ns < 1_000_000_000n) return `${decimal(ns, 6)}ms`;
  const seconds = ns / 1_000_000_000n;
  const hours = seconds / 3600n;
  const minutes = (seconds / 60n) % 60n;
  const rest = `${decimal(ns % 60_000_000_000n, 9)}s`;
  if (hours > 0n) return `${hours}h${minutes}m${rest}`;
  return minutes > 0n ? `${minutes}m${rest}` : rest;
}

/** n / 10^digits without trailing zeros. */
function decimal(n: bigint, digits: number): string {
  const text = String(n).padStart(digits + 1, '0');
  const fraction = text.slice(-digits).replace(/0+$/, '');
  return fraction === '' ? text.slice(0, -digits) : `${text.slice(0, -digits)}.${fraction}`;
}
