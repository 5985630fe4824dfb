import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect as connectPlain, createServer as createPlainServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, describe, test } from 'node:test';
import { type ConnectionOptions, connect, createServer } from 'node:tls';
import { fakeScope } from 'bpflow/testing';
import {
  describeTlsError,
  openClientTls,
  openServerTls,
  type TlsClientSettings,
  type TlsServerSettings,
  tlsClientSettings,
  tlsServerSettings,
} from 'bpflow/transport';

const certificates = join(import.meta.dirname, 'testdata', 'tls');
const file = (name: string): string => join(certificates, `${name}.pem`);
const folder = mkdtempSync(join(tmpdir(), 'bpflow-tls-'));
after(() => rmSync(folder, { recursive: true }));

const closing: { close(): unknown }[] = [];
afterEach(() => {
  for (const opened of closing.splice(0)) opened.close();
});

const serverSettings = (more: Record<string, unknown> = {}): TlsServerSettings =>
  tlsServerSettings().parse({ cert_file: file('server'), key_file: file('server-key'), ...more })!;
const clientSettings = (more: Record<string, unknown> = {}): TlsClientSettings =>
  tlsClientSettings().parse({ ca_file: file('ca'), ...more })!;

/** A TLS server that says `hello` to whom it lets in. */
async function listen(settings: TlsServerSettings, scope = fakeScope()) {
  const tls = openServerTls(settings, scope);
  const server = createServer(tls.options, (socket) => socket.on('error', () => {}).end('hello'));
  tls.attach(server);
  const problems: string[] = [];
  server.on('tlsClientError', (error, socket) => problems.push(describeTlsError(error, socket)));
  closing.push(tls, server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, scope, problems, tls };
}

/** Resolves to the serial number of the server's certificate once the server has answered; rejects with the sentence of the problem. */
function greet(port: number, options: ConnectionOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, ...options });
    let serial = '';
    socket.on('secureConnect', () => {
      serial = socket.getPeerCertificate().serialNumber;
    });
    socket.on('data', () => resolve(serial));
    socket.on('error', (error) => reject(new Error(describeTlsError(error))));
    socket.on('close', () => reject(new Error('closed without an answer')));
  });
}

function client(settings: TlsClientSettings | undefined, scope = fakeScope()) {
  const tls = openClientTls(settings, scope);
  closing.push(tls);
  return tls;
}

