import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { cgroupFilter, isCgroupPattern } from './cgroup-filter.ts';

const ROWS: readonly (readonly [what: string, pattern: string, paths: Readonly<Record<string, boolean>>])[] = [
  ['a path is the cgroup and all below', '/system.slice', { '/system.slice': true, '/system.slice/a.service/b': true }],
  [
    'and not what only begins alike',
    '/system.slice',
    { '/system.slice2': false, '/': false, '/a/system.slice': false },
  ],
  [
    'a slash at the end or none at the beginning changes nothing',
    'a/b/',
    { '/a/b': true, '/a/b/c': true, '/a': false },
  ],
  ['the root is everything', '/', { '/': true, '/any/thing': true }],
  ['a star is any text', '/kubepods*/*pod12*', { '/kubepods.slice/x/pod12/c': true, '/kubepods/pod3': false }],
  ['with all below', '*/web-?', { '/a/web-1': true, '/a/web-1/sub': true, '/web-1': true, '/a/web-10': false }],
  ['an expression is what it matches', 're:^/a$', { '/a': true, '/a/b': false }],
  ['anywhere in the path', 're:docker-[0-9a-f]+', { '/x/docker-12.scope/y': true, '/docker': false }],
];

describe('cgroup_filter', () => {
  for (const [what, pattern, paths] of ROWS) {
    test(what, () => {
      const counts = cgroupFilter([pattern]);
      assert.deepEqual(Object.fromEntries(Object.keys(paths).map((path) => [path, counts(path)])), paths);
    });
  }

  test('without patterns everything counts; with any a cgroup without a path does not', () => {
    assert.ok(cgroupFilter([])(undefined));
    assert.ok(!cgroupFilter(['/'])(undefined));
    assert.deepEqual(['/a', '/b', '/c'].map(cgroupFilter(['/a', 're:b'])), [true, true, false]);
  });

  test('a path of the file system is none of the tree', () => {
    assert.ok(!isCgroupPattern('/sys/fs/cgroup/system.slice') && !isCgroupPattern('/sys/fs/cgroup'));
    assert.ok(isCgroupPattern('/system.slice') && isCgroupPattern('/sys/fs/cgroups') && isCgroupPattern('re:/sys/fs'));
  });
});
