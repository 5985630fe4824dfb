import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CgroupPaths } from 'bpflow/containers';
import type { BpfMap } from 'bpflow/sdk';
import { GroupKey, GroupValue } from '../../../bpf/process.gen.ts';
import { type Group, Groups } from './groups.ts';
import { groupAttributes, groupKey, LABELS } from './labels.ts';

const CONTAINER = 'f1fd41ed'.repeat(8);
const POD = '1ee4d255-a1bd-4ca0-a48a-1b50d50ece24';
const PATHS = new Map([
  [11n, `/docker/${CONTAINER}`],
  [12n, `/kubepods/pod${POD}/${CONTAINER}`],
  [13n, `/kubepods/pod${POD}`],
]);

test('a group has its names, its cgroup and its container', () => {
  const { groups } = setUp([{ id: 7, process: 'nginx', cgroup: 11n, command: 'nginx: worker', pid: 99 }]);
  const { resource, ...group } = groups.get(7);
  assert.deepEqual(group, {
    id: 7,
    process: 'nginx',
    command: 'nginx: worker',
    pid: 99,
    cgroup: `/docker/${CONTAINER}`,
    containerId: CONTAINER,
    counts: true,
  });
  assert.deepEqual(resource.attributes.toObject(), { 'container.id': CONTAINER });
});

test('a group in a pod has the uid of the pod, also where no container is', () => {
  const { groups } = setUp([
    { id: 1, process: 'app', cgroup: 12n },
    { id: 2, process: 'runc', cgroup: 13n },
  ]);
  assert.deepEqual(groups.get(1).resource.attributes.toObject(), { 'container.id': CONTAINER, 'k8s.pod.uid': POD });
  assert.deepEqual(groups.get(2).resource.attributes.toObject(), { 'k8s.pod.uid': POD });
  assert.notEqual(groupKey(groups.get(2), []), groupKey(groups.other, []));
});

test('labels that are unknown are left out; groups that labels do not tell apart have one key', () => {
  const { groups } = setUp([
    { id: 1, process: 'a', cgroup: 5n },
    { id: 2, process: 'a', cgroup: 6n },
    { id: 3, process: 'a', cgroup: 11n },
  ]);
  const [one, two, three] = [groups.get(1), groups.get(2), groups.get(3)];
  assert.deepEqual(groupAttributes(one, LABELS), { 'process.executable.name': 'a' });
  assert.deepEqual(groupAttributes(three, LABELS), {
    'process.executable.name': 'a',
    'process.linux.cgroup': `/docker/${CONTAINER}`,
    'container.id': CONTAINER,
  });
  assert.equal(groupKey(one, ['process']), groupKey(two, ['process']));
  assert.notEqual(groupKey(one, ['process']), groupKey(three, ['process']));
});

test('id 0 and ids that nothing is known of are `other`', () => {
  const { groups } = setUp([]);
  assert.equal(groups.get(0).process, 'other');
  assert.equal(groups.get(12).process, 'other');
});

test('an idle group without a living task loses its name, and a collection later it ends', () => {
  const { groups, names } = setUp([{ id: 1, process: 'a', cgroup: 5n }]);
  groups.get(1);
  groups.begin(999);
  assert.deepEqual(ended(groups, 1), []);
  groups.begin(1000);
  assert.deepEqual(ended(groups, 2), []);
  assert.deepEqual(names(), []);
  groups.begin(1010);
  assert.deepEqual(ended(groups, 3), [1]);
  assert.equal(groups.size, 0);
});

test('a living task, or anything that grew, keeps a group', () => {
  const { groups, names } = setUp([
    { id: 1, process: 'alive', cgroup: 5n },
    { id: 2, process: 'busy', cgroup: 5n },
  ]);
  groups.get(1);
  groups.begin(5000);
  groups.alive(1, 1);
  groups.changed(2);
  assert.deepEqual(ended(groups, 1), []);
  assert.deepEqual(names(), ['alive', 'busy']);
});

