import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { absentTracepoints } from './absent-tracepoints.ts';

const folder = mkdtempSync(join(tmpdir(), 'bpflow-types-'));
after(() => rmSync(folder, { recursive: true }));

const SECTIONS = new Map([
  ['known_btf', 'tp_btf/known'],
  ['known_tp', 'tracepoint/group/known'],
  ['gone_btf', 'tp_btf/gone'],
  ['gone_raw', 'raw_tp/gone'],
  ['gone_tp', 'tracepoint/group/gone'],
  ['one_call', 'tracepoint/syscalls/sys_enter_gone'],
  ['walk', 'iter/task'],
  ['packets', 'cgroup_skb/egress'],
]);

test('programs at tracepoints that the types do not name are absent, and those at other hooks never', () => {
  const types = join(folder, 'types');
  writeFileSync(types, '\0other\0btf_trace_known\0btf_trace_go\0btf_trace_gone_on\0');
  const reason = 'the kernel has no tracepoint gone';
  assert.deepEqual(
    absentTracepoints(SECTIONS, types),
    new Map([
      ['gone_btf', reason],
      ['gone_raw', reason],
      ['gone_tp', reason],
    ]),
  );
});

test('where there are no types nothing is known to be absent', () => {
  const empty = join(folder, 'empty');
  writeFileSync(empty, '');
  for (const types of [empty, join(folder, 'missing')]) assert.equal(absentTracepoints(SECTIONS, types).size, 0);
});
