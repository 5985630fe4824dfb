import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { z } from 'zod';
import { fakeScope } from '../testing/index.ts';
import { openKubernetes } from './open-kubernetes.ts';
import { connectionFields, podFilterField } from './settings.ts';
import { refuse } from './test/fake-api-server.ts';
import { pod, World } from './test/world.ts';

const folder = mkdtempSync(join(tmpdir(), 'bpflow-access-'));
after(() => rmSync(folder, { recursive: true }));
const schema = z.object({ ...connectionFields(), filter: podFilterField() });

function open(settings: unknown, environment: NodeJS.ProcessEnv = {}) {
  const scope = fakeScope('extension', 'kubernetes');
  const parsed = { ...schema.parse(settings), endpoints: false, max_pods: 10 };
  return { scope, opened: openKubernetes(parsed, scope, { environment }) };
}

test('outside a pod a service account is not an error: nothing is known, and the reason is told', async () => {
  const { scope, opened } = open({});
  opened.start();
  assert.equal(scope.lastHealth?.state, 'unavailable');
  assert.match(scope.lastHealth!.summary, /KUBERNETES_SERVICE_HOST is not set/);
  assert.equal(opened.kubernetes.synced, false);
  await assert.rejects(opened.kubernetes.ready(), { name: 'StartError', message: /auth_type: kubeConfig/ });
  await opened.stop();
});

test('a service account without its files stops the start', () => {
  const environment = { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: '1' };
  const { opened } = open({ service_account_path: join(folder, 'none') }, environment);
  assert.throws(() => opened.start(), { name: 'StartError', message: /ca\.crt does not exist/ });
});

test('a node that the environment does not name stops the start', () => {
  const settings = { filter: { node_from_env_var: 'NODE_NAME' } };
  assert.throws(() => open(settings), { name: 'StartError', message: /NODE_NAME is not set.*spec\.nodeName/ });
  open(settings, { NODE_NAME: 'node-1' });
});

describe('a kubeconfig is refused when', () => {
  const good = {
    'current-context': 'c',
    contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
    clusters: [{ name: 'k', cluster: { server: 'https://127.0.0.1:1' } }],
    users: [{ name: 'u', user: { token: 'the-secret' } }],
  };
  const user = (settings: object) => ({ ...good, users: [{ name: 'u', user: settings }] });
  const cases: readonly (readonly [string, unknown, RegExp])[] = [
    ['it names no context', { ...good, 'current-context': '' }, /there is no current-context; set `context`/],
    ['its context does not exist', { ...good, contexts: [] }, /there is no context "c"/],
    ['its cluster does not exist', { ...good, clusters: [] }, /there is no cluster "k"/],
    ['its user does not exist', { ...good, users: [] }, /there is no user "u"/],
    ['its server is no URL', { ...good, clusters: [{ name: 'k', cluster: { server: 'here' } }] }, /"here" is no URL/],
    ['a program must be run for credentials', user({ exec: { command: 'aws' } }), /the user's `exec` is not run/],
    [
      'its authority is missing',
      { ...good, clusters: [{ name: 'k', cluster: { server: 'https://a', 'certificate-authority': 'none.crt' } }] },
      /none\.crt does not exist/,
    ],
    ['its key is none', user({ 'client-certificate-data': 'eA==', 'client-key-data': 'eA==' }), /holds no certificate/],
  ];
  for (const [what, content, message] of cases) {
    test(what, () => {
      const path = join(folder, 'config');
      writeFileSync(path, JSON.stringify(content));
      const { opened } = open({ auth_type: 'kubeConfig', kube_config_path: path });
      assert.throws(
        () => opened.start(),
        (error: Error) => {
          assert.match(error.message, message);
          assert.doesNotMatch(error.message, /the-secret/);
          return error.name === 'StartError';
        },
      );
    });
  }

  test('it is no YAML; the message quotes nothing', () => {
    const path = join(folder, 'config');
    writeFileSync(path, 'token: "the-secret\n');
    const { opened } = open({ auth_type: 'kubeConfig', kube_config_path: path });
    assert.throws(() => opened.start(), { message: `kube_config_path: ${path} is no valid YAML` });
  });
});

test("several files of $KUBECONFIG count together; basic credentials and fixed tokens are the user's", async () => {
  await using world = await World.start();
  const [first, second] = [join(folder, 'first'), join(folder, 'second')];
  const clusters = [{ name: 'k', cluster: { server: `http://127.0.0.1:${world.server.port}/prefix/` } }];
  writeFileSync(first, JSON.stringify({ clusters, 'current-context': 'a' }));
  const contexts = ['a', 'b'].map((name) => ({ name, context: { cluster: 'k', user: name } }));
  const users = [
    { name: 'a', user: { token: 't' } },
    { name: 'b', user: { username: 'n', password: 'p' } },
  ];
  writeFileSync(second, JSON.stringify({ contexts, users }));
  const seen: (string | undefined)[] = [];
  world.server.fault(({ path, authorization }, response) => {
    seen.push(`${path} ${authorization}`);
    refuse(response, 503, 'x', 'x');
    return true;
  });
  for (const context of ['', 'b']) {
    const { scope, opened } = open({ auth_type: 'kubeConfig', context }, { KUBECONFIG: `${first}:${second}` });
    opened.start();
    scope.clock.advance(20);
    await world.until(() => seen.length === (context === '' ? 1 : 2), 'it asked');
    await opened.stop();
  }
  assert.deepEqual(seen, [
    '/prefix/api/v1/pods Bearer t',
    `/prefix/api/v1/pods Basic ${Buffer.from('n:p').toString('base64')}`,
  ]);
});

test('a kubelet is asked again and again; what it has no more is gone', async () => {
  await using world = await World.start();
  let pods = [pod('a'), pod('b')];
  world.server.fault(({ path }, response) => {
    assert.equal(path, '/pods');
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ kind: 'PodList', metadata: {}, items: pods }));
    return true;
  });
  const { scope, opened } = open({
    auth_type: 'kubelet',
    kubelet: { endpoint: `http://127.0.0.1:${world.server.port}` },
  });
  opened.start();
  scope.clock.advance(20);
  await opened.kubernetes.ready();
  const names = () => [...opened.kubernetes.pods()].map(({ name }) => name).join();
  assert.equal(names(), 'a,b');
  pods = [pod('b'), pod('c')];
  await world.until(() => {
    scope.clock.advance(1000);
    return names() === 'b,c';
  }, 'the change is known');
  world.server.fault((_, response) => {
    refuse(response, 403, 'Forbidden', 'no');
    return true;
  });
  await world.until(() => {
    scope.clock.advance(1000);
    return scope.lastHealth?.state === 'degraded';
  }, 'it is degraded');
  assert.match(scope.lastHealth!.summary, /resources: \["nodes\/pods"\], verbs: \["get"\]/);
  assert.equal(names(), 'b,c');
  await opened.stop();
});
