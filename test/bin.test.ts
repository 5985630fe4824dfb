import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, describe, test } from 'node:test';

const root = dirname(import.meta.dirname);
const folder = mkdtempSync(join(tmpdir(), 'bpflow bin-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const olderNode = findOlderNode();
const noOlderNode = olderNode === undefined ? 'no Node older than 22.15 in PATH' : false;

describe('bin/bpflow in a checkout', () => {
  const checkout = makePackage('a checkout', { 'pipeline/cli.ts': agent('sources') });

  test('runs the sources with their arguments and ends with their status', () => {
    const { stdout, status } = bpflow(checkout, process.execPath, ['status', '7', 'b c', '--d=']);
    assert.equal(status, 7);
    assert.deepEqual(JSON.parse(stdout), { from: 'sources', args: ['status', '7', 'b c', '--d='] });
  });

  test('runs through a symbolic link from another folder', () => {
    const link = join(folder, 'linked');
    symlinkSync(join(checkout, 'bin/bpflow'), link);
    const { stdout } = spawnSync(process.execPath, [link, 'status', '0'], { cwd: '/', encoding: 'utf8' });
    assert.equal(JSON.parse(stdout).from, 'sources');
  });

  test('resolves imports by the condition `source`, once and without a warning', () => {
    const { stderr, stdout } = bpflow(checkout, process.execPath, ['flags']);
    assert.equal(stderr, '');
    assert.equal(JSON.parse(stdout).filter((flag: string) => flag === '--conditions=source').length, 1);
  });

  test('prints what the command throws, and ends with 1', () => {
    const { stderr, status } = bpflow(checkout, process.execPath, ['throw']);
    assert.equal(status, 1);
    assert.match(stderr, /^bpflow: Error: on purpose\n/);
  });

  test('is itself the process that gets signals', async () => {
    await signalled(checkout, process.execPath);
  });

  test('an older Node runs it under the installed package `node`', { skip: noOlderNode }, () => {
    const equipped = makePackage('with node', { 'pipeline/cli.ts': agent('sources') }, process.execPath);
    const { stdout, status } = bpflow(equipped, olderNode!, ['status', '7', 'b c']);
    assert.equal(status, 7);
    assert.deepEqual(JSON.parse(stdout), { from: 'sources', args: ['status', '7', 'b c'] });
  });

  test('an older Node passes each signal on once, and ends as the agent ends', { skip: noOlderNode }, async () => {
    await signalled(makePackage('signals', { 'pipeline/cli.ts': agent('sources') }, process.execPath), olderNode!);
  });

  test('an older Node without that package gets one sentence', { skip: noOlderNode }, () => {
    const { stderr, status } = bpflow(checkout, olderNode!, []);
    assert.equal(status, 1);
    assert.match(
      stderr,
      /^bpflow: this is Node [\d.]+, Node 22\.18 or newer is needed; install it, or run "npm run setup"\.\n$/,
    );
  });
});

describe('bin/bpflow in the npm package', () => {
  const javascript = agent('dist').replace(': readonly string[]', '').replace(': Promise<number>', '');
  const installed = makePackage('app/node_modules/bpflow', { 'dist/pipeline/cli.js': javascript });

  test('runs dist without another process', () => {
    const { stdout, status } = bpflow(installed, process.execPath, ['flags']);
    assert.equal(status, 0);
    assert.deepEqual(JSON.parse(stdout), []);
  });

  test('an older Node finds `node` beside the package', { skip: noOlderNode }, () => {
    installNode(join(folder, 'app/node_modules'), process.execPath);
    const { stdout, status } = bpflow(installed, olderNode!, ['status', '3']);
    assert.equal(status, 3);
    assert.equal(JSON.parse(stdout).from, 'dist');
  });

  test('an installed `node` that is too old ends in the sentence, not in a loop', { skip: noOlderNode }, () => {
    const aged = makePackage('aged', { 'dist/pipeline/cli.js': javascript }, olderNode);
    const { stderr, status } = bpflow(aged, olderNode!, []);
    assert.equal(status, 1);
    assert.match(stderr, /Node 22\.15 or newer is needed; install it, or run "npm install node@24" beside bpflow\.\n$/);
  });

  test('BPFLOW_DIST=1 runs dist in a checkout too', () => {
    const both = makePackage('both', { 'pipeline/cli.ts': agent('sources'), 'dist/pipeline/cli.js': javascript });
    const { stdout } = bpflow(both, process.execPath, ['status', '0'], { BPFLOW_DIST: '1' });
    assert.equal(JSON.parse(stdout).from, 'dist');
  });
});

/** A command line that tells what it was given; `wait` waits for SIGTERM and prints each signal before. */
function agent(from: string): string {
  return `export async function main(args: readonly string[]): Promise<number> {
  if (args[0] === 'throw') throw new Error('on purpose');
  if (args[0] === 'flags') return console.log(JSON.stringify(process.execArgv)), 0;
  if (args[0] === 'status') return console.log(JSON.stringify({ from: '${from}', args })), Number(args[1]);
  const alive = setInterval(() => {}, 1000);
  for (const name of ['SIGINT', 'SIGHUP', 'SIGUSR2']) process.on(name, () => console.log(name));
  console.log('ready');
  await new Promise((resolve) => process.once('SIGTERM', resolve));
  clearInterval(alive);
  return 5;
}
`;
}

function makePackage(name: string, files: Readonly<Record<string, string>>, node?: string): string {
  const path = join(folder, name);
  cpSync(join(root, 'bin'), join(path, 'bin'), { recursive: true });
  writeFileSync(join(path, 'package.json'), '{ "name": "bpflow", "type": "module" }');
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, file)), { recursive: true });
    writeFileSync(join(path, file), text);
  }
  if (node !== undefined) installNode(join(path, 'node_modules'), node);
  return path;
}

