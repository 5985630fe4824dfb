import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createSecureServer, type Http2SecureServer, type Http2Server, type SecureServerOptions } from 'node:http2';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { Receiver } from 'bpflow/sdk';
import { collectingConsumer, type FakeScope, fakeScope } from 'bpflow/testing';
import spec from '../../receivers/hubble/index.ts';
import { cart, flowMessage, frontend } from '../../receivers/hubble/test/messages.ts';
import { root } from './agent-process.ts';
import { HubbleService } from './hubble-service.ts';

const pem = (name: string): string => join(root, 'sdk', 'transport', 'testdata', 'tls', `${name}.pem`);
const read = (name: string): Buffer => readFileSync(pem(name));

interface Connection {
  readonly kind: string;
  readonly reason: string;
}

/** A receiver that follows, with a clock that the test moves. */
class Following implements AsyncDisposable {
  readonly scope: FakeScope = fakeScope('receiver', 'hubble');
  readonly #receiver: Receiver;

  constructor(config: Readonly<Record<string, unknown>>) {
    this.#receiver = spec.create(spec.config.parse(config), this.scope, { metrics: collectingConsumer() });
    void this.#receiver.start?.();
  }

  get connection(): Connection {
    return this.scope.view('connection') as Connection;
  }

  get messages(): readonly string[] {
    return this.scope.logs.map(({ message, fields }) => `${message} ${JSON.stringify(fields ?? {})}`);
  }

