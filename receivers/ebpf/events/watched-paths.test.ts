import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { WatchedPaths } from './watched-paths.ts';

test('of the paths at or above a file the nearest decides, by whole names', () => {
  const watched = new WatchedPaths(['/etc/', '/var/log', '/etc/a/b/c'], ['/etc/a', '/var/log/journal/']);
  const wanted = (paths: readonly string[]) => paths.filter((path) => watched.has(path));
  const inside = ['/etc', '/etc/passwd', '/etc/a/b/c', '/etc/a/b/c/d', '/var/log/x/y'];
  deepEqual(wanted(inside), inside);
  deepEqual(wanted(['/', '/etcetera', '/etc/a', '/etc/a/b', '/var', '/var/log/journal', '/var/log/journal/x']), []);
});

test('the whole machine can be watched, and nothing', () => {
  equal(new WatchedPaths(['/'], []).has('/any/thing'), true);
  equal(new WatchedPaths([], ['/']).has('/any/thing'), false);
  equal(new WatchedPaths([], ['/']).isEmpty, true);
});
