import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { parse } from 'yaml';
import { profilesGate } from './agents.ts';
import { RunningProgram, temporaryFolder, until } from './program.ts';
import { missing, pathOf, root } from './programs.ts';
import { lenientHere, strictHere, verdictCases } from './verdict-cases.ts';

const skip = missing('otelcol');
const folder = join(import.meta.dirname, 'configurations');

describe('a configuration of the Collector loads unchanged', { skip, concurrency: 2 }, () => {
  for (const file of readdirSync(folder)) {
    test(file, async () => {
      const yaml = readFileSync(join(folder, file), 'utf8');
      assert.deepEqual(await validate(otelcol, yaml), { status: 0, text: '' });
      const own = await validate(bpflow, yaml);
      assert.equal(own.status, 0, own.text);
    });
  }
});

describe('a configuration is accepted as by the Collector, and refused as by it', { skip, concurrency: 2 }, () => {
  for (const [name, yaml] of verdictCases) {
    test(name, async () => {
      const [reference, own] = [await validate(otelcol, yaml), await validate(bpflow, yaml)];
      const words = `otelcol says: ${reference.text}bpflow says: ${own.text}\n${yaml}`;
      if (own.status !== 0) assert.doesNotMatch(own.text, /^\s+at .+:\d+:\d+\)?$/m, 'a stack is no message');
      if (reference.status === 0 && own.status !== 0) {
        // What the Collector refuses only when it starts, bpflow tells when it validates.
        const started = await startsWith(yaml);
        assert.equal(started.runs, strictHere.has(name), `${words}\nwhen started, otelcol says: ${started.text}`);
        assert.doesNotMatch(started.text, /address already in use/);
      } else {
        assert.equal(own.status !== reference.status, lenientHere.has(name), words);
        assert.ok(!strictHere.has(name), 'no difference is left here');
      }
    });
  }

  test('each difference has its case', () => {
    const names = new Set(verdictCases.map(([name]) => name));
    for (const name of [...strictHere.keys(), ...lenientHere.keys()]) assert.ok(names.has(name), name);
  });
});

describe('a command line ends as that of the Collector', { skip, concurrency: 2 }, () => {
  const good = `yaml:${readFileSync(join(folder, 'receiver-otlp-bare.yaml'), 'utf8')}`;
  const files = temporaryFolder();
  after(() => files[Symbol.dispose]());
  const file = (name: string, text: string): string => {
    const path = join(files.path, name);
    writeFileSync(path, text);
    return path;
  };
  const verbosity = (text: string): string[] => [
    ...['validate', '--config', good],
    ...['--config', `yaml:exporters::debug::verbosity: ${text}`],
  ];
  const lines: Readonly<Record<string, readonly string[]>> = {
    'no configuration': ['validate'],
    'a file that is not there': ['validate', '--config', join(files.path, 'nofile.yaml')],
    'an unknown command': ['nosuchcmd'],
    'an unknown flag': ['validate', '--nosuchflag'],
    'a word too many': ['validate', '--config', good, 'extra'],
    'an unknown scheme': ['validate', '--config', 'ftp:abc'],
    'an empty variable': ['validate', '--config', 'env:BPFLOW_NOT_SET'],
    'an empty file': ['validate', '--config', file('empty.yaml', '')],
    'a comment alone': ['validate', '--config', file('comment.yaml', '# nothing\n')],
    'a text': ['validate', '--config', file('text.yaml', 'hello\n')],
    'broken YAML': ['validate', '--config', file('broken.yaml', 'receivers: [\nexporters: {')],
    'a key twice': ['validate', '--config', file('twice.yaml', 'exporters:\n  debug:\n  debug:\n')],
    'a good one': ['validate', '--config', good],
    '--set without a value': ['validate', '--config', good, '--set', 'processors.batch'],
    '--set of an unknown root': ['validate', '--config', good, '--set', 'nosuch=1'],
    '--set of a list': ['validate', '--config', good, '--set', 'service.pipelines.traces.exporters=[nosuch]'],
    'a reference of an unknown scheme': verbosity('${vault:secret}'),
    'a variable with a bad name': verbosity('${env:1BAD-NAME}'),
    'a variable that is not set': verbosity('${env:BPFLOW_NOT_SET}'),
    'a default': verbosity('${env:BPFLOW_NOT_SET:-normal}'),
    'a bad default': verbosity('${env:BPFLOW_NOT_SET:-loud}'),
    'a file in a value': verbosity(`\${file:${join(files.path, 'nofile')}}`),
    'a reference without end': verbosity('"${env:A"'),
    'an unknown feature gate': ['validate', '--config', good, '--feature-gates=nosuch.gate'],
    help: ['help'],
    version: ['--version'],
    'the components': ['components'],
    'the configuration, printed': ['print-config', '--config', good],
  };
  for (const [name, line] of Object.entries(lines)) {
    test(name, async () => {
      const [reference, own] = [await run([pathOf('otelcol')], line), await run(bpflow, line)];
      assert.equal(own.status, reference.status, `otelcol says: ${reference.text}bpflow says: ${own.text}`);
      if (own.status !== 0) assert.match(own.text, /^Error: ./);
    });
  }
});

/** Whether the Collector gets ready with a configuration, at free ports wherever it names none. */
async function startsWith(yaml: string): Promise<{ readonly runs: boolean; readonly text: string }> {
  const quiet = ['--set', 'service.telemetry.metrics.level=none'];
  const { receivers } = parse(yaml) as {
    receivers: { otlp?: { protocols?: Record<string, { endpoint?: string } | null> } };
  };
  const elsewhere = Object.entries(receivers.otlp?.protocols ?? {})
    .filter(([, protocol]) => protocol?.endpoint === undefined)
    .flatMap(([name]) => ['--set', `receivers.otlp.protocols.${name}.endpoint=127.0.0.1:0`]);
  await using collector = new RunningProgram([...otelcol, '--config', `yaml:${yaml}`, ...quiet, ...elsewhere]);
  const isReady = (): boolean => collector.log.includes('Everything is ready.');
  await until(
    () => isReady() || collector.hasEnded,
    () => `neither ready nor ended:\n${collector.log}`,
  );
  if (isReady()) return { runs: true, text: collector.log };
  assert.equal(await collector.ended(), 1, collector.log);
  return { runs: false, text: collector.log };
}

const otelcol = [pathOf('otelcol'), profilesGate];
const bpflow = [process.execPath, join(root, 'bin', 'bpflow')];

function validate(command: readonly string[], yaml: string): Promise<{ status: number; text: string }> {
  return run(command, ['validate', '--config', `yaml:${yaml}`]);
}

async function run(command: readonly string[], line: readonly string[]): Promise<{ status: number; text: string }> {
  const child = spawn(command[0]!, [...command.slice(1), ...line], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '', NODE_TEST_CONTEXT: '' },
  });
  let text = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const [status] = (await once(child, 'close')) as [number];
  return { status, text };
}
