import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';

const root = join(import.meta.dirname, '..', '..');
const PODS = 5000;
const MOST_MIB = 110;
const skip =
  spawnSync('openssl', ['version']).status === 0 ? false : 'there is no openssl, which makes the certificate';

/** The whole agent as it is installed. Its API server is our own, so that this runs everywhere; `scale.test.ts` has a real one. */
describe(`an agent that knows ${PODS} pods`, { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'bpflow-memory-'));
  const kubeConfig = join(folder, 'kubeconfig.yaml');
  const children: ChildProcess[] = [];
  let command: string;

  before(async () => {
    command = build();
    const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
        ...['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert],
      ],
      { stdio: 'ignore' },
    );
    const program = join(import.meta.dirname, 'serve-pods.ts');
    const server = spawn(process.execPath, [...process.execArgv, program, `${PODS}`, cert, key, kubeConfig]);
    children.push(server);
    await says(server, 'ready');
  });
  after(async () => {
    for (const child of children) {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
    }
    rmSync(folder, { recursive: true });
  });

  test(`never takes more than ${MOST_MIB} MiB`, async (t) => {
    const config = join(folder, 'agent.yaml');
    writeFileSync(config, CONFIG.replace('KUBECONFIG', kubeConfig));
    const agent = spawn(process.execPath, [command, 'run', '--config', config], {
      env: { ...process.env, HOME: folder, XDG_CACHE_HOME: folder },
    });
    children.push(agent);
    await says(agent, 'Everything is ready');
    await wait(1000);
    const peakMiB = peakOf(agent.pid!);
    t.diagnostic(`peak ${peakMiB.toFixed(1)} MiB`);
    assert.ok(peakMiB <= MOST_MIB, `peak RSS ${peakMiB} MiB`);
  });
});

/** Is ready when all pods are known. */
const CONFIG = `
receivers: { otlp: { protocols: { grpc: { endpoint: '127.0.0.1:0' }, http: { endpoint: '127.0.0.1:0' } } } }
processors:
  k8s_enrich:
    auth_type: kubeConfig
    kube_config_path: KUBECONFIG
    wait_for_metadata: true
    wait_for_metadata_timeout: 60s
exporters: { debug: {} }
service:
  admin: { endpoint: none }
  telemetry: { metrics: { readers: [ { pull: { exporter: { prometheus: { host: 127.0.0.1, port: 0 } } } } ] } }
  pipelines: { metrics: { receivers: [otlp], processors: [k8s_enrich], exporters: [debug] } }
`;

async function says(child: ChildProcess, text: string): Promise<void> {
  let output = '';
  const said = Promise.withResolvers<void>();
  const read = (chunk: Buffer): void => {
    output += chunk.toString();
    if (output.includes(text)) said.resolve();
  };
  child.stdout!.on('data', read);
  child.stderr!.on('data', read);
  child.once('close', () => said.reject(new Error(`It ended before it said "${text}": ${output}`)));
  await said.promise;
}

function peakOf(pid: number): number {
  const [, kib] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib) / 1024;
}

/** What `npm run build` makes, in a folder of its own. Returns the command. */
function build(): string {
  const folder = join(root, 'build', 'agent');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, 'build'), { recursive: true });
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const outDir = join(folder, 'dist');
  execFileSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', outDir], {
    stdio: 'inherit',
  });
  execFileSync('cp', ['-r', join(root, 'package.json'), join(root, 'bin'), folder]);
  execFileSync('cp', ['-r', join(root, 'build', 'native'), join(folder, 'build')]);
  return join(folder, 'bin', 'bpflow');
}
