import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { ViewQuery } from '../../sdk/scope.ts';
import { openAdminSocket } from '../admin/socket.ts';
import { Views } from '../admin/views.ts';
import { askForExplanation } from './explain.ts';
import { explainText } from './explain-text.ts';
import { parseSelector } from './selector.ts';

const folder = mkdtempSync(join(tmpdir(), 'bpflow-explain-'));
after(() => rmSync(folder, { recursive: true }));

describe('a selector', () => {
  const good = {
    ebpf_syscall_count: {},
    'ebpf.syscall.count{}': {},
    ' a:b { x = "1" , y="2", } ': { x: '1', y: '2' },
    'a{process.executable.name="a \\"b\\" \\\\ \\n, }"}': { 'process.executable.name': 'a "b" \\ \n, }' },
  };
  for (const [text, labels] of Object.entries(good)) {
    test(`${text} is read`, () => assert.deepEqual(parseSelector(text)?.labels, labels));
  }
  for (const text of ['', '1a', 'a{', 'a}', 'a{x}', 'a{x=1}', 'a{x="1"', 'a{x="1" y="2"}', 'a b', 'a{x!="1"}']) {
    test(`${JSON.stringify(text)} is none`, () => assert.equal(parseSelector(text), undefined));
  }
});

test('components are asked in the order of the data, and later ones hear the names of earlier ones', async () => {
  const views = new Views();
  const asked: [who: string, query: ViewQuery][] = [];
  const answering = (who: string, answer: object) => (query: ViewQuery) => {
    asked.push([who, query]);
    return { known: true, reason: '', names: [], facts: [], series: [], more: 0, ...answer };
  };
  views.add(
    { kind: 'exporter', id: 'page', name: 'explain' },
    answering('page', { series: [{ series: 'a{}', facts: [['exported', '3']] }] }),
  );
  views.add({ kind: 'exporter', id: 'other', name: 'explain' }, answering('other', { known: false }));
  views.add({ kind: 'receiver', id: 'kernel/1', name: 'programs' }, () => assert.fail('another view is read'));
  views.add(
    { kind: 'receiver', id: 'kernel/1', name: 'explain' },
    answering('kernel', {
      reason: 'It is guessed.',
      names: ['a', 'b'],
      facts: [
        ['hook', 'tp'],
        ['map', 'm'],
      ],
      more: 2,
    }),
  );
  const path = join(folder, 'admin.sock');
  const socket = await openAdminSocket(path, { views, health: () => ({}) });
  try {
    const parts = await askForExplanation(path, 'a{x="1"}');
    const query = { metric: 'a', labels: '{"x":"1"}' };
    assert.deepEqual(asked, [
      ['kernel', { ...query, names: '[]' }],
      ['page', { ...query, names: '["a","b"]' }],
      ['other', { ...query, names: '["a","b"]' }],
    ]);
    assert.equal(
      explainText('a{x="1"}', parts),
      `receiver kernel/1
  It is guessed.
  hook  tp
  map   m

  … and 2 more series

exporter page

  a{}
    exported  3
`,
    );
  } finally {
    await socket.close();
  }
});

test('what nobody knows, and what is no selector, is told', async () => {
  assert.match(explainText('nosuch', []), /^No component of this agent knows nosuch\./);
  await assert.rejects(
    askForExplanation(join(folder, 'none.sock'), 'a{'),
    /^PipelineError: invalid argument "a\{": write a/,
  );
});
