import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { KubeApiServer, reasonToSkip } from './kube-api-server.ts';
import { createNamespace, createPod, times } from './pods.ts';

const root = join(import.meta.dirname, '..', '..');
const isFull = process.env['BPFLOW_SUITE'] === 'full';
const skip = reasonToSkip() ?? (isFull ? undefined : 'makes 5,000 pods; needs BPFLOW_SUITE=full');
const PODS = 5000;
const MOST_MIB = 110;
const MOST_CPU_MS = 1500;

interface Sync {
  readonly pods: number;
  readonly beforeMiB: number;
  readonly peakMiB: number;
  readonly cpuMs: number;
  readonly syncMs: number;
}

describe(`a cluster of ${PODS} pods`, { skip: skip ?? false }, () => {
  let server: KubeApiServer;
  let program: string;

  before(async () => {
    program = build();
    server = await KubeApiServer.start();
    for (let i = 0; i < 20; i++) await createNamespace(server, `ns-${i}`);
    await times(PODS, (i) =>
      createPod(server, {
        name: `d${i % 500}-${i}`,
        namespace: `ns-${i % 20}`,
        node: `node-${i % 50}`,
        deployment: `d${i % 500}`,
      }),
    );
  });
  after(() => server?.stop());

  function sync(encoding: string, lists: string, node: string): Sync {
    const environment = { ...process.env, ...server.environment };
    const output = execFileSync(process.execPath, [program, server.serviceAccount, encoding, lists, node], {
      env: environment,
    });
    return JSON.parse(output.toString());
  }

  for (const [encoding, lists, node, count] of [
    ['protobuf', 'streams', '', PODS],
    ['protobuf', 'pages', '', PODS],
    ['json', 'streams', '', PODS],
    ['protobuf', 'streams', 'node-3', PODS / 50],
  ] as const) {
    const which = node === '' ? '' : ', one node of 50,';
    test(`is read as ${encoding} in ${lists}${which} by a process of at most ${MOST_MIB} MiB`, (t) => {
      const result = sync(encoding, lists, node);
      t.diagnostic(JSON.stringify(result));
      assert.equal(result.pods, count);
      assert.ok(result.peakMiB <= MOST_MIB, `peak RSS ${result.peakMiB} MiB`);
      assert.ok(result.cpuMs <= MOST_CPU_MS, `CPU time ${result.cpuMs} ms`);
    });
  }
});

/** What an installed agent runs: JavaScript, and no compiler that strips types in the same process. */
function build(): string {
  const folder = join(root, 'build', 'cluster');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const config = {
    extends: '../../tsconfig.build.json',
    compilerOptions: { outDir: 'dist', rootDir: '../..' },
    files: ['../../test/cluster/sync-process.ts'],
    include: [],
    exclude: [],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
  execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder], { stdio: 'inherit' });
  execFileSync('cp', [join(root, 'package.json'), folder]);
  return join(folder, 'dist', 'test', 'cluster', 'sync-process.js');
}
