import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { patience, root } from './machine.ts';
import { parsePage, type Samples, type Source } from './samples.ts';

export interface AgentOptions {
  /** Runs the agent by another command: `['setpriv', …]` before its own. */
  readonly prefix?: readonly string[];
  /** Path of Node. */
  readonly node?: string;
  /** Further keys of `service`. */
  readonly service?: Readonly<Record<string, unknown>>;
}

/** `bpflow run` as a process of its own, with the receiver `ebpf` and the page for Prometheus. */
export class RunningAgent implements Source {
  readonly #child: ChildProcess;
  readonly #options: AgentOptions;
  readonly #folder: string;
  readonly #socket: string;
  #page = '';
  /** Everything that it wrote to stderr. */
  stderr = '';

  /** Starts it with these keys of the receiver, and waits until it is ready. */
  static async start(ebpf: Readonly<Record<string, unknown>>, options: AgentOptions = {}): Promise<RunningAgent> {
    const agent = new RunningAgent(ebpf, options);
    try {
      await agent.#ready();
      return agent;
    } catch (error) {
      await agent.stop();
      throw error;
    }
  }

  private constructor(ebpf: Readonly<Record<string, unknown>>, options: AgentOptions) {
    const { prefix = [], node = process.execPath } = options;
    this.#options = options;
    this.#folder = mkdtempSync(join(tmpdir(), 'bpflow-kernel-'));
    this.#socket = join(this.#folder, 'admin.sock');
    const file = this.#write(ebpf, {});
    const [command, ...args] = [...prefix, node, '--conditions=source', join(root, 'bin', 'bpflow')];
    this.#child = spawn(command!, [...args, 'run', '--config', file], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
  }

  /** Lets it read these keys of the receiver and of the exporter; resolves to the log's lines about it. */
  async reload(ebpf: Readonly<Record<string, unknown>>, prometheus = {}): Promise<string> {
    const before = this.stderr.length;
    this.#write(ebpf, prometheus);
    this.#child.kill('SIGHUP');
    const deadline = performance.now() + patience(20_000);
    while (!/The configuration was (not )?reloaded/.test(this.stderr.slice(before))) {
      if (performance.now() > deadline) throw new Error(`The agent does not reload.\n${this.stderr}`);
      await wait(10);
    }
    await this.#ready();
    return this.stderr.slice(before);
  }

  #write(ebpf: Readonly<Record<string, unknown>>, prometheus: Readonly<Record<string, unknown>>): string {
    const file = join(this.#folder, 'config.yaml');
    const pipeline = { receivers: ['ebpf'], exporters: ['prometheus'] };
    const config = {
      receivers: { ebpf },
      exporters: { prometheus: { endpoint: '127.0.0.1:0', ...prometheus } },
      service: {
        admin: { endpoint: this.#socket },
        telemetry: { metrics: { level: 'none' } },
        pipelines: { metrics: pipeline },
        ...this.#options.service,
      },
    };
    writeFileSync(file, JSON.stringify(config));
    return file;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  async read(): Promise<Samples> {
    const answer = await fetch(this.#page);
    if (!answer.ok) throw new Error(`The page answers ${answer.status}.`);
    return parsePage(await answer.text());
  }

  async text(): Promise<string> {
    return (await fetch(this.#page)).text();
  }

  /** A view of the admin socket as JSON: `/v1/views/receiver/ebpf/programs`. */
  async view(path: string): Promise<unknown> {
    const { status, body } = await this.#get(path);
    if (status !== 200) throw new Error(`${path} answers ${status}: ${body}`);
    return JSON.parse(body);
  }

  /** Ends it by SIGTERM; returns the exit code. */
  async stop(): Promise<number | null> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = once(this.#child, 'exit');
      this.#child.kill('SIGTERM');
      const hard = setTimeout(() => this.#child.kill('SIGKILL'), patience(15_000));
      await ended;
      clearTimeout(hard);
    }
    rmSync(this.#folder, { recursive: true, force: true });
    return this.#child.exitCode;
  }

  async #ready(): Promise<void> {
    const deadline = performance.now() + patience(30_000);
    for (;;) {
      const page = await this.#pageAddress().catch(() => undefined);
      if (page !== undefined) {
        this.#page = page;
        return;
      }
      if (this.#child.exitCode !== null || performance.now() > deadline) {
        throw new Error(`The agent does not start (exit code ${this.#child.exitCode}).\n${this.stderr}`);
      }
      await wait(25);
    }
  }

  /** Where the page is, as soon as every component has started. */
  async #pageAddress(): Promise<string | undefined> {
    const { body } = await this.#get('/v1/health');
    const health = JSON.parse(body) as HealthDocument;
    if (!health.ready) return undefined;
    const exporter = health.components.find(({ id }) => id === 'prometheus');
    return /http:\S+\/metrics/.exec(exporter?.summary ?? '')?.[0];
  }

  #get(path: string): Promise<{ status: number; body: string }> {
    return new Promise((resolve, reject) => {
      const asked = request({ socketPath: this.#socket, path }, (answer) => {
        let body = '';
        answer.setEncoding('utf8').on('data', (text: string) => {
          body += text;
        });
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body }));
      });
      asked.on('error', reject);
      asked.end();
    });
  }
}

interface HealthDocument {
  readonly ready: boolean;
  readonly components: readonly { readonly id: string; readonly summary: string }[];
}