describe('a client', () => {
  test('trusts the authority of ca_file', async () => {
    const { port } = await listen(serverSettings());
    await greet(port, client(clientSettings()).connectOptions());
  });

  const refusals: readonly [name: string, server: Record<string, unknown>, client: Record<string, unknown>, RegExp][] =
    [
      [
        'an unknown authority',
        {},
        { ca_file: file('other-ca') },
        /the authority that signed .* is not trusted; put it into tls.ca_file/,
      ],
      [
        'a certificate for other names, which it lists',
        { cert_file: file('server-elsewhere'), key_file: file('server-elsewhere-key') },
        {},
        /certificate is for elsewhere.example, www.elsewhere.example, not for 127.0.0.1; .*server_name_override/,
      ],
      [
        'a certificate that is not yet valid',
        { cert_file: file('server-future'), key_file: file('server-future-key') },
        {},
        /not yet valid; is the clock of this machine right\?/,
      ],
      ['a server that is too old', { max_version: '1.2' }, { min_version: '1.3' }, /TLS version.*tls.min_version/],
      [
        'a server without a cipher suite in common',
        { max_version: '1.2', cipher_suites: ['TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384'] },
        { max_version: '1.2', cipher_suites: ['TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256'] },
        /no cipher suite/,
      ],
      [
        'being asked for a certificate it has not',
        { client_ca_file: file('ca') },
        {},
        /wants a certificate from this end; set tls.cert_file/,
      ],
    ];
  for (const [name, server, settings, expected] of refusals) {
    test(`tells of ${name}`, async () => {
      const { port } = await listen(serverSettings(server));
      await assert.rejects(greet(port, client(clientSettings(settings)).connectOptions()), expected);
    });
  }

  test('tells of an expired certificate', async () => {
    const scope = fakeScope();
    scope.clock.set(1_600_000_000_000_000_000n);
    const { port } = await listen(
      serverSettings({ cert_file: file('server-expired'), key_file: file('server-expired-key') }),
      scope,
    );
    await assert.rejects(greet(port, client(clientSettings()).connectOptions()), /certificate has expired/);
  });

  test('tells of a server that speaks no TLS', async () => {
    const server = createPlainServer((socket) => socket.on('error', () => {}).end('220 hello, this is plain text\r\n'));
    closing.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await assert.rejects(greet(port, client(clientSettings()).connectOptions()), /does not speak TLS on this port/);
  });

  test('takes another name than that of the endpoint', async () => {
    const { port } = await listen(
      serverSettings({ cert_file: file('server-elsewhere'), key_file: file('server-elsewhere-key') }),
    );
    await greet(port, client(clientSettings({ server_name_override: 'elsewhere.example' })).connectOptions());
    await greet(port, client(clientSettings({ insecure_skip_verify: true })).connectOptions());
  });

  test('shows its certificate', async () => {
    const { port } = await listen(serverSettings({ client_ca_file: file('ca') }));
    const settings = clientSettings({ cert_file: file('client'), key_file: file('client-key') });
    await greet(port, client(settings).connectOptions());
  });

  test('trusts the authorities of the machine by default, and speaks no TLS when told so', async () => {
    const { port } = await listen(serverSettings());
    assert.equal(client(undefined).insecure, false);
    await assert.rejects(greet(port, client(undefined).connectOptions()), /is not trusted/);
    assert.equal(client(tlsClientSettings().parse({ insecure: true })).insecure, true);
    assert.equal(client(clientSettings({ insecure: true })).insecure, false);
  });

  test('uses renewed files for new connections', async () => {
    const ca = join(folder, 'client-ca.pem');
    cpSync(file('other-ca'), ca);
    const scope = fakeScope();
    const tls = client(clientSettings({ ca_file: ca }), scope);
    const { port } = await listen(serverSettings());
    await assert.rejects(greet(port, tls.connectOptions()), /not trusted/);
    cpSync(file('ca'), ca);
    assert.equal(tls.changed, 0);
    scope.clock.advance(5000);
    assert.equal(tls.changed, 1);
    await greet(port, tls.connectOptions());
  });
});

