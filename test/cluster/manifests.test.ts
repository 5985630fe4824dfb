import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type KubernetesObject, objectsOf } from '../deploy/manifests.ts';
import { KubeApiServer, reasonToSkip } from './kube-api-server.ts';

const skip = reasonToSkip();
const files = ['namespace.yaml', 'rbac.yaml', 'config.yaml', 'daemonset.yaml', 'telemetryflow.yaml'];

describe('the manifests of deploy/kubernetes', { skip: skip ?? false }, () => {
  let server: KubeApiServer;
  before(async () => {
    server = await KubeApiServer.start();
    // What is in a namespace cannot be tried before there is one.
    for (const object of files.flatMap(objectsOf)) if (object.kind === 'Namespace') await server.apply(object);
  });
  after(async () => {
    await server?.stop();
  });

  for (const file of files) {
    test(`${file} is taken by a real API server, to the last field`, async () => {
      for (const object of objectsOf(file)) {
        const { status, body } = await tried(server, object);
        assert.ok(status < 300, `${object.kind}: ${status} ${JSON.stringify(body).slice(0, 500)}`);
      }
    });
  }

  test('a field that there is not would be refused, and an agent with rights where there may be none', async () => {
    const [daemon] = objectsOf('telemetryflow.yaml').filter(({ kind }) => kind === 'DaemonSet');
    const text = JSON.stringify(daemon);
    const misspelt = JSON.parse(text.replace('"readOnlyRootFilesystem"', '"readOnlyRoot"')) as KubernetesObject;
    const refused = await tried(server, misspelt);
    assert.ok(refused.status >= 400);
    assert.match(JSON.stringify(refused.body), /readOnlyRoot: field not declared in schema/);
    const metadata = { name: 'default', namespace: 'telemetryflow' };
    await server.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata });
    const pod = (JSON.parse(text) as { spec: { template: { spec: object } } }).spec.template;
    const asPod = (spec: object): KubernetesObject => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'agent', namespace: 'telemetryflow' },
      spec,
    });
    const good = await tried(server, asPod(pod.spec));
    assert.ok(good.status < 300, JSON.stringify(good.body));
    const wrong = await tried(server, asPod({ ...pod.spec, hostPID: true }));
    assert.equal(wrong.status, 403);
    assert.match(JSON.stringify(wrong.body), /violates PodSecurity.*hostPID=true/);
  });
});

/** Tries to make it; nothing is kept, and nothing that it says is left out. */
function tried(server: KubeApiServer, object: KubernetesObject) {
  const { apiVersion, kind, metadata } = object;
  const base = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const place = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
  const path = `${base}${place}/${kind.toLowerCase()}s/${metadata.name}`;
  const query = 'dryRun=All&fieldValidation=Strict&fieldManager=test&force=true';
  return server.api('PATCH', `${path}?${query}`, object, 'application/apply-patch+yaml');
}
