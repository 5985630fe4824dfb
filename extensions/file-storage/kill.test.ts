import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { STORAGE } from 'bpflow/sdk';
import { fileStorageConfig } from './config.ts';
import { createFileStorage } from './file-storage.ts';
import { random, temporaryFolder } from './test/open-store.ts';
import { runningScope } from './test/running-scope.ts';
import { storedValue } from './test/stored-value.ts';

const ROUNDS = process.env['BPFLOW_SUITE'] === 'full' ? 50 : 6;

test(`nothing that was acknowledged is lost when its process is killed (${ROUNDS} rounds)`, async () => {
  const directory = temporaryFolder();
  const next = random(ROUNDS);
  const expected = new Set<number>();
  let first = 0;
  let acknowledged = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const lines = await writeUntilKilled(directory, first, Math.floor(next() * 1000));
    acknowledged += lines.length;
    const told = new Set(lines);
    for (const line of lines) {
      const number = Number(line.slice(1));
      if (line[0] === '-') expected.delete(number);
      else for (let key = number; key < number + (line[0] === '=' ? 3 : 1); key++) expected.add(key);
      first = Math.max(first, number + 1000);
    }
    const scope = runningScope();
    const extension = createFileStorage(fileStorageConfig.parse({ directory, fsync: 'never' }), scope);
    await extension.start?.();
    const storage = await scope.get(STORAGE).open('test', 'writer');
    for (const key of expected) {
      const value = await storage.get(String(key));
      // A delete whose acknowledgement was on its way may have happened.
      if (value === undefined && told.has(`+${key}`) && key % 3 !== 0) expected.delete(key);
      else assert.deepEqual(value, storedValue(key), `round ${round}: key ${key} of ${lines.length} acknowledgements`);
    }
    for (const key of storage.keys()) {
      const number = Number(key);
      assert.deepEqual(await storage.get(key), storedValue(number), `round ${round}: key ${key}`);
      assert.ok(expected.has(number) || !told.has(`-${key}`), `round ${round}: ${key} is back`);
      expected.add(number);
    }
    for (const number of expected) {
      // The three keys of a batch are there together.
      const [batch] = [number, number - 1, number - 2].filter((key) => key % 5 === 0 && told.has(`=${key}`));
      if (batch === undefined) continue;
      for (const key of [batch, batch + 1, batch + 2]) assert.ok(expected.has(key), `round ${round}: batch ${batch}`);
    }
    // Half of it goes, so that files are removed and compacted too.
    for (const key of [...storage.keys()]) {
      if (next() < 0.5) continue;
      await storage.delete(key);
      expected.delete(Number(key));
    }
    await extension.stop?.();
  }
  assert.ok(acknowledged > ROUNDS * 10, `${acknowledged} acknowledgements in ${ROUNDS} rounds`);
});

/** Lines that the writer printed until it was killed, some time after line `count`. */
async function writeUntilKilled(directory: string, first: number, count: number): Promise<string[]> {
  const path = join(import.meta.dirname, 'test', 'writer-process.ts');
  const { NODE_TEST_CONTEXT: _context, ...env } = process.env;
  const child = spawn(process.execPath, ['--conditions=source', path, directory, String(first)], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  let lines = 0;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    lines += text.split('\n').length - 1;
    if (lines > count) child.kill('SIGKILL');
  });
  const [code, signal] = await once(child, 'close');
  assert.equal(signal, 'SIGKILL', `the writer ended by itself with ${code} after ${lines} acknowledgements`);
  return output.split('\n').slice(0, -1);
}
