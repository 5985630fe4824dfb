import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, existsSync, linkSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './machine.ts';

/** What a program did by its own account, by what it counts. */
export type Truth = Readonly<Record<string, number>>;

/** A name that no other run of the tests on this machine uses. At most 9 characters fit beside it where threads are named by it. */
export function own(name: string): string {
  return `${name}-${process.pid.toString(36)}`;
}

/** A program of `workload/`, `truth` unless another is named, under names of their own, so that each has series of its own. Removed at the end. */
export class Workloads {
  readonly #folder = mkdtempSync(join(tmpdir(), 'bpflow-truth-'));
  readonly #original: string;

  constructor(program = 'truth') {
    this.#original = join(root, 'build', 'workload', program);
  }

  /** Path of the program under this name. */
  program(name: string): string {
    const path = join(this.#folder, name);
    const original = join(this.#folder, '.truth');
    if (!existsSync(original)) copyFileSync(this.#original, original);
    if (!existsSync(path)) linkSync(original, path);
    return path;
  }

  /** A file of its own with the program, which may be given another mode; the folder is opened for everybody. */
  copy(name: string): string {
    const path = join(this.#folder, name);
    chmodSync(this.#folder, 0o755);
    copyFileSync(this.#original, path);
    return path;
  }

  /** Runs it under this name in a mode of the program and returns what it did. Rejects when it fails. */
  run(name: string, ...args: readonly (string | number)[]): Promise<Truth> {
    return run(this.program(name), args);
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function run(path: string, args: readonly (string | number)[]): Promise<Truth> {
  const child = spawn(path, args.map(String), { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const [code, signal] = await once(child, 'close');
  if (code !== 0) throw new Error(`${path} ${args.join(' ')} ended with ${code ?? signal}: ${errors}`);
  return JSON.parse(output === '' ? '{}' : output);
}
