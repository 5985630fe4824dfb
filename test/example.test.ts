import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { builtIns } from '../pipeline/manifest.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

test('the example is a valid configuration', () => {
  const run = spawnSync(`${root}bin/bpflow`, ['validate', '--config', `${root}pipeline.example.yaml`]);
  assert.equal(run.stderr.toString(), '');
  assert.equal(run.status, 0);
});

test('the example names every built-in component', () => {
  const text = readFileSync(`${root}pipeline.example.yaml`, 'utf8');
  const missing = builtIns.map(({ type }) => type).filter((type) => !new RegExp(`^  ${type}:`, 'm').test(text));
  assert.deepEqual(missing, []);
});

test('the example explains every key', () => {
  const lines = readFileSync(`${root}pipeline.example.yaml`, 'utf8').split('\n');
  const explained = lines.filter((line) => /^ *#/.test(line)).length;
  assert.ok(explained >= 15, `${explained} comment lines`);
});
