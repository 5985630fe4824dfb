import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Absent } from './absent.ts';

const folder = mkdtempSync(join(tmpdir(), 'bpflow-types-'));
after(() => rmSync(folder, { recursive: true }));

const ALL = { taskStorage: true, socketStorage: true };
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
    new Absent(types).programs(SECTIONS),
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
  for (const types of [empty, join(folder, 'missing')]) {
    assert.deepEqual(new Absent(types).without(ALL), ALL);
    assert.equal(new Absent(types).programs(SECTIONS).size, 0);
  }
});

test('storage that the types do not name is not tried, nor is what is switched off', () => {
  const storage = (names: string, allowed: typeof ALL) => {
    const types = join(folder, 'storage');
    writeFileSync(types, `\0btf_trace_known\0${names}`);
    const { taskStorage, socketStorage } = new Absent(types).without(allowed);
    return [taskStorage, socketStorage];
  };
  const [task, socket] = ['BPF_MAP_TYPE_TASK_STORAGE\0', 'bpf_sk_storage_get_tracing\0'];
  assert.deepEqual(storage('', ALL), [false, false]);
  assert.deepEqual(storage(`${task}my_${socket}`, ALL), [true, false]);
  assert.deepEqual(storage(task + socket, ALL), [true, true]);
  assert.deepEqual(storage(task + socket, { ...ALL, taskStorage: false }), [false, true]);
});
