import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** Folder of the checkout. */
export const root = dirname(dirname(import.meta.dirname));

/** A temporary folder outside the checkout, removed when disposed of. */
export function temporaryFolder(): Disposable & { readonly path: string; write(file: string, text: string): string } {
  const path = mkdtempSync(join(tmpdir(), 'bpflow-e2e-'));
  return {
    path,
    write(file, text) {
      mkdirSync(dirname(join(path, file)), { recursive: true });
      writeFileSync(join(path, file), text);
      return join(path, file);
    },
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** Runs the command to its end. */
export function bpflow(args: readonly string[], cwd = root) {
  const { status, stdout, stderr } = spawnSync(process.execPath, commandLine(args), {
    cwd,
    encoding: 'utf8',
    env: environment(),
  });
  return { status, stdout, stderr };
}

/** A running agent. It is killed when disposed of. */
export class AgentProcess implements AsyncDisposable {
  /** Standard error so far. */
  log = '';
  /** Standard output so far. */
  output = '';
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;

  constructor(args: readonly string[], cwd: string) {
    this.#child = spawn(process.execPath, commandLine(args), { cwd, env: environment() });
    this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.log += text));
    this.#ended = once(this.#child, 'close').then(([status]) => status as number | null);
  }

  /** Runs a configuration, given as YAML, and waits until it is ready. */
  static async run(config: string, cwd: string): Promise<AgentProcess> {
    const agent = new AgentProcess(['run', '--config', `yaml:${config}`], cwd);
    await agent.says('Everything is ready.');
    return agent;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Waits for a text or pattern in the log; fails when the agent ends first or it takes 20 s. */
  async says(what: string | RegExp): Promise<void> {
    await until(
      () => (typeof what === 'string' ? this.log.includes(what) : what.test(this.log)),
      () => `The agent did not say ${what}:\n${this.log}`,
      () => this.#child.exitCode !== null,
    );
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Status with which the agent ends; null after a signal. */
  ended(): Promise<number | null> {
    return this.#ended;
  }

  /** Address of the page on which the agent tells of itself. */
  async page(): Promise<string> {
    const { metricsPages } = (await admin(this.adminPath, '/v1/health')) as { metricsPages: string[] };
    return (await fetch(metricsPages[0]!)).text();
  }

  /** Path of the admin socket, taken from the log. */
  get adminPath(): string {
    const path = /The admin socket answers\.\t\{"path":"([^"]+)"\}/.exec(this.log)?.[1];
    assert.ok(path, this.log);
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGKILL');
    await this.#ended;
  }
}

/** GET on a unix socket. */
export function admin(socketPath: string, path: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    request({ socketPath, path }, async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      resolve(JSON.parse(text));
    })
      .once('error', reject)
      .end();
  });
}

/** Polls until the condition holds; fails after 20 s or when it cannot come true any more. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  explain: () => string,
  hopeless: () => boolean = () => false,
): Promise<void> {
  for (const end = Date.now() + 20_000; Date.now() < end; ) {
    const isOver = hopeless();
    if (await condition()) return;
    if (isOver) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.fail(explain());
}

function commandLine(args: readonly string[]): string[] {
  return [join(root, 'bin', 'bpflow'), ...args];
}

/** The test runner's own variables and Node options must not reach the agent. */
function environment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _options, NODE_TEST_CONTEXT: _context, ...env } = process.env;
  return env;
}
