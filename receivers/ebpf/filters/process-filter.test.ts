import assert from 'node:assert/strict';
import { test } from 'node:test';
import { processFilter } from './process-filter.ts';

test('without patterns every process counts', () => {
  assert.equal(processFilter([], [])('nginx'), true);
});

test('names match as a whole, and case counts', () => {
  const counts = processFilter(['nginx'], []);
  assert.deepEqual(['nginx', 'nginx2', 'Nginx'].map(counts), [true, false, false]);
});

test('* stands for any text and ? for one character, and nothing else is special', () => {
  assert.deepEqual(['python3', 'python', 'ipython3'].map(processFilter(['python*'], [])), [true, true, false]);
  assert.deepEqual(['sh', 'ash', 'bash'].map(processFilter(['?sh'], [])), [false, true, false]);
  assert.deepEqual(['a.b(c)+', 'axb(c)+'].map(processFilter(['a.b(c)*'], [])), [true, false]);
});

test('re: begins a regular expression that matches anywhere', () => {
  assert.deepEqual(['node', 'nodejs', 'anode'].map(processFilter(['re:^node(js)?$'], [])), [true, true, false]);
  assert.deepEqual(['x-worker-1'].map(processFilter(['re:worker'], [])), [true]);
});

test('what is excluded stays out even where it is asked for', () => {
  assert.deepEqual(['nginx', 'nginx-debug'].map(processFilter(['nginx*'], ['*-debug'])), [true, false]);
});
