import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { has, root } from '../kernel/machine.ts';

const SCRIPTS = join(root, 'test', 'cluster', 'kube');
const BIN = join(root, 'build', 'kube');
const CNI = '/usr/lib/cni';
const API_PORT = '17443';
const ETCD_PORT = '13379';

/** Name of the cluster's one node. */
export const NODE = 'node-real';

type Json = Readonly<Record<string, unknown>>;

/** Why there can be no cluster here; false when there can. Builds what it needs, once: minutes. */
export function reasonToSkip(): string | false {
  if (process.env['BPFLOW_SUITE'] !== 'full') return 'needs BPFLOW_SUITE=full: a real cluster takes minutes to build';
  if (process.getuid?.() !== 0) return 'needs root';
  const packages = {
    containerd: 'containerd',
    runc: 'runc',
    busybox: 'busybox-static',
    openssl: 'openssl',
    curl: 'curl',
  };
  for (const [command, name] of Object.entries(packages))
    if (!has(command)) return `needs ${command}: apt-get install ${name}`;
  if (!existsSync(join(CNI, 'bridge'))) return 'needs CNI plugins: apt-get install containernetworking-plugins';
  const built = spawnSync('bash', [join(root, 'scripts', 'build-kube.sh'), 'cluster'], { encoding: 'utf8' });
  return built.status === 0 ? false : `needs Kubernetes: ${built.stderr.trim()}`;
}

/** A whole small cluster on this machine: etcd, API server, controllers, scheduler, kubelet, containerd and runc. */
export class Cluster implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'bpk-'));

  start(): void {
    const environment = { ...process.env, API_PORT, ETCD_PORT, NODE_NAME: NODE, CNI_BIN: CNI };
    const script = join(SCRIPTS, 'start-cluster.sh');
    // Its children keep its standard output open.
    const run = spawnSync('bash', [script, this.folder, BIN], { env: environment, stdio: 'ignore', timeout: 120_000 });
    assert.equal(run.status, 0, `the cluster did not start: ${this.folder}/*.log`);
  }

  /** A kubeconfig of the service account that may read what the agent reads. */
  get agentConfig(): string {
    return join(this.folder, 'agent.kubeconfig');
  }

  /** Makes an image with these programs and puts it where the kubelet finds it. */
  image(name: string, ...programs: readonly string[]): void {
    const archive = join(this.folder, 'image.tar');
    execFileSync('bash', [join(SCRIPTS, 'mkimage.sh'), name, archive, ...programs]);
    this.ctr('images', 'import', archive);
    rmSync(archive);
  }

  ctr(...args: readonly string[]): string {
    return execFileSync('ctr', ['-a', join(this.folder, 'containerd.sock'), '-n', 'k8s.io', ...args], {
      encoding: 'utf8',
    });
  }

  /** Asks the API as its administrator. Rejects when it refuses. */
  api(method: string, path: string, body?: Json): Promise<Json> {
    const options = {
      host: '127.0.0.1',
      port: API_PORT,
      method,
      path,
      ca: this.#read('ca.crt'),
      cert: this.#read('admin.crt'),
      key: this.#read('admin.key'),
      headers: { 'content-type': 'application/json' },
    };
    return new Promise((resolve, reject) => {
      const asked = request(options, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => {
          const { statusCode = 0 } = response;
          if (statusCode < 300) resolve(JSON.parse(text) as Json);
          else reject(new Error(`${method} ${path}: ${statusCode} ${text}`));
        });
      });
      asked.on('error', reject);
      asked.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  /** Waits, for at most half a minute, for something that a controller makes. */
  async exists(path: string): Promise<void> {
    for (let tries = 0; ; tries++) {
      const found = await this.api('GET', path).catch((error: unknown) => error);
      if (!(found instanceof Error)) return;
      if (tries === 150) throw found;
      await wait(200);
    }
  }

  async pods(namespace: string): Promise<readonly Pod[]> {
    const { items } = await this.api('GET', `/api/v1/namespaces/${namespace}/pods`);
    return items as readonly Pod[];
  }

  /** Waits, for at most a minute, until the pods are as wanted. */
  async podsThat(namespace: string, wanted: (pods: readonly Pod[]) => boolean): Promise<readonly Pod[]> {
    for (let tries = 0; ; tries++) {
      const pods = await this.pods(namespace);
      if (wanted(pods)) return pods;
      const states = pods.map(({ metadata, status }) => `${metadata.name} ${status.phase}`);
      assert.ok(tries < 300, `the pods of ${namespace} are ${states.join(', ')}`);
      await wait(200);
    }
  }

  [Symbol.dispose](): void {
    spawnSync('bash', [join(SCRIPTS, 'stop.sh'), this.folder], { stdio: 'ignore' });
    rmSync(this.folder, { recursive: true, force: true });
  }

  #read(file: string): Buffer {
    return readFileSync(join(this.folder, file));
  }
}

export interface Pod {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly status: {
    readonly phase: string;
    readonly containerStatuses?: readonly { readonly containerID?: string }[];
  };
}
