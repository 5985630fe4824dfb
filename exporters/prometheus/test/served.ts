import { once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import { request } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { connect, type Socket } from 'node:net';
import { afterEach } from 'node:test';
import type { ConnectionOptions } from 'node:tls';
import {
  attributeSet,
  EMPTY_RESOURCE,
  EMPTY_SCOPE,
  type Exporter,
  gauge,
  metricBatch,
  NumberPointsBuilder,
  SERVER_AUTH,
  SeriesInterner,
  type ServerAuth,
  type Upstream,
} from 'bpflow/sdk';
import { type FakeScope, fakeScope } from 'bpflow/testing';
import { prometheusConfig } from '../config.ts';
import { createPrometheusExporter } from '../exporter.ts';

/** An exporter that listens on a free port, with the calls that tests make to it. */
export class Served {
  static readonly all: Served[] = [];
  readonly scope: FakeScope;
  readonly exporter: Exporter;
  readonly #interner = new SeriesInterner();
  #port = 0;

  /** `auth` is the service of an extension `basic_auth/test`. */
  constructor(config: Record<string, unknown> = {}, upstream: Partial<Upstream> = {}, auth?: ServerAuth) {
    this.scope = fakeScope('exporter', 'prometheus', {
      extensions: auth === undefined ? [] : [[SERVER_AUTH, 'basic_auth/test', auth]],
    });
    this.exporter = createPrometheusExporter(
      prometheusConfig.parse({ endpoint: '127.0.0.1:0', ...config }),
      this.scope,
      { pullable: false, collect: () => Promise.resolve('fresh'), ...upstream },
    );
    Served.all.push(this);
  }

  async start(): Promise<this> {
    await this.exporter.start?.();
    this.#port = Number(/:(\d+)\/metrics/.exec(this.scope.lastHealth?.summary ?? '')![1]);
    return this;
  }

  get port(): number {
    return this.#port;
  }

  /** Gives all series this value. */
  take(value: number, series = 1, padding = 0): this {
    const builder = new NumberPointsBuilder({ integer: true });
    for (let i = 0; i < series; i++) {
      const attributes = attributeSet({ i: String(i).padStart(padding, '0') });
      builder.add(this.#interner.intern(EMPTY_RESOURCE, EMPTY_SCOPE, attributes), value);
    }
    const names = { name: 'x', unit: '', description: 'Text.' };
    const metric = gauge(names, this.#interner.table, builder.take(1n, 0n));
    void this.exporter.consume.metrics!(metricBatch([metric]), new AbortController().signal);
    return this;
  }

  async get(path = '/metrics', headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
    const client = request({ host: '127.0.0.1', port: this.#port, path, headers, method, agent: false }).end();
    const [response] = await once(client, 'response');
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    return { status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) };
  }

  /** By TLS; rejects with what the client meets. */
  async getByTls(tls: ConnectionOptions, headers: Record<string, string> = {}): Promise<Answer & { serial: string }> {
    const options = { host: '127.0.0.1', port: this.#port, path: '/metrics', headers, agent: false, ...tls };
    const client = tlsRequest(options).end();
    const [response] = await once(client, 'response');
    const { serialNumber } = response.socket.getPeerCertificate();
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    return {
      status: response.statusCode,
      headers: response.headers,
      body: Buffer.concat(chunks),
      serial: serialNumber,
    };
  }

  /** Requests answered so far with this outcome. */
  scrapes(outcome: string): unknown {
    return this.scope.meter.value('bpflow_prometheus_scrapes', { exporter: 'prometheus', outcome });
  }

  async text(): Promise<string> {
    return (await this.get()).body.toString();
  }

  /** A bare connection that has sent some bytes. */
  async raw(bytes: string): Promise<Socket> {
    const socket = connect(this.#port, '127.0.0.1');
    socket.on('error', () => {});
    await once(socket, 'connect');
    socket.write(bytes);
    return socket;
  }
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

afterEach(async () => {
  for (const served of Served.all.splice(0)) await served.exporter.stop?.();
});
