import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { limitObject } from './objects.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** A program that is measured beside others: started, ready, ended. */
export interface Contender {
  readonly name: string;
  /** Resolves when its kernel programs are attached. */
  start(): Promise<Running>;
}

export interface Running {
  readonly pid: number;
  stop(): Promise<void>;
}

/** One of the hand-written limits, loaded by the addon. */
export function limit(name: string): Contender {
  return {
    name: `hand-written ${name}`,
    start: () =>
      launch([process.execPath, '--conditions=source', `${root}test/bench/limit/load.ts`, limitObject(name)], 'READY'),
  };
}

/** The agent itself with a configuration; ready when its log says so. */
export function agent(name: string, yaml: string, command = `${root}bin/bpflow`): Contender {
  return { name, start: () => launch([command, 'run', '--config', `yaml:${yaml}`], 'Everything is ready') };
}

/** Any other command. */
export function peer(name: string, command: readonly string[], ready: string): Contender {
  return { name, start: () => launch(command, ready) };
}

/** A peer's command when this machine has it; says so when not. */
export function peerIfThere(name: string, command: readonly string[], ready: string): readonly Contender[] {
  const there = spawnSync('sh', ['-c', 'command -v "$0"', command[0]!], { stdio: 'ignore' }).status === 0;
  if (!there) process.stdout.write(`${name}: left out, ${command[0]} is not on this machine.\n`);
  // Their output is meant for a terminal: without stdbuf it would wait in a buffer.
  return there ? [peer(name, ['stdbuf', '-oL', ...command], ready)] : [];
}

async function launch(command: readonly string[], ready: string): Promise<Running> {
  const child = spawn(command[0]!, command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
  await until(child, ready, command.join(' '));
  return {
    pid: child.pid!,
    stop: async () => {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      const hard = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await ended;
      clearTimeout(hard);
    },
  };
}

function until(child: ChildProcess, text: string, what: string): Promise<void> {
  let output = '';
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => fail('not ready after 20 s'), 20_000);
    const fail = (why: string) => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      reject(new Error(`${what}: ${why}.\n${output}`));
    };
    const look = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-65_536);
      if (!output.includes(text)) return;
      clearTimeout(timer);
      resolve();
    };
    child.stdout?.on('data', look);
    child.stderr?.on('data', look);
    child.once('error', (error) => fail(error.message));
    child.once('exit', (code) => fail(`ended with ${code}`));
  });
}
