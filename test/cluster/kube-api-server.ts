import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parseAllDocuments } from 'yaml';

const root = join(import.meta.dirname, '..', '..');
const binaries = join(root, 'build', 'kube');

/** Why the API server cannot be run here; undefined when it can. The full suite builds it, once: 5 to 9 minutes. */
export function reasonToSkip(): string | undefined {
  if (spawnSync('openssl', ['version']).status !== 0) return 'there is no openssl, which makes its certificates';
  if (process.env['BPFLOW_SUITE'] === 'full') {
    const built = spawnSync('bash', [join(root, 'scripts', 'build-kube.sh')], { encoding: 'utf8' });
    return built.status === 0 ? undefined : built.stderr.trim();
  }
  if (['kube-apiserver', 'etcd'].every((name) => existsSync(join(binaries, name)))) return undefined;
  return 'build/kube has no kube-apiserver: scripts/build-kube.sh makes it in 5 to 9 minutes, the full suite does so itself';
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** A kube-apiserver with its etcd on 127.0.0.1, with the service account and the rights of deploy/kubernetes/rbac.yaml. */
export class KubeApiServer {
  readonly folder = mkdtempSync(join(tmpdir(), 'bpflow-kube-'));
  /** As in a pod: token, ca.crt, namespace. */
  readonly serviceAccount = join(this.folder, 'serviceaccount');
  readonly port: number;
  readonly #etcdPort: number;
  readonly #agent: Agent;
  #etcd: ChildProcess | undefined;
  #server: ChildProcess | undefined;

  private constructor(port: number, etcdPort: number) {
    this.port = port;
    this.#etcdPort = etcdPort;
    mkdirSync(this.serviceAccount);
    execFileSync('bash', [join(import.meta.dirname, 'certificates.sh'), this.folder]);
    const read = (name: string) => readFileSync(join(this.folder, name));
    this.#agent = new Agent({ keepAlive: true, ca: read('ca.crt'), cert: read('admin.crt'), key: read('admin.key') });
  }

  static async start(): Promise<KubeApiServer> {
    const [port, etcdPort, peerPort] = (await freePorts(3)) as [number, number, number];
    const server = new KubeApiServer(port, etcdPort);
    try {
      server.#etcd = server.#spawn('etcd', [
        '--name=t',
        `--data-dir=${join(server.folder, 'data')}`,
        `--listen-client-urls=http://127.0.0.1:${etcdPort}`,
        `--advertise-client-urls=http://127.0.0.1:${etcdPort}`,
        `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
        `--initial-advertise-peer-urls=http://127.0.0.1:${peerPort}`,
        `--initial-cluster=t=http://127.0.0.1:${peerPort}`,
        '--unsafe-no-fsync',
      ]);
      await server.resume();
      await server.applyRights();
      await server.renewToken();
      writeFileSync(join(server.serviceAccount, 'namespace'), 'bpflow');
      writeFileSync(join(server.serviceAccount, 'ca.crt'), readFileSync(join(server.folder, 'ca.crt')));
      return server;
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  /** What a pod of this cluster finds in its environment. */
  get environment(): NodeJS.ProcessEnv {
    return { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(this.port) };
  }

  /** Ends the server at once, as a crash; etcd goes on. */
  async kill(): Promise<void> {
    await end(this.#server);
    this.#server = undefined;
  }

  /** Starts the server, after kill too, and waits until it is ready. */
  async resume(): Promise<void> {
    const file = (name: string) => join(this.folder, name);
    this.#server = this.#spawn('kube-apiserver', [
      `--etcd-servers=http://127.0.0.1:${this.#etcdPort}`,
      '--bind-address=127.0.0.1',
      '--advertise-address=127.0.0.1',
      `--secure-port=${this.port}`,
      `--tls-cert-file=${file('server.crt')}`,
      `--tls-private-key-file=${file('server.key')}`,
      `--client-ca-file=${file('ca.crt')}`,
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${file('tokens.key')}`,
      `--service-account-signing-key-file=${file('tokens.key')}`,
      '--authorization-mode=RBAC',
      '--service-cluster-ip-range=10.96.0.0/24',
      '--endpoint-reconciler-type=none',
    ]);
    for (let i = 0; ; i++) {
      if (this.#server.exitCode !== null || this.#etcd?.exitCode !== null) {
        throw new Error(
          `The API server does not start:\n${readFileSync(join(this.folder, 'kube-apiserver.log'), 'utf8').slice(-2000)}`,
        );
      }
      const ready = await this.api('GET', '/readyz').then(
        ({ status }) => status === 200,
        () => false,
      );
      if (ready) return;
      if (i > 600) throw new Error('The API server is not ready after a minute.');
      await wait(100);
    }
  }

  async stop(): Promise<void> {
    this.#agent.destroy();
    await end(this.#server);
    await end(this.#etcd);
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** As the administrator. Rejects only when there is no answer. */
  async api<T>(
    method: Method,
    path: string,
    body?: unknown,
    type = 'application/json',
  ): Promise<{ readonly status: number; readonly body: T }> {
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: T }>();
    const options = { agent: this.#agent, host: '127.0.0.1', port: this.port, method, path };
    const sent = request({ ...options, headers: { 'content-type': type } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('error', reject);
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode ?? 0, body: (text.startsWith('{') ? JSON.parse(text) : text) as T });
      });
    });
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
    return promise;
  }

  /** The same, for what must succeed. */
  async must<T = unknown>(method: Method, path: string, body?: unknown, type?: string): Promise<T> {
    const answer = await this.api<T>(method, path, body, type);
    if (answer.status >= 300)
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body).slice(0, 500)}`);
    return answer.body;
  }

  /** The manifest, with only those of its rules that `keep` lets through. */
  async applyRights(keep: (rule: { readonly resources: readonly string[] }) => boolean = () => true): Promise<void> {
    const manifest = readFileSync(join(root, 'deploy/kubernetes/rbac.yaml'), 'utf8');
    await this.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'bpflow' } });
    for (const document of parseAllDocuments(manifest)) {
      const object = document.toJS();
      await this.apply(object.rules === undefined ? object : { ...object, rules: object.rules.filter(keep) });
    }
  }

  async apply(object: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly metadata: { readonly name: string; readonly namespace?: string };
  }): Promise<void> {
    const { name, namespace } = object.metadata;
    const base = object.apiVersion.includes('/') ? `/apis/${object.apiVersion}` : `/api/${object.apiVersion}`;
    const folder = `${base}${namespace === undefined ? '' : `/namespaces/${namespace}`}/${object.kind.toLowerCase()}s`;
    await this.must('PATCH', `${folder}/${name}?fieldManager=test&force=true`, object, 'application/apply-patch+yaml');
  }

  /** Makes a second folder like {@link serviceAccount}; returns its authority. */
  copyServiceAccount(folder: string): Buffer {
    cpSync(this.serviceAccount, folder, { recursive: true });
    return readFileSync(join(folder, 'ca.crt'));
  }

  /** A certificate of somebody else. */
  otherAuthority(): Buffer {
    const folder = mkdtempSync(join(this.folder, 'other-'));
    execFileSync('bash', [join(import.meta.dirname, 'certificates.sh'), folder]);
    return readFileSync(join(folder, 'ca.crt'));
  }

  /** A new token for the service account, in its file, as the kubelet would. */
  async renewToken(expirationSeconds = 3600): Promise<string> {
    const request_ = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds } };
    const path = '/api/v1/namespaces/bpflow/serviceaccounts/bpflow/token';
    const { status } = await this.must<{ status: { token: string } }>('POST', path, request_);
    writeFileSync(join(this.serviceAccount, 'token'), `${status.token}\n`);
    return status.token;
  }

  #spawn(name: string, args: readonly string[]): ChildProcess {
    const log = openSync(join(this.folder, `${name}.log`), 'a');
    return spawn(join(binaries, name), args, { stdio: ['ignore', log, log] });
  }
}

async function end(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => new Promise((resolve) => server.once('listening', resolve))));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