function installNode(modules: string, node: string): void {
  mkdirSync(join(modules, 'node/bin'), { recursive: true });
  symlinkSync(node, join(modules, 'node/bin/node'));
}

function bpflow(path: string, node: string, args: readonly string[], extra: Readonly<Record<string, string>> = {}) {
  const env = { ...environment(), ...extra };
  return spawnSync(node, [join(path, 'bin/bpflow'), ...args], { encoding: 'utf8', env });
}

/** The test runner's own variables and Node options must not reach the command. */
function environment(): Record<string, string | undefined> {
  const { NODE_OPTIONS: _options, NODE_TEST_CONTEXT: _context, BPFLOW_DIST: _dist, ...env } = process.env;
  return { ...env, XDG_CACHE_HOME: join(folder, 'cache'), NO_COLOR: '1' };
}

async function signalled(path: string, node: string): Promise<void> {
  const child = spawn(node, [join(path, 'bin/bpflow'), 'wait'], {
    env: environment(),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const lines = linesOf(child);
  assert.equal(await lines(), 'ready');
  for (const signal of ['SIGINT', 'SIGHUP', 'SIGINT', 'SIGUSR2'] as const) {
    child.kill(signal);
    assert.equal(await lines(), signal);
  }
  child.kill('SIGTERM');
  assert.equal(await lines(), undefined);
  assert.deepEqual(await ended, [5, null]);
}

function linesOf(child: ChildProcess): () => Promise<string | undefined> {
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  return async () => {
    const { value, done } = await lines.next();
    return done ? undefined : value;
  };
}

function findOlderNode(): string | undefined {
  for (const entry of (process.env['PATH'] ?? '').split(':')) {
    const { stdout } = spawnSync(join(entry, 'node'), ['--version'], { encoding: 'utf8' });
    const [, major, minor] = /^v(\d+)\.(\d+)/.exec(stdout ?? '') ?? [];
    if (major !== undefined && (Number(major) < 22 || (major === '22' && Number(minor) < 15))) {
      return realpathSync(join(entry, 'node'));
    }
  }
  return undefined;
}
