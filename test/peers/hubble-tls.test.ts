import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { Cut } from './cut.ts';
import { Follower } from './hubble-follower.ts';
import { HubbleServer } from './hubble-server.ts';
import { temporaryFolder, until } from './program.ts';
import { missing, pathOf } from './programs.ts';

const skip = missing('hubble-server');
const folder = temporaryFolder();
after(() => folder[Symbol.dispose]());
const AGENT = 'node-a.demo.hubble-grpc.cilium.io';

describe('the hubble receiver says what is wrong', { skip }, () => {
  const reasons: Readonly<Record<string, [(server: HubbleServer) => Readonly<Record<string, unknown>>, RegExp]>> = {
    'an authority that is not trusted': [
      ({ tls }) => ({ endpoint: tls, tls: { server_name: AGENT } }),
      /TLS with Hubble at .* failed: .*(authority|not trusted)/,
    ],
    'another name': [
      ({ tls }) => ({ endpoint: tls, tls: { ca_file: `${folder.path}/ca.crt`, server_name: 'hubble.example.com' } }),
      /TLS with Hubble at .* failed: .*name/i,
    ],
    'no certificate where one is wanted': [
      ({ mtls }) => ({ endpoint: mtls, tls: { ca_file: `${folder.path}/ca.crt`, server_name: AGENT } }),
      /certificate/,
    ],
    'a certificate that its authority is not known by': [
      ({ mtls }) => ({
        endpoint: mtls,
        tls: {
          ca_file: `${folder.path}/ca.crt`,
          cert_file: `${folder.path}/stranger/client.crt`,
          key_file: `${folder.path}/stranger/client.key`,
          server_name: AGENT,
        },
      }),
      /TLS with Hubble at .* failed: .*(does not trust the authority|refuses) /,
    ],
    'TLS where there is none': [
      ({ plain }) => ({ endpoint: plain, tls: { ca_file: `${folder.path}/ca.crt`, server_name: AGENT } }),
      /TLS with Hubble at .* failed: .*does not speak TLS/,
    ],
    'a closed port': [
      () => ({ endpoint: '127.0.0.1:1', hubble_tls_enabled: false }),
      /refused: is Hubble Relay running/,
    ],
    'no such socket': [() => ({ endpoint: `unix://${folder.path}/none.sock` }), /there is no such socket/],
  };
  test('of a connection that cannot be', async () => {
    execFileSync(pathOf('hubble-server'), ['-tls-dir', join(folder.path, 'stranger'), '-certs-only']);
    await using server = await HubbleServer.start({ folder: folder.path });
    for (const [what, [config, expected]] of Object.entries(reasons)) {
      await using follower = new Follower(config(server));
      await until(
        () => follower.connection.kind === 'lost',
        () => `${what}: ${JSON.stringify(follower.connection)}`,
      );
      assert.match(follower.connection.reason, expected, what);
    }
  });

  test('of a server whose certificate has expired', async () => {
    const at = join(folder.path, 'expired');
    execFileSync(pathOf('hubble-server'), ['-tls-dir', at, '-certs-only']);
    for (const end of ['crt', 'key']) copyFileSync(join(at, `server-expired.${end}`), join(at, `server.${end}`));
    await using server = await HubbleServer.start({ folder: at });
    await using follower = new Follower({
      endpoint: server.tls,
      tls: { ca_file: join(at, 'ca.crt'), server_name: AGENT },
    });
    await until(
      () => follower.connection.kind === 'lost',
      () => JSON.stringify(follower.connection),
    );
    assert.match(follower.connection.reason, /TLS with Hubble at .* failed: the other end's certificate has expired/);
  });

  test('and picks up certificates that were renewed', async () => {
    const old = join(folder.path, 'rotating.crt');
    const key = join(folder.path, 'rotating.key');
    await using server = await HubbleServer.start({ folder: folder.path });
    copyFileSync(join(folder.path, 'relay.crt'), old);
    copyFileSync(join(folder.path, 'relay.key'), key);
    await using follower = new Follower({
      endpoint: server.mtls,
      tls: {
        ca_file: `${folder.path}/ca.crt`,
        cert_file: old,
        key_file: key,
        server_name: AGENT,
        reload_interval: '100ms',
      },
    });
    await follower.follows();
    copyFileSync(join(folder.path, 'client.crt'), old);
    copyFileSync(join(folder.path, 'client.key'), key);
    await until(
      () => follower.scope.logs.some(({ message }) => /changed/.test(message)),
      () => 'The files were not read again.',
    );
    await server.kill();
    await using again = await HubbleServer.start({ folder: folder.path, addresses: server.addresses });
    await until(
      () => follower.connection.kind === 'following' && follower.connection.streams === 2,
      () => JSON.stringify(follower.connection),
    );
    await again.hasStreams(1);
  });

  test('of all certificates and both authorities, renewed while flows come: none is lost, none comes twice', async () => {
    const before = join(folder.path, 'before');
    const renewed = join(folder.path, 'renewed');
    const own = join(folder.path, 'own');
    mkdirSync(own);
    execFileSync(pathOf('hubble-server'), ['-tls-dir', renewed, '-certs-only']);
    const pem = (at: string, name: string): string => readFileSync(join(at, name), 'utf8');
    await using server = await HubbleServer.start({ folder: before, ring: 65_535 });
    const put = (at: string, name: string, text: string): void => {
      // A file is never seen half written.
      writeFileSync(join(at, `${name}.new`), text, { mode: 0o600 });
      renameSync(join(at, `${name}.new`), join(at, name));
    };
    const pair = (at: string, name: string, from: string): void => {
      put(at, `${name}.key`, pem(from, `${name}.key`));
      put(at, `${name}.crt`, pem(from, `${name}.crt`));
    };
    const authorities = [pem(before, 'ca.crt'), pem(renewed, 'ca.crt')] as const;
    pair(own, 'client', before);
    put(own, 'ca.crt', authorities[0]);
    await using proxy = await Cut.to(server.mtls);
    await using follower = new Follower({
      endpoint: proxy.address,
      tls: {
        ca_file: join(own, 'ca.crt'),
        cert_file: join(own, 'client.crt'),
        key_file: join(own, 'client.key'),
        server_name: AGENT,
        reload_interval: '50ms',
      },
    });
    await follower.follows();
    await server.hasStreams(1);

    let isRenewed = false;
    const load = async (): Promise<void> => {
      while (!isRenewed) await server.feed(100, 'tcp=1,drop=1,udp=1', 2000);
    };
    const fed = load();
    const steps: readonly (() => void)[] = [
      () => {
        put(own, 'ca.crt', authorities.join(''));
        put(before, 'ca.crt', authorities.join(''));
      },
      () => pair(own, 'client', renewed),
      () => pair(before, 'server', renewed),
      () => {
        put(own, 'ca.crt', authorities[1]);
        put(before, 'ca.crt', authorities[1]);
      },
    ];
    try {
      for (const step of steps) {
        const { streams } = follower.connection;
        const { accepted } = follower.counts;
        step();
        // Both sides look at their files by themselves, and a try in between may fail.
        await wait(1000);
        proxy.cut();
        proxy.mend();
        await until(
          () => follower.connection.kind === 'following' && follower.connection.streams > streams,
          () => JSON.stringify(follower.connection),
        );
        await follower.has(accepted + 1);
      }
    } finally {
      isRenewed = true;
      await fed;
    }
    const flows = (await server.stats()).decoded['total']!['flows']!;
    await follower.has(flows);
    assert.equal(follower.counts.accepted, flows);
    assert.equal(follower.counts.lost, 0);
  });
});

describe('the short keys of the hubble receiver', { skip }, () => {
  test('name the files for mutual TLS: flows come, and none without the certificate', async () => {
    const at = join(folder.path, 'short');
    execFileSync(pathOf('hubble-server'), ['-tls-dir', at, '-certs-only']);
    // They have no server_name: the address is the name.
    for (const end of ['crt', 'key']) copyFileSync(join(at, `server-localhost.${end}`), join(at, `server.${end}`));
    await using server = await HubbleServer.start({ folder: at });
    const trusted = { hubble_address: server.mtls, hubble_tls_enabled: true, hubble_tls_ca: join(at, 'ca.crt') };
    const own = { hubble_tls_cert: join(at, 'client.crt'), hubble_tls_key: join(at, 'client.key') };
    await using follower = new Follower({ ...trusted, ...own });
    await follower.follows();
    await server.hasStreams(1);
    await server.feed(5);
    await follower.has((await server.stats()).decoded['total']!['flows']!);
    await using stranger = new Follower(trusted);
    await until(
      () => stranger.connection.kind === 'lost',
      () => JSON.stringify(stranger.connection),
    );
    assert.match(stranger.connection.reason, /certificate/);
  });
});
