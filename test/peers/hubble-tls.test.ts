import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { Follower } from './hubble-follower.ts';
import { HubbleServer } from './hubble-server.ts';
import { temporaryFolder, until } from './program.ts';
import { missing } from './programs.ts';

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
    'a closed port': [
      () => ({ endpoint: '127.0.0.1:1', hubble_tls_enabled: false }),
      /refused: is Hubble Relay running/,
    ],
    'no such socket': [() => ({ endpoint: `unix://${folder.path}/none.sock` }), /there is no such socket/],
  };
  test('of a connection that cannot be', async () => {
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
});
