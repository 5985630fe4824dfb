/**
 * An API server of its own process with many pods, over TLS. Arguments: how many, the certificate, its key, and the kubeconfig that it writes
 * once it listens.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { FakeApiServer } from '../../sdk/kubernetes/test/fake-api-server.ts';
import { container, pod } from '../../sdk/kubernetes/test/world.ts';

const [count, cert, key, kubeConfig] = process.argv.slice(2);
const server = await FakeApiServer.start({ cert: cert!, key: key! });
for (let i = 0; i < Number(count); i++) {
  const ip = `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
  const containers = ['app', 'sidecar'].map((name) => ({
    ...container(name),
    name,
    containerID: `containerd://${randomBytes(32).toString('hex')}`,
  }));
  server.set(
    'pods',
    pod(`d${i % 500}-67bd7dcb4f-${i}`, {
      metadata: {
        namespace: `ns-${i % 20}`,
        uid: randomUUID(),
        ownerReferences: [
          { kind: 'ReplicaSet', name: `d${i % 500}-67bd7dcb4f`, uid: `rs-${i % 500}`, controller: true },
        ],
      },
      spec: { nodeName: `node-${i % 50}` },
      status: { podIP: ip, podIPs: [{ ip }], containerStatuses: containers },
    }),
  );
}
writeFileSync(
  kubeConfig!,
  JSON.stringify({
    'current-context': 'c',
    contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
    clusters: [{ name: 'k', cluster: { server: `https://127.0.0.1:${server.port}`, 'certificate-authority': cert } }],
    users: [{ name: 'u', user: { token: 'token' } }],
  }),
);
process.stdout.write('ready\n');
