import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { parse } from 'yaml';
import { configurationOf, folder, type KubernetesObject, objectsOf, only, podOf, problemsOf } from './manifests.ts';

const root = join(import.meta.dirname, '..', '..');
const temp = mkdtempSync(join(tmpdir(), 'bpflow-deploy-'));
after(() => rmSync(temp, { recursive: true }));

const { resources } = parse(readFileSync(join(folder, 'kustomization.yaml'), 'utf8')) as { resources: string[] };
const ways: Readonly<Record<string, { objects: readonly KubernetesObject[]; capabilities: readonly string[] }>> = {
  'the node: kernel and flows': { objects: resources.flatMap(objectsOf), capabilities: capabilitiesOfDocs() },
  'flows through Relay alone': { objects: objectsOf('telemetryflow.yaml'), capabilities: [] },
};

/** What the receiver's page says it needs: `CAP_BPF` is BPF in a manifest. */
function capabilitiesOfDocs(): readonly string[] {
  const page = readFileSync(join(root, 'receivers', 'ebpf', 'README.md'), 'utf8');
  const [, first = '', second = ''] = /^Root, or `CAP_(\w+)` and `CAP_(\w+)`/m.exec(page) ?? [];
  return [first, second];
}

for (const [name, { objects, capabilities }] of Object.entries(ways)) {
  describe(`the manifests for ${name}`, () => {
    it('have the rights, ports, probes, mounts and names that the agent needs, and no more', () => {
      assert.deepEqual(problemsOf(objects, capabilities), []);
    });

    it('have a configuration that this version takes', () => {
      const file = join(temp, 'config.yaml');
      writeFileSync(file, configurationOf(objects));
      const { stderr, status } = spawnSync(join(root, 'bin', 'bpflow'), ['validate', '--config', file], {
        env: { ...process.env, NODE_NAME: 'node-a' },
        encoding: 'utf8',
      });
      assert.equal(stderr, '');
      assert.equal(status, 0);
    });

    it('give the configuration every variable that it reads', () => {
      const variables = podOf(objects).containers[0].env.map(({ name: variable }) => variable);
      const text = configurationOf(objects);
      const read = [...text.matchAll(/\$\{env:(\w+)\}|_from_env_var: (\w+)/g)].map(([, a, b]) => a ?? b!);
      assert.ok(read.length > 0);
      assert.deepEqual(
        [...new Set(read)].filter((variable) => !variables.includes(variable)),
        [],
      );
    });

    it('are of this version', () => {
      const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
      assert.equal(podOf(objects).containers[0].image, `bpflow:${version}`);
    });
  });
}

describe('the manifests', () => {
  it('are all tested', () => {
    const files = readdirSync(folder).filter((file) => file.endsWith('.yaml') && file !== 'kustomization.yaml');
    assert.deepEqual(files.sort(), [...resources, 'telemetryflow.yaml'].sort());
  });

  it('for Relay have the names that the page of the product has', () => {
    const { objects } = ways['flows through Relay alone']!;
    const { metadata } = only(objects, 'DaemonSet');
    assert.deepEqual([metadata.name, metadata.namespace], ['tfo-agent', 'telemetryflow']);
    const { volumes, containers } = podOf(objects);
    const secret = volumes.find(({ name }) => name === 'hubble-tls')?.secret;
    assert.equal(secret?.secretName, 'hubble-relay-client-certs');
    assert.equal(volumes.find(({ name }) => name === 'config')?.configMap?.name, 'tfo-agent-config');
    const mounts = containers[0].volumeMounts.map(({ name, mountPath, readOnly }) => [name, mountPath, readOnly]);
    assert.deepEqual(mounts.slice(0, 2), [
      ['hubble-tls', '/etc/hubble', true],
      ['config', '/etc/tfo-agent', true],
    ]);
  });

  const { objects, capabilities } = ways['the node: kernel and flows']!;
  type Broken = readonly [change: (text: string) => string, problem: RegExp];
  const broken: Readonly<Record<string, Broken>> = {
    'another port': [(text) => text.replace('"containerPort":9464', '"containerPort":9465'), /Port metrics is 9465/],
    'a probe of another port': [
      (text) =>
        text.replace(
          '"readinessProbe":{"httpGet":{"path":"/","port":"health"',
          '"readinessProbe":{"httpGet":{"path":"/","port":"metrics"',
        ),
      /The readinessProbe does not ask health_check/,
    ],
    'one capability more': [
      (text) => text.replace('"BPF"', '"BPF","SYS_ADMIN"'),
      /It adds BPF,PERFMON,SYS_ADMIN, not BPF,PERFMON/,
    ],
    'one capability less': [(text) => text.replace('"BPF",', ''), /It adds PERFMON, not/],
    'a root that can be written': [
      (text) => text.replace('"readOnlyRootFilesystem":true', '"readOnlyRootFilesystem":false'),
      /Its root can be written/,
    ],
    'a folder of the node that can be written': [
      (text) => text.replace('"mountPath":"/sys/fs/bpf","readOnly":true', '"mountPath":"/sys/fs/bpf"'),
      /\/sys\/fs\/bpf can be written/,
    ],
    'no mount for the socket': [
      (text) => text.replaceAll('/var/run/cilium"', '/elsewhere"'),
      /\/var\/run\/cilium\/hubble\.sock is on no mount/,
    ],
    'another service account': [
      (text) => text.replace('"serviceAccountName":"bpflow"', '"serviceAccountName":"x"'),
      /no service account x/,
    ],
    'another ConfigMap': [
      (text) => text.replace('"configMap":{"name":"bpflow-config"', '"configMap":{"name":"x"'),
      /no ConfigMap x/,
    ],
  };
  for (const [name, [change, problem]] of Object.entries(broken)) {
    it(`would be refused with ${name}`, () => {
      const text = JSON.stringify(objects);
      const changed = change(text);
      assert.notEqual(changed, text);
      const problems = problemsOf(JSON.parse(changed) as KubernetesObject[], capabilities);
      assert.match(problems.join('\n'), problem);
    });
  }
});
