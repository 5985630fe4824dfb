import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Why a test cannot use a command of Debian's `prometheus` package; false when it can. */
export function missing(command: 'prometheus' | 'promtool'): string | false {
  return spawnSync(command, ['--version']).error === undefined ? false : `${command} is not installed`;
}

/** A sample of an instant query. */
export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  /** As Prometheus prints it. */
  readonly value: string;
}

/** A real Prometheus server that scrapes its targets every second, in a folder of its own. */
export class PrometheusServer {
  readonly #folder: string;
  readonly #port: number;
  readonly #process: ChildProcess;
  #log = '';

  private constructor(folder: string, port: number, process: ChildProcess) {
    this.#folder = folder;
    this.#port = port;
    this.#process = process;
    process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#log += text;
    });
  }

  /**
   * `targets` are host:port. Its first scrape is about 5 s away. `job` are more keys of the scrape configuration, `features`
   * those of `--enable-feature`.
   */
  static async start(
    targets: readonly string[],
    { job = {}, features = [] }: { readonly job?: Record<string, unknown>; readonly features?: readonly string[] } = {},
  ): Promise<PrometheusServer> {
    const folder = await mkdtemp(join(tmpdir(), 'bpflow-prometheus-'));
    const config = join(folder, 'prometheus.yml');
    await writeFile(
      config,
      `global: { scrape_interval: 1s, scrape_timeout: 1s }
scrape_configs: [${JSON.stringify({ job_name: 'test', static_configs: [{ targets }], ...job })}]
`,
    );
    const port = await freePort();
    const process = spawn(
      'prometheus',
      [
        `--config.file=${config}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--log.level=debug',
        ...(features.length === 0 ? [] : [`--enable-feature=${features.join(',')}`]),
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    return new PrometheusServer(folder, port, process);
  }

  /** What it has logged so far, one entry a line. */
  get log(): readonly string[] {
    return this.#log.split('\n');
  }

  /** Waits until a query has an answer; fails after 30 s. */
  async query(expression: string): Promise<readonly Sample[]> {
    for (let tries = 0; tries < 150; tries++) {
      const samples = await this.#ask(expression);
      if (samples.length > 0) return samples;
      await sleep(200);
    }
    throw new Error(`Prometheus has no answer to ${expression}. Its log:\n${this.#log}`);
  }

  /** Whether it is a query at all. */
  async takes(expression: string): Promise<boolean> {
    const url = `http://127.0.0.1:${this.#port}/api/v1/query?query=${encodeURIComponent(expression)}`;
    return (await fetch(url)).ok;
  }

  async stop(): Promise<void> {
    const ended = new Promise<void>((resolve) => this.#process.once('close', () => resolve()));
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      this.#process.kill();
      await ended;
    }
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #ask(expression: string): Promise<readonly Sample[]> {
    try {
      const url = `http://127.0.0.1:${this.#port}/api/v1/query?query=${encodeURIComponent(expression)}`;
      const answer = (await (await fetch(url)).json()) as {
        data?: { result: { metric: Record<string, string>; value: [number, string] }[] };
      };
      return (answer.data?.result ?? []).map(({ metric, value }) => ({ metric, value: value[1] }));
    } catch {
      // It is still starting.
      return [];
    }
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