test('a group that gets a task after all when its name is gone has its name back', () => {
  const { groups, names } = setUp([{ id: 1, process: 'a', cgroup: 5n }]);
  groups.get(1);
  groups.begin(1000);
  groups.retire(1);
  assert.deepEqual(names(), []);
  groups.begin(1010);
  groups.alive(1, 2);
  assert.deepEqual(ended(groups, 2), []);
  assert.deepEqual(names(), ['a']);
});

test('a name that a newer group has got meanwhile stays with that one, and the old group ends without it', () => {
  const { groups, names, add } = setUp([{ id: 1, process: 'a', cgroup: 5n }]);
  groups.get(1);
  groups.begin(1000);
  groups.retire(1);
  add({ id: 2, process: 'a', cgroup: 5n });
  groups.begin(1010);
  groups.changed(1);
  assert.deepEqual(ended(groups, 2), []);
  groups.begin(2010);
  groups.get(2);
  groups.retire(3);
  assert.deepEqual(names(), ['a']);
  groups.begin(2020);
  groups.changed(2);
  assert.deepEqual(ended(groups, 4), [1]);
  assert.deepEqual(names(), ['a']);
});

test('what the filter refuses does not count', () => {
  const { groups } = setUp([{ id: 1, process: 'systemd', cgroup: 5n }], (process) => process !== 'systemd');
  assert.equal(groups.get(1).counts, false);
});

function ended(groups: Groups, generation: number): number[] {
  return [...groups.retire(generation)];
}

interface Entry extends Pick<Group, 'id' | 'process'> {
  readonly cgroup: bigint;
  readonly command?: string;
  readonly pid?: number;
}

function setUp(entries: readonly Entry[], counts: (process: string) => boolean = () => true) {
  const stored = new Map<string, { key: Uint8Array; id: number }>();
  const map = {
    type: 'hash',
    keySize: GroupKey.SIZE,
    valueSize: GroupValue.SIZE,
    stride: GroupValue.SIZE,
    maxEntries: 16,
    readInto(keys: Uint8Array, values: Uint8Array): number {
      for (const [i, { key, id }] of [...stored.values()].entries()) {
        keys.set(key, i * GroupKey.SIZE);
        values.set(new Uint8Array(Uint32Array.of(id, 0).buffer), i * GroupValue.SIZE);
      }
      return stored.size;
    },
    delete: (key: Uint8Array) => stored.delete(key.join()),
    update(key: Uint8Array, value: Uint8Array, mode: string): void {
      if (mode === 'create' && stored.has(key.join())) throw new Error('exists');
      stored.set(key.join(), { key, id: new Uint32Array(value.slice().buffer)[0]! });
    },
  } as unknown as BpfMap;
  const add = (entry: Entry) => {
    const key = keyBytes(entry);
    stored.set(key.join(), { key, id: entry.id });
  };
  for (const entry of entries) add(entry);
  const cgroups = new CgroupPaths({ mount: undefined });
  cgroups.path = (id) => PATHS.get(id);
  const groups = new Groups(map, { cgroups, counts, idleTimeoutMs: 1000, batch: true });
  const names = () =>
    [...stored.values()].map(({ key }) => new GroupKey().move(new Uint32Array(key.slice().buffer), 0).process).sort();
  return { groups, names, add };
}

function keyBytes({ process, cgroup, command = '', pid = 0 }: Entry): Uint8Array {
  const words = new Uint32Array(GroupKey.WORDS);
  const bytes = new Uint8Array(words.buffer);
  words[GroupKey.WORD.cgroup] = Number(cgroup);
  words[GroupKey.WORD.pid] = pid;
  bytes.set(new TextEncoder().encode(process), GroupKey.WORD.process * 4);
  bytes.set(new TextEncoder().encode(command), GroupKey.WORD.command * 4);
  return bytes;
}
