import assert from 'node:assert/strict';
import {
  type ChildProcessWithoutNullStreams,
  type SpawnOptionsWithoutStdio,
  spawn,
  spawnSync,
} from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, type TestContext, test } from 'node:test';

const noTerminal = spawnSync('script', ['--version']).status === 0 ? false : 'there is no script(1)';
const root = dirname(import.meta.dirname);
const folder = mkdtempSync(join(tmpdir(), 'bpflow commands '));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A signal that gets lost must fail the test, not hold it up. */
const bounded = { timeout: 30_000 };

describe('npm start', () => {
  const agent = `#!/usr/bin/env node
const name = (signal) => process.on(signal, () => console.log(signal));
name('SIGINT'); name('SIGHUP');
process.on('SIGTERM', () => process.exit(6));
console.log('ready', process.argv.slice(2).join(' '));
setTimeout(() => process.exit(9), 60_000);
`;
  const script = 'exec bash scripts/start.sh';

  test('runs the example and passes arguments on; a failed set-up does not stop it', bounded, async (t) => {
    const checkout = copy('incomplete', ['scripts/start.sh'], { 'scripts/setup.sh': 'exit 1', 'bin/bpflow': agent });
    const child = start(t, 'bash', ['-c', `${script} "$@"`, 'sh', '--set', 'a=b c'], { cwd: checkout });
    const until = watch(child);
    await until(/^ready run --config pipeline\.example\.yaml --set a=b c\n/);
    child.kill('SIGTERM');
    assert.deepEqual(await once(child, 'exit'), [6, null]);
  });

  test('under npm without a terminal the agent is the child of npm', bounded, async (t) => {
    const checkout = copy('pipe', ['scripts/start.sh'], { 'scripts/setup.sh': '', 'bin/bpflow': agent });
    const child = start(t, 'sh', ['-c', script], {
      cwd: checkout,
      env: { ...process.env, npm_lifecycle_event: 'start' },
    });
    const until = watch(child);
    await until(/^ready/);
    child.kill('SIGINT');
    await until(/SIGINT\n$/);
    child.kill('SIGTERM');
    assert.deepEqual(await once(child, 'exit'), [6, null]);
  });

  test('on a terminal one Ctrl-C is one signal, and what npm passes on arrives', {
    skip: noTerminal,
    ...bounded,
  }, async (t) => {
    const checkout = copy('terminal', ['scripts/start.sh'], {
      'scripts/setup.sh': '',
      'bin/bpflow': agent,
      'package.json': JSON.stringify({ scripts: { start: script } }),
      'session.sh': 'trap : INT; npm start --silent <&0 & read -r _; kill -TERM $!; wait $!; echo "status $?"',
    });
    const terminal = start(t, 'script', ['-qec', 'bash session.sh', '/dev/null'], { cwd: checkout });
    const until = watch(terminal);
    await until(/ready/);
    for (const count of [1, 2]) {
      terminal.stdin.write('\x03');
      const output = await until(new RegExp(`(?:SIGINT\\r\\n[^]*){${count}}`));
      assert.equal(output.match(/SIGINT/g)?.length, count);
    }
    terminal.stdin.write('\n');
    const output = await until(/status \d+/);
    assert.match(output, /status 6/);
    assert.equal(output.match(/SIGINT/g)?.length, 2);
  });
});

describe('.ci/run', () => {
  const quiet = { 'scripts/suite.sh': 'echo "left out"' };

  test('adds up what its stages counted', () => {
    const checkout = copy('green', ['.ci/run'], {
      'scripts/test.sh': counting('summary', '40 0 2'),
      'scripts/check.sh': counting('summary.check', '5 0 1'),
      ...quiet,
    });
    const { stdout, status } = spawnSync('bash', ['.ci/run'], { cwd: checkout, encoding: 'utf8' });
    assert.equal(stdout.trim().split('\n').at(-1), '49 passed, 0 failed');
    assert.equal(status, 0);
  });

  test('runs every stage after a failure and fails', () => {
    const checkout = copy('red', ['.ci/run'], {
      'scripts/test.sh': `${counting('summary', '40 3 0')}; exit 1`,
      'scripts/check.sh': 'echo "died before it counted"; exit 1',
      ...quiet,
    });
    const { stdout, status } = spawnSync('bash', ['.ci/run'], { cwd: checkout, encoding: 'utf8' });
    assert.equal(stdout.trim().split('\n').at(-1), '44 passed, 4 failed');
    assert.equal(stdout.match(/left out/g)?.length, 4);
    assert.equal(status, 1);
  });

  test('a stage that fails although it counted no failure is a failure', () => {
    const checkout = copy('odd', ['.ci/run'], {
      'scripts/test.sh': `${counting('summary', '40 0 0')}; exit 1`,
      'scripts/check.sh': counting('summary.check', '5 0 0'),
      ...quiet,
    });
    const { stdout, status } = spawnSync('bash', ['.ci/run'], { cwd: checkout, encoding: 'utf8' });
    assert.equal(stdout.trim().split('\n').at(-1), '49 passed, 1 failed');
    assert.equal(status, 1);
  });
});

