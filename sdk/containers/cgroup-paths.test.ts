import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { cgroupIn, findCgroupMount, findV1Mount, hierarchyOf } from './cgroup-mount.ts';
import { CgroupPaths } from './cgroup-paths.ts';

const HYBRID = `
26 25 0:23 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
31 26 0:28 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
35 26 0:32 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw
`;

test('the cgroup v2 tree of a hybrid machine is found below the v1 trees', () => {
  assert.deepEqual(findCgroupMount(HYBRID), { root: '/', path: '/sys/fs/cgroup/unified' });
});

test('of several cgroup v2 mounts the one that shows most is taken, and octal escapes are read', () => {
  const text = `
35 26 0:32 /kubepods/pod1 /sys/fs/cgroup rw - cgroup2 cgroup2 rw
36 26 0:32 / /host\\040root/cgroup rw - cgroup2 cgroup2 rw
`;
  assert.deepEqual(findCgroupMount(text), { root: '/', path: '/host root/cgroup' });
});

test('a machine without cgroup v2 has the hierarchy of a controller, memory before pids', () => {
  const v1 = (controller: string): string =>
    `31 26 0:28 / /sys/fs/cgroup/${controller} rw - cgroup cgroup rw,${controller}\n`;
  assert.equal(findCgroupMount(v1('memory')), undefined);
  assert.deepEqual(findV1Mount(v1('cpu,cpuacct') + v1('pids') + v1('memory')), {
    root: '/',
    path: '/sys/fs/cgroup/memory',
    controller: 'memory',
  });
  assert.equal(findV1Mount(v1('cpu,cpuacct') + v1('pids'))?.controller, 'pids');
  assert.equal(findV1Mount(v1('cpu,cpuacct')), undefined);
  assert.equal(findV1Mount('31 26 0:28 / /x rw - tmpfs tmpfs rw,memory'), undefined);
});

test("a hierarchy has the number that the process's own list gives it", () => {
  const cgroups = '9:name=systemd:/\n8:pids:/\n4:memory,hugetlb:/x\n0::/\n';
  assert.deepEqual([hierarchyOf('memory', cgroups), hierarchyOf('pids', cgroups)], [4, 8]);
  // In version 2 there is no line of its own.
  assert.equal(hierarchyOf('memory', '0::/x\n'), 0);
});

test('a process is where the line of the tree says', () => {
  const text = '5:pids:/p\n4:cpu,memory:/m:n\n0::/x\n';
  assert.equal(cgroupIn({}, text), '/x');
  assert.equal(cgroupIn({ controller: 'memory' }, text), '/m:n');
  assert.equal(cgroupIn({ controller: 'memory' }, '0::/x\n'), undefined);
});

test('an id leads to the path, also after the cgroup is gone', () => {
  const tree = mkdtempSync(join(tmpdir(), 'cgroups-'));
  try {
    const folder = join(tree, 'system.slice', 'nginx.service');
    mkdirSync(folder, { recursive: true });
    const id = inode(folder);
    const paths = new CgroupPaths({ mount: { path: tree, root: '/' } });
    assert.equal(paths.path(id), '/system.slice/nginx.service');
    assert.equal(paths.path(inode(tree)), '/');
    rmSync(folder, { recursive: true });
    paths.allowScan();
    assert.equal(paths.path(1n), undefined);
    assert.equal(paths.path(id), '/system.slice/nginx.service');
  } finally {
    rmSync(tree, { recursive: true });
  }
});

test('unknown ids cost one scan for each collection', () => {
  const tree = mkdtempSync(join(tmpdir(), 'cgroups-'));
  try {
    const paths = new CgroupPaths({ mount: { path: tree, root: '/kubepods' } });
    assert.equal(paths.path(1n), undefined);
    const late = join(tree, 'late');
    mkdirSync(late);
    assert.equal(paths.path(inode(late)), undefined);
    paths.allowScan();
    assert.equal(paths.path(inode(late)), '/kubepods/late');
  } finally {
    rmSync(tree, { recursive: true });
  }
});

test('a cgroup that came and went between two scans is known from its making', () => {
  const tree = mkdtempSync(join(tmpdir(), 'cgroups-'));
  try {
    const told = new Map([[7n, '/kubepods/pod1/short']]);
    const paths = new CgroupPaths({ mount: { path: tree, root: '/' }, made: (id) => told.get(id) });
    assert.equal(paths.path(7n), '/kubepods/pod1/short');
    told.clear();
    assert.equal(paths.path(7n), '/kubepods/pod1/short');
    assert.equal(paths.path(inode(tree)), '/', 'the scan was not used up');
  } finally {
    rmSync(tree, { recursive: true });
  }
});

test('without a mount there is no scan', () => {
  assert.equal(new CgroupPaths({ mount: undefined }).path(1n), undefined);
});

function inode(folder: string): bigint {
  return statSync(folder, { bigint: true }).ino;
}
