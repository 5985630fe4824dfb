import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { parse } from 'yaml';
import { configurationOf, objectsOf } from '../deploy/manifests.ts';
import { Follower } from './hubble-follower.ts';
import { HubbleServer } from './hubble-server.ts';
import { temporaryFolder } from './program.ts';
import { missing } from './programs.ts';

const folder = temporaryFolder();
after(() => folder[Symbol.dispose]());

describe('agents of a DaemonSet that follow Relay', { skip: missing('hubble-server') }, () => {
  test('each get the flows of their own node, by the filter of deploy/kubernetes', async () => {
    const text = configurationOf(objectsOf('telemetryflow.yaml'));
    const includeOn = (node: string): unknown =>
      (parse(text.replaceAll('${env:NODE_NAME}', node)) as { receivers: { hubble: { include: unknown } } }).receivers
        .hubble.include;
    await using server = await HubbleServer.start({ folder: folder.path });
    const plain = { endpoint: server.plain, hubble_tls_enabled: false };
    await using own = new Follower({ ...plain, include: includeOn('node-a') });
    await using other = new Follower({ ...plain, include: includeOn('node') });
    await own.follows();
    await other.follows();
    await server.hasStreams(2);
    await server.feed(20, 'tcp=1,http=1');
    const fed = (await server.stats()).decoded['total']!['flows']!;
    await own.has(fed);
    assert.deepEqual([own.counts.accepted, other.counts.accepted], [fed, 0]);
  });
});