  async until(isSo: () => boolean, stepMs = 0): Promise<void> {
    for (const end = Date.now() + 10_000; Date.now() < end; await wait(5)) {
      if (isSo()) return;
      if (stepMs > 0) this.scope.clock.advance(stepMs);
    }
    assert.fail(`${JSON.stringify(this.connection)}\n${this.messages.join('\n')}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#receiver.stop?.();
  }
}

async function secure(options: SecureServerOptions): Promise<Http2SecureServer> {
  const server = createSecureServer({ cert: read('server'), key: read('server-key'), ...options });
  server.on('sessionError', () => {});
  server.on('tlsClientError', () => {});
  await listening(server);
  return server;
}

async function listening(server: Http2Server | Http2SecureServer): Promise<void> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
}

describe('what is wrong with Hubble is said, with what to look at', () => {
  const client = (name: string) => ({ cert_file: pem(name), key_file: pem(`${name}-key`) });
  const wanted = { requestCert: true, rejectUnauthorized: true, ca: read('ca') };
  const served = (name: string) => ({ cert: read(name), key: read(`${name}-key`) });
  type Case = readonly [server: SecureServerOptions, tls: Readonly<Record<string, string>>, reason: RegExp];
  const cases: Readonly<Record<string, Case>> = {
    'an authority that is not known': [{}, { ca_file: pem('other-ca') }, /authority|not trusted/],
    'another name': [served('server-elsewhere'), { ca_file: pem('ca') }, /name/],
    'a name that server_name says wrong': [{}, { ca_file: pem('ca'), server_name: 'x.hubble-relay.cilium.io' }, /name/],
    'a certificate that has expired': [served('server-expired'), { ca_file: pem('ca') }, /expired/],
    'a certificate that is not valid yet': [
      served('server-future'),
      { ca_file: pem('ca') },
      /not (?:yet )?valid|not yet/,
    ],
    'no client certificate where one is wanted': [wanted, { ca_file: pem('ca') }, /certificate/],
    'TLS 1.2 and older': [{ maxVersion: 'TLSv1.2' }, { ca_file: pem('ca') }, /version|protocol/i],
  };
  for (const [what, [options, tls, expected]] of Object.entries(cases)) {
    test(what, async () => {
      const server = await secure(options);
      try {
        const endpoint = `127.0.0.1:${(server.address() as AddressInfo).port}`;
        await using following = new Following({ endpoint, tls });
        await following.until(() => following.connection.kind === 'lost');
        const { reason } = following.connection;
        assert.match(reason, /^TLS with Hubble at 127\.0\.0\.1:\d+ failed: .*\. Check the certificates\.$/);
        assert.match(reason.replace('Check the certificates.', ''), expected);
        assert.equal(following.scope.lastHealth?.state, 'degraded');
        assert.ok(following.messages.some((line) => /hubble/.test(line) && line.includes('failed')));
      } finally {
        server.close();
      }
    });
  }

  const ended: Readonly<Record<string, readonly [SecureServerOptions, Readonly<Record<string, unknown>>]>> = {
    'a client certificate of a stranger': [wanted, { tls: { ca_file: pem('ca'), ...client('client-foreign') } }],
    'no TLS where it is wanted': [{}, { hubble_tls_enabled: false }],
  };
  for (const [what, [options, tls]] of Object.entries(ended)) {
    test(what, async () => {
      const server = await secure(options);
      try {
        const endpoint = `127.0.0.1:${(server.address() as AddressInfo).port}`;
        await using following = new Following({ endpoint, ...tls });
        await following.until(() => following.connection.kind === 'lost');
        assert.match(
          following.connection.reason,
          /does it want TLS, or none, and does it trust the certificate of this agent\?$/,
        );
      } finally {
        server.close();
      }
    });
  }

  test('TLS where there is none', async () => {
    await using hubble = await HubbleService.start([]);
    await using following = new Following({ endpoint: hubble.address, tls: { ca_file: pem('ca') } });
    await following.until(() => following.connection.kind === 'lost');
    assert.match(following.connection.reason, /^(TLS with Hubble at .* failed|Hubble at .* ended the connection)/);
  });

  test('a connection that is refused', async () => {
    const free = createServer().listen(0, '127.0.0.1');
    await once(free, 'listening');
    const { port } = free.address() as AddressInfo;
    free.close();
    await once(free, 'close');
    await using following = new Following({ endpoint: `127.0.0.1:${port}`, hubble_tls_enabled: false });
    await following.until(() => following.connection.kind === 'lost');
    assert.match(
      following.connection.reason,
      /refused: is Hubble Relay running \(kubectl -n kube-system get deploy hubble-relay\)/,
    );
    assert.ok(following.messages.some((line) => line.includes('No flows of hubble; it is tried again.')));
  });
});

describe('what is missing in the flows is said', () => {
  const flow = (i: number, more: object = {}): Uint8Array =>
    flowMessage({
      uuid: `00000000-0000-4000-b000-${String(i).padStart(12, '0')}`,
      verdict: 1,
      Type: 1,
      event_type: { type: 4 },
      traffic_direction: 1,
      source: frontend,
      destination: cart,
      l4: { UDP: { source_port: 40_000, destination_port: 8125 } },
      ...more,
    });
  const http = { Type: 2, event_type: { type: 129 }, l7: { type: 1, http: { method: 'GET' } } };
  const following = (hubble: HubbleService, more: object = {}): Following =>
    new Following({ endpoint: hubble.address, hubble_tls_enabled: false, max_flows_per_second: 0, ...more });
  const accepted = ({ scope }: Following): number => (scope.view('flows') as { accepted: number }).accepted;

  test('a server that sees flows, of which none comes', async () => {
    await using hubble = await HubbleService.start([]);
    await using receiver = following(hubble);
    await receiver.until(() => receiver.connection.kind === 'following');
    await receiver.until(
      () =>
        receiver.messages.some((line) =>
          /^The hubble server sees flows, and none comes: do include, exclude/.test(line),
        ),
      1000,
    );
  });

  test('a server that has seen none', async () => {
    await using hubble = await HubbleService.start([], { seen: 0 });
    await using receiver = following(hubble);
    await receiver.until(
      () => receiver.messages.some((line) => /^The hubble server has seen no flow: is Cilium the CNI/.test(line)),
      1000,
    );
  });

  const isTold = (line: string): boolean =>
    /^Flows of hubble come, but none of HTTP, gRPC or DNS: L7 visibility is off\./.test(line);
  test('flows of L4 alone', async () => {
    await using hubble = await HubbleService.start(Array.from({ length: 1200 }, (_, i) => flow(i)));
    await using receiver = following(hubble);
    await receiver.until(() => accepted(receiver) === 1200);
    await receiver.until(() => receiver.messages.some(isTold), 1000);
    assert.equal(receiver.messages.filter(isTold).length, 1);
  });

  test('nothing of it where there are flows of L7, or nobody wants them', async () => {
    const messages = Array.from({ length: 1200 }, (_, i) => flow(i));
    await using mixed = await HubbleService.start([...messages, flow(2000, http)]);
    await using some = following(mixed);
    await using unwanted = following(mixed, { collect_l7_flows: false });
    await some.until(() => accepted(some) === 1201);
    await unwanted.until(() => accepted(unwanted) === 1201);
    for (const receiver of [some, unwanted]) {
      for (let second = 0; second < 400; second++) receiver.scope.clock.advance(1000);
      assert.ok(!receiver.messages.some(isTold));
    }
  });
});
