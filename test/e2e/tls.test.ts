import assert from 'node:assert/strict';
import { cpSync, readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type ConnectionOptions, connect, createServer, type TlsOptions } from 'node:tls';
import { AgentProcess, admin, root, temporaryFolder, until } from './agent-process.ts';
import { OtlpSink, postLogs } from './otlp-sink.ts';

const pem = (name: string): string => join(root, 'sdk', 'transport', 'testdata', 'tls', `${name}.pem`);
const read = (name: string): Buffer => readFileSync(pem(name));
const own = (name: string) => ({ cert_file: pem(name), key_file: pem(`${name}-key`) });
const protocols = ['grpc', 'http'] as const;

describe('TLS between running agents', () => {
  test('renewed certificates, keys and authorities of both ends are used, without a restart', async () => {
    using folder = temporaryFolder();
    await using sink = await OtlpSink.listen();
    const file = (name: string): string => join(folder.path, `${name}.pem`);
    const place = (name: string, source: string): void => cpSync(pem(source), file(name));
    const placePair = (name: string, source: string): void => {
      place(`${name}-key`, `${source}-key`);
      place(name, source);
    };
    placePair('server', 'server');
    placePair('client', 'client');
    place('client-ca', 'ca');
    const server = {
      ...{ cert_file: file('server'), key_file: file('server-key'), client_ca_file: file('client-ca') },
      reload_interval: '100ms',
    };
    await using gateway = await run(folder.path, {
      receivers: {
        otlp: { protocols: { grpc: { endpoint: LOCAL, tls: server }, http: { endpoint: LOCAL, tls: server } } },
      },
      exporters: { otlp_grpc: { endpoint: sink.endpoint, tls: { insecure: true } } },
    });
    const { gRPC, HTTP } = await addresses(gateway);
    const client = {
      ...{ ca_file: pem('ca'), cert_file: file('client'), key_file: file('client-key') },
      reload_interval: '100ms',
    };
    await using sidecar = await run(folder.path, {
      receivers: { otlp: { protocols: { http: { endpoint: LOCAL } } } },
      exporters: {
        otlp_grpc: { endpoint: gRPC, tls: client },
        otlp_http: { endpoint: `https://${HTTP}`, tls: client },
      },
    });
    const entry = `http://${(await addresses(sidecar)).HTTP}`;
    const arrives = async (id: number): Promise<void> => {
      assert.equal(await postLogs(entry, [id]), 200);
      await until(
        () => sink.delivered.get(id) === 2,
        () => `${sink.delivered.get(id)} of 2 arrived:\n${sidecar.log}\n${gateway.log}`,
      );
    };

    await arrives(1);
    const before = await handshake(gRPC!, { ca: read('ca'), cert: read('client'), key: read('client-key') });
    placePair('server', 'server-renewed');
    await until(
      () => count(gateway.log, 'TLS files have changed; new connections use the new ones.') === 2,
      () => gateway.log,
    );
    for (const address of [gRPC!, HTTP!]) {
      const renewed = await handshake(address, { ca: read('ca'), cert: read('client'), key: read('client-key') });
      assert.notEqual(renewed, before);
    }
    await arrives(2);

    // Another authority for clients: whose certificate it did not sign is out.
    placePair('client', 'client-foreign');
    place('client-ca', 'other-ca');
    await until(
      () =>
        count(gateway.log, 'TLS files have changed; new connections use the new ones.') === 4 &&
        count(sidecar.log, 'TLS files have changed; new connections use the new ones.') === 2,
      () => `${sidecar.log}\n${gateway.log}`,
    );
    for (const address of [gRPC!, HTTP!]) {
      await assert.rejects(handshake(address, { ca: read('ca'), cert: read('client'), key: read('client-key') }));
    }
    await arrives(3);
    await arrives(4);
  });

  const refused: Readonly<
    Record<string, { readonly server: string; readonly more?: TlsOptions; readonly client?: object; says: RegExp }>
  > = {
    'another name': {
      server: 'server-elsewhere',
      says: /certificate is for elsewhere\.example, .* not for 127\.0\.0\.1/,
    },
    'an expired certificate': { server: 'server-expired', says: /the other end's certificate has expired/ },
    'an unknown authority': {
      server: 'server',
      client: { ca_file: pem('other-ca') },
      says: /the authority that signed the other end's certificate is not trusted; put it into tls\.ca_file/,
    },
    'wanting a certificate from this end': {
      server: 'server',
      more: { ca: read('ca'), requestCert: true, rejectUnauthorized: true },
      says: /the other end wants a certificate from this end; set tls\.cert_file and tls\.key_file/,
    },
  };
  test('exporters say why they do not trust a server, and deliver nothing', async () => {
    using folder = temporaryFolder();
    const exporters: Record<string, object> = {};
    const received: string[] = [];
    await using servers = new AsyncDisposableStack();
    for (const [name, { server: certificate, more, client }] of Object.entries(refused)) {
      const server = createServer(
        { cert: read(certificate), key: read(`${certificate}-key`), ALPNProtocols: ['h2', 'http/1.1'], ...more },
        (socket) => socket.on('error', () => {}).on('data', (data) => received.push(`${name}: ${data}`)),
      );
      server.on('tlsClientError', () => {});
      servers.defer(() => void server.close());
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const endpoint = `127.0.0.1:${(server.address() as AddressInfo).port}`;
      const id = name.replaceAll(' ', '_');
      const tls = { ca_file: pem('ca'), ...client };
      exporters[`otlp_grpc/${id}`] = { endpoint, tls };
      exporters[`otlp_http/${id}`] = { endpoint: `https://${endpoint}`, tls };
    }
    await using agent = await run(folder.path, {
      receivers: { otlp: { protocols: { http: { endpoint: LOCAL } } } },
      exporters,
    });
    assert.equal(await postLogs(`http://${(await addresses(agent)).HTTP}`, [1]), 200);
    for (const [name, { says }] of Object.entries(refused)) {
      for (const protocol of protocols) {
        const id = `otlp_${protocol}/${name.replaceAll(' ', '_')}`;
        await until(
          () => agent.log.split('\n').some((line) => line.includes(id) && says.test(line)),
          () => `${id} does not say ${says}:\n${agent.log}`,
        );
      }
    }
    assert.deepEqual(received, []);
  });

  test('a receiver says why it lets a client not in', async () => {
    using folder = temporaryFolder();
    const cases: readonly (readonly [what: string, client: ConnectionOptions, says: RegExp])[] = [
      ['no certificate', {}, /the client showed no certificate, and client_ca_file demands one/],
      [
        'an unknown authority',
        { cert: read('client-foreign'), key: read('client-foreign-key') },
        /the authority that signed the other end's certificate is not trusted; .*client_ca_file/,
      ],
      [
        'an expired certificate',
        { cert: read('client-expired'), key: read('client-expired-key') },
        /the other end's certificate has expired/,
      ],
    ];
    const tls = { ...own('server'), client_ca_file: pem('ca') };
    for (const protocol of protocols) {
      await using agent = await run(folder.path, {
        receivers: { otlp: { protocols: { [protocol]: { endpoint: LOCAL, tls } } } },
        exporters: { debug: null },
      });
      const address = (await addresses(agent))[protocol === 'grpc' ? 'gRPC' : 'HTTP']!;
      for (const [what, client, says] of cases) {
        await assert.rejects(handshake(address, { ca: read('ca'), ...client }), `${protocol}: ${what}`);
        await until(
          () => says.test(agent.log),
          () => `${protocol}: ${what}: it does not say ${says}:\n${agent.log}`,
        );
      }
      await handshake(address, { ca: read('ca'), cert: read('client'), key: read('client-key') });
    }
  });

  test('no agent starts with an expired certificate of its own', async () => {
    using folder = temporaryFolder();
    const agent = new AgentProcess(
      [
        'run',
        '--config',
        `yaml:${JSON.stringify(
          configuration(folder.path, {
            receivers: { otlp: { protocols: { grpc: { endpoint: LOCAL, tls: own('server-expired') } } } },
            exporters: { debug: null },
          }),
        )}`,
      ],
      folder.path,
    );
    assert.notEqual(await agent.ended(), 0);
    assert.match(agent.log, /the certificate in cert_file \S+server-expired\.pem expired at 2021-01-01/);
  });
});

const LOCAL = '127.0.0.1:0';

interface Parts {
  readonly receivers: object;
  readonly exporters: object;
}

function configuration(folder: string, { receivers, exporters }: Parts): object {
  return {
    receivers,
    exporters,
    service: {
      admin: { endpoint: join(folder, `${Math.random().toString(36).slice(2)}.sock`) },
      telemetry: { metrics: { level: 'none' } },
      pipelines: { logs: { receivers: Object.keys(receivers), exporters: Object.keys(exporters) } },
    },
  };
}

function run(folder: string, parts: Parts): Promise<AgentProcess> {
  return AgentProcess.run(JSON.stringify(configuration(folder, parts)), folder);
}

/** Where its `otlp` receiver listens, by protocol. */
async function addresses(agent: AgentProcess): Promise<Readonly<Partial<Record<'gRPC' | 'HTTP', string>>>> {
  const health = JSON.stringify(await admin(agent.adminPath, '/v1/health'));
  const found = [...health.matchAll(/(127\.0\.0\.1:\d+) \((gRPC|HTTP)\)/g)].map(([, at, protocol]) => [protocol, at]);
  return Object.fromEntries(found) as Partial<Record<'gRPC' | 'HTTP', string>>;
}

/** The serial number of the server's certificate, once the server has let the client in; rejects when it does not. */
function handshake(address: string, options: ConnectionOptions): Promise<string> {
  const [host, port] = address.split(':');
  return new Promise((resolve, reject) => {
    const socket = connect({ host: host!, port: Number(port), ALPNProtocols: ['h2', 'http/1.1'], ...options });
    let serial = '';
    socket.on('secureConnect', () => {
      serial = socket.getPeerCertificate().serialNumber;
      // With TLS 1.3 the server has its say after the client's handshake is over: it answers whom it has let in.
      socket.write(
        socket.alpnProtocol === 'h2' ? 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' : 'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
      );
    });
    socket.on('data', () => {
      resolve(serial);
      socket.destroy();
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('closed without an answer')));
  });
}

function count(text: string, part: string): number {
  return text.split(part).length - 1;
}
