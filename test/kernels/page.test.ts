import { equal, match, ok } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { FACTS } from '../../receivers/ebpf/facts.ts';
import { FILES } from './asked.ts';
import { root } from './guest.ts';
import { kernelsPage } from './page.ts';
import { allResults, type KernelResults, summaryOf } from './results.ts';

const names = FACTS.map(({ definition }) => definition.seedName);

test('the page is that of the results, with a row for every metric and every file of tests that there is', () => {
  const page = readFileSync(join(root, 'docs', 'reference', 'kernels.md'), 'utf8');
  equal(page, kernelsPage(allResults(), { names, files: FILES }), 'run npm run generate');
  for (const name of [...names, ...FILES]) ok(page.includes(`| \`${name}\` |`), name);
});

test('what is not exact, not there, left out or failed has its reason in a note; what nobody ran says so', () => {
  const kernel: KernelResults = {
    release: '5.0',
    metrics: [
      { name: 'a', state: 'exact', reason: '', rungs: ['tp_btf', 'iter'] },
      { name: 'b', state: 'inexact', reason: 'Of every second.', rungs: ['raw_tp'] },
      { name: 'c', state: 'absent', reason: 'There is none.', rungs: [] },
    ],
    events: [{ role: 'event_x', rung: '', reason: 'There is none.' }],
    files: {
      'x.test.ts': summaryOf([{ name: 'one' }, { name: 'two', error: 'no' }, { name: 'three', skipped: 'why' }]),
    },
  };
  const page = kernelsPage([kernel], { names: ['a', 'b', 'c', 'd'], files: ['x.test.ts', 'y.test.ts'] });
  match(page, /\| `a` \| exact \(tp_btf, iter\) \|/);
  match(page, /\| `b` \| marked \[1\] \(raw_tp\) \|/);
  match(page, /\| `c` \| absent \[2\] \|/);
  match(page, /\| `d` \| not run \|/);
  match(page, /\| `event_x` \| absent \[2\] \|/);
  match(page, /\| `x.test.ts` \| 1 passed, 1 left out \[3\], \*\*1 failed\*\* \[4\] \|/);
  match(page, /\| `y.test.ts` \| not run \|/);
  match(page, /1\. Of every second\.\n2\. There is none\.\n3\. why\n4\. two\n/);
});
