import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

/** A program under test or beside it. It is killed when disposed of. */
export class RunningProgram implements AsyncDisposable {
  /** Standard error so far. */
  log = '';
  /** Standard output so far. */
  output = '';
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;

  constructor(command: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const { NODE_OPTIONS: _options, NODE_TEST_CONTEXT: _context, ...inherited } = process.env;
    this.#child = spawn(command[0]!, command.slice(1), {
      env: { ...inherited, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.log += text));
    this.#ended = once(this.#child, 'close').then(([status]) => status as number | null);
  }

  get pid(): number {
    return this.#child.pid!;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Status with which the program ends; null after a signal. */
  ended(): Promise<number | null> {
    return this.#ended;
  }

  /** Waits for a text in the log; fails when the program ends first. */
  async says(text: string): Promise<void> {
    await until(
      () => this.log.includes(text),
      () => `It did not say ${text}:\n${this.log}`,
      () => this.hasEnded,
    );
  }

  /** SIGTERM; its exit status. */
  stop(): Promise<number | null> {
    this.#child.kill('SIGTERM');
    return this.#ended;
  }

  kill(): Promise<number | null> {
    this.#child.kill('SIGKILL');
    return this.#ended;
  }

  /** CPU time so far in seconds, and memory in MiB. */
  usage(): Usage {
    return usageOf(this.pid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.hasEnded) await this.kill();
  }
}

export interface Usage {
  readonly cpuSeconds: number;
  readonly rssMib: number;
  readonly peakMib: number;
}

/** From /proc, where a tick is a hundredth of a second. */
export function usageOf(pid: number): Usage {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mib = (key: string) => Number(new RegExp(`${key}:\\s+(\\d+)`).exec(status)?.[1]) / 1024;
  return { cpuSeconds: (Number(fields[11]) + Number(fields[12])) / 100, rssMib: mib('VmRSS'), peakMib: mib('VmHWM') };
}

/** Polls until the condition holds; fails after `seconds`, or as soon as it cannot come true any more. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  explain: () => string | Promise<string>,
  hopeless: () => boolean = () => false,
  seconds = 60,
): Promise<void> {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; ) {
    const isOver = hopeless();
    if (await condition()) return;
    if (isOver) break;
    await wait(25);
  }
  assert.fail(await explain());
}

/** Addresses of 127.0.0.1 that nobody listens on at this moment. */
export async function freeAddresses(count: number): Promise<readonly string[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const addresses = servers.map((server) => `127.0.0.1:${(server.address() as { port: number }).port}`);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return addresses;
}

/** A temporary folder outside the checkout, removed when disposed of. */
export function temporaryFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'bpflow-peers-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
