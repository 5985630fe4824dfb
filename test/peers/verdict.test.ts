import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { missing, pathOf, root } from './programs.ts';
import { verdictCases } from './verdict-cases.ts';

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
      assert.equal(own.status, reference.status, `otelcol says: ${reference.text}bpflow says: ${own.text}\n${yaml}`);
      if (own.status !== 0) assert.doesNotMatch(own.text, /^\s+at .+:\d+:\d+\)?$/m, 'a stack is no message');
    });
  }
});

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