describe('a server', () => {
  test('tells of clients that it does not let in', async () => {
    const { port, problems } = await listen(serverSettings({ client_ca_file: file('ca') }));
    const told = async (options: Record<string, unknown>, expected: RegExp): Promise<void> => {
      problems.length = 0;
      await greet(port, client(clientSettings(options)).connectOptions()).catch(() => {});
      await until(() => problems.length > 0);
      assert.match(problems[0]!, expected);
    };
    await told({}, /showed no certificate, and client_ca_file demands one/);
    await told({ cert_file: file('client-foreign'), key_file: file('client-foreign-key') }, /is not trusted/);
    problems.length = 0;
    connectPlain(port, '127.0.0.1')
      .on('error', () => {})
      .end('GET / HTTP/1.1\r\n\r\n');
    await until(() => problems.length > 0);
    assert.match(problems[0]!, /plain HTTP to a port that expects TLS/);
  });

  test('lets no client in whose certificate has expired', async () => {
    const scope = fakeScope();
    scope.clock.set(1_600_000_000_000_000_000n);
    const { port, problems } = await listen(serverSettings({ client_ca_file: file('ca') }));
    const settings = clientSettings({ cert_file: file('client-expired'), key_file: file('client-expired-key') });
    await assert.rejects(greet(port, client(settings, scope).connectOptions()));
    await until(() => problems.length > 0);
    assert.match(problems[0]!, /the other end's certificate has expired/);
  });

  for (const [how, paths, renew] of [
    ['written in place', 'plain', replaceInPlace],
    ['renamed over', 'renamed', replaceByRename],
    ['behind a link that is moved, as Kubernetes does', 'linked', replaceByLink],
  ] as const) {
    test(`uses renewed files: ${how}`, async () => {
      const { cert, key } = renew(paths, 'server');
      const { port, scope } = await listen(serverSettings({ cert_file: cert, key_file: key }));
      const options = client(clientSettings()).connectOptions();
      const before = await greet(port, options);
      renew(paths, 'server-renewed');
      assert.equal(await greet(port, options), before);
      scope.clock.advance(5000);
      assert.notEqual(await greet(port, options), before);
      assert.match(scope.logs.at(-1)!.message, /TLS files have changed; new connections use the new ones/);
    });
  }

  test('looks as often as reload_interval says', async () => {
    const { cert, key } = replaceInPlace('interval', 'server');
    const { scope } = await listen(serverSettings({ cert_file: cert, key_file: key, reload_interval: '1m' }));
    replaceInPlace('interval', 'server-renewed');
    scope.clock.advance(59_000);
    assert.equal(scope.logs.length, 0);
    scope.clock.advance(1000);
    assert.equal(scope.logs.length, 1);
  });

  test('keeps the old files when the new ones cannot be used, says so once, and recovers', async () => {
    const { cert, key } = replaceInPlace('broken', 'server');
    const { port, scope } = await listen(serverSettings({ cert_file: cert, key_file: key }));
    const options = client(clientSettings()).connectOptions();
    const before = await greet(port, options);
    writeFileSync(cert, readFileSync(file('server-renewed')));
    scope.clock.advance(20_000);
    assert.equal(await greet(port, options), before);
    assert.deepEqual(
      scope.logs.map(({ level, fields }) => [level, fields?.['error']]),
      [['error', `tls: the key in key_file ${key} does not belong to the certificate in cert_file ${cert}`]],
    );
    writeFileSync(key, readFileSync(file('server-renewed-key')));
    scope.clock.advance(5000);
    assert.notEqual(await greet(port, options), before);
  });

  test('stops looking when it is closed', async () => {
    const { tls, scope } = await listen(serverSettings());
    tls.close();
    tls.close();
    assert.equal(scope.clock.pending, 0);
  });
});

describe('what a server cannot start with', () => {
  const text = join(folder, 'text.pem');
  writeFileSync(text, 'not a certificate');
  const damaged = join(folder, 'damaged.pem');
  writeFileSync(damaged, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
  const cases: readonly [name: string, settings: Record<string, unknown>, expected: string][] = [
    ['a missing file', { cert_file: '/no/such.pem' }, 'tls: cert_file /no/such.pem does not exist'],
    ['a folder', { key_file: folder }, `tls: key_file ${folder} is not a file`],
    ['a text', { cert_file: text }, `tls: cert_file ${text} holds no certificate in PEM form`],
    [
      'a key as certificate',
      { cert_file: file('server-key') },
      `tls: cert_file ${file('server-key')} holds no certificate in PEM form, but an EC PRIVATE KEY`,
    ],
    ['a damaged certificate', { cert_file: damaged }, `tls: certificate 1 in cert_file ${damaged} is damaged`],
    [
      'a certificate as key',
      { key_file: file('server') },
      `tls: key_file ${file('server')} holds no private key in PEM form`,
    ],
    [
      'the key of another certificate',
      { key_file: file('client-key') },
      `tls: the key in key_file ${file('client-key')} does not belong to the certificate in cert_file ${file('server')}`,
    ],
    [
      'an expired certificate',
      { cert_file: file('server-expired'), key_file: file('server-expired-key') },
      `tls: the certificate in cert_file ${file('server-expired')} expired at 2021-01-01T00:00:00.000Z; renew it`,
    ],
    [
      'clients of no authority',
      { client_ca_file: text },
      `tls: client_ca_file ${text} holds no certificate in PEM form`,
    ],
  ];
  for (const [name, settings, message] of cases) {
    test(name, () => {
      assert.throws(() => openServerTls(serverSettings(settings), fakeScope()), { name: 'StartError', message });
    });
  }

  test('errors never show a key', () => {
    const pem = '-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n';
    const settings = tlsServerSettings().parse({ cert_file: file('server'), key_pem: pem })!;
    assert.throws(
      () => openServerTls(settings, fakeScope()),
      (error: Error) => error.message === 'tls: the key in key_pem is damaged' && error.cause === undefined,
    );
  });
});

test('the settings are refused where they make no sense', () => {
  const problems = (
    schema: { safeParse(value: unknown): { error?: { issues: readonly { message: string }[] } | undefined } },
    value: unknown,
  ) => (schema.safeParse(value).error?.issues ?? []).map(({ message }) => message);
  const pair = { cert_file: 'a', key_file: 'b' };
  const server = tlsServerSettings();
  assert.match(problems(server, {})[0]!, /a server needs a certificate/);
  assert.match(problems(server, { cert_file: 'a' })[0]!, /provide both certificate and key/);
  assert.match(problems(tlsClientSettings(), { key_file: 'a' })[0]!, /provide both certificate and key/);
  assert.match(problems(server, { ...pair, cert_pem: 'x' })[0]!, /either cert_file or cert_pem/);
  assert.match(problems(server, { ...pair, min_version: 1.2 })[0]!, /in quotes/);
  assert.match(problems(server, { ...pair, max_version: '1.1' })[0]!, /max_version 1.1 is below min_version 1.2/);
  assert.match(problems(server, { ...pair, cipher_suites: ['RC4'] })[0]!, /unknown cipher suite "RC4"/);
  assert.deepEqual(problems(server, undefined), []);
  assert.deepEqual(problems(tlsClientSettings(), { insecure: true }), []);
});

test('errors of libraries that keep only the text are told alike', () => {
  const grpc = (text: string): string =>
    describeTlsError(`No connection established. Last error: ${text}. Resolution note: `);
  assert.match(grpc('unable to verify the first certificate'), /is not trusted/);
  assert.match(grpc('self-signed certificate in certificate chain'), /is not trusted/);
  assert.match(grpc('certificate has expired'), /has expired/);
  assert.equal(describeTlsError(new Error('connect ECONNREFUSED')), 'connect ECONNREFUSED');
});

function replaceInPlace(name: string, source: string) {
  const cert = join(folder, `${name}.pem`);
  const key = join(folder, `${name}-key.pem`);
  writeFileSync(cert, readFileSync(file(source)));
  writeFileSync(key, readFileSync(file(`${source}-key`)));
  return { cert, key };
}

function replaceByRename(name: string, source: string) {
  const next = replaceInPlace(`${name}-next`, source);
  const cert = join(folder, `${name}.pem`);
  const key = join(folder, `${name}-key.pem`);
  renameSync(next.cert, cert);
  renameSync(next.key, key);
  return { cert, key };
}

function replaceByLink(name: string, source: string) {
  const target = mkdtempSync(join(folder, `${name}-`));
  cpSync(file(source), join(target, 'tls.pem'));
  cpSync(file(`${source}-key`), join(target, 'tls-key.pem'));
  const link = join(folder, name);
  try {
    unlinkSync(link);
  } catch {
    // The first time there is none.
  }
  symlinkSync(target, link);
  return { cert: join(link, 'tls.pem'), key: join(link, 'tls-key.pem') };
}

async function until(done: () => boolean): Promise<void> {
  for (let turn = 0; turn < 500 && !done(); turn++) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.ok(done());
}
