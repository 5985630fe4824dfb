import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { RunningProgram, until } from './program.ts';
import { missing, pathOf, root } from './programs.ts';
import { lenientHere, strictHere, verdictCases } from './verdict-cases.ts';

const skip = missing('otelcol');
const folder = join(import.meta.dirname, 'configurations');

describe('a configuration of the Collector loads unchanged', { skip, concurrency: 2 }, () => {
  for (const file of readdirSync(folder)) {
    test(file, async () => {
      const yaml = readFileSync(join(folder, file), 'utf8');
      assert.deepEqual(await validate([pathOf('otelcol')], yaml), { status: 0, text: '' });
      const own = await validate(bpflow, yaml);
      assert.equal(own.status, 0, own.text);
    });
  }
});

describe('a configuration is accepted as by the Collector, and refused as by it', { skip, concurrency: 2 }, () => {
  for (const [name, yaml] of verdictCases) {
    test(name, async () => {
      const [reference, own] = [await validate([pathOf('otelcol')], yaml), await validate(bpflow, yaml)];
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

/** Whether the Collector gets ready with a configuration, at free ports wherever it names none. */
async function startsWith(yaml: string): Promise<{ readonly runs: boolean; readonly text: string }> {
  const quiet = ['--set', 'service.telemetry.metrics.level=none'];
  const elsewhere = yaml.includes('grpc: }') ? ['--set', 'receivers.otlp.protocols.grpc.endpoint=127.0.0.1:0'] : [];
  await using otelcol = new RunningProgram([pathOf('otelcol'), '--config', `yaml:${yaml}`, ...quiet, ...elsewhere]);
  const isReady = (): boolean => otelcol.log.includes('Everything is ready.');
  await until(
    () => isReady() || otelcol.hasEnded,
    () => `neither ready nor ended:\n${otelcol.log}`,
  );
  if (isReady()) return { runs: true, text: otelcol.log };
  assert.equal(await otelcol.ended(), 1, otelcol.log);
  return { runs: false, text: otelcol.log };
}

const bpflow = [process.execPath, join(root, 'bin', 'bpflow')];

async function validate(command: readonly string[], yaml: string): Promise<{ status: number; text: string }> {
  const child = spawn(command[0]!, [...command.slice(1), 'validate', '--config', `yaml:${yaml}`], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '', NODE_TEST_CONTEXT: '' },
  });
  let text = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const [status] = (await once(child, 'close')) as [number];
  return { status, text };
}