describe('npm test', () => {
  const passing = "import { test } from 'node:test';\ntest('a', () => {});\ntest('b', { skip: 'why' }, () => {});\n";
  const failing = "import { test } from 'node:test';\ntest('c', () => { throw new Error('no'); });\n";
  const scripts = ['scripts/test.sh', 'scripts/summary-reporter.js'];

  test('finds tests everywhere but in fixtures, builds and suites, and sums them up', () => {
    const checkout = copy('tests', scripts, {
      'scripts/setup.sh': '',
      'package.json': '{ "type": "module" }',
      'pdata/a.test.ts': passing,
      'test/kernel/b.test.ts': passing,
      ...Object.fromEntries(
        ['node_modules/x', 'build', 'dist', 'test/fixtures', 'test/bench', 'test/soak'].map((path) => [
          `${path}/c.test.ts`,
          failing,
        ]),
      ),
    });
    const { stdout, status } = npmTest(checkout);
    assert.equal(stdout.trim().split('\n').at(-1), '2 passed, 0 failed, 2 skipped');
    assert.equal(status, 0);
  });

  test('runs only what it is given, and fails when a test, the set-up or the search fails', () => {
    const checkout = copy('some', scripts, {
      'scripts/setup.sh': '[[ -e set-up ]]',
      'package.json': '{ "type": "module" }',
      'set-up': '',
      'pdata/a.test.ts': passing,
      'sdk/b.test.ts': failing,
    });
    const last = (...paths: string[]) => {
      const { stdout, status } = npmTest(checkout, ...paths);
      return [stdout.trim().split('\n').at(-1), status];
    };
    assert.deepEqual(last('pdata'), ['1 passed, 0 failed, 1 skipped', 0]);
    assert.deepEqual(last('sdk/b.test.ts'), ['0 passed, 1 failed, 0 skipped', 1]);
    assert.deepEqual(last('scripts'), ['0 passed, 1 failed, 0 skipped', 1]);
    rmSync(join(checkout, 'set-up'));
    assert.deepEqual(last('pdata'), ['1 passed, 1 failed, 1 skipped', 1]);
  });
});

describe('the long suites', () => {
  test('say what they leave out, and why', () => {
    const checkout = copy('suites', ['scripts/suite.sh'], {});
    const run = (...args: string[]) =>
      spawnSync('bash', ['scripts/suite.sh', ...args], { cwd: checkout, encoding: 'utf8' });
    for (const suite of ['kernels', 'peers', 'cluster', 'soak']) {
      const { stdout, status } = run(suite, '--short');
      assert.match(
        stdout,
        new RegExp(`^test:${suite} \\(short\\): left out: .+; reason: test/${suite} has no tests yet`),
      );
      assert.equal(status, 0);
    }
    assert.equal(run('sock').status, 2);
  });
});

/** A checkout with some of our scripts and stand-ins for what they call. */
function copy(name: string, scripts: readonly string[], files: Readonly<Record<string, string>>): string {
  const path = join(folder, name);
  for (const script of scripts) cpSync(join(root, script), join(path, script));
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, file)), { recursive: true });
    writeFileSync(join(path, file), text);
    chmodSync(join(path, file), 0o755);
  }
  return path;
}

function counting(file: string, counts: string): string {
  return `mkdir -p build/test; echo "${counts}" >build/test/${file}`;
}

/** The variables of the runner around us must not make the inner one believe that it is a part of it. */
function npmTest(checkout: string, ...paths: readonly string[]) {
  const { NODE_TEST_CONTEXT: _context, FAILED_TESTS: _file, ...env } = process.env;
  return spawnSync('bash', ['scripts/test.sh', ...paths], { cwd: checkout, encoding: 'utf8', env });
}

/** Ended with all of its process group when the test ends. */
function start(t: TestContext, command: string, args: readonly string[], options: SpawnOptionsWithoutStdio) {
  const child = spawn(command, args, { ...options, detached: true });
  t.after(() => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, 'SIGKILL');
  });
  return child;
}

/** Waits until all that was printed so far matches. */
function watch(child: ChildProcessWithoutNullStreams): (pattern: RegExp) => Promise<string> {
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk;
  });
  const ended = once(child.stdout, 'end');
  return async (pattern) => {
    while (!pattern.test(output)) {
      if (child.stdout.readableEnded) throw new Error(`The command ended without printing ${pattern}: ${output}`);
      await Promise.race([once(child.stdout, 'data'), ended]);
    }
    return output;
  };
}
