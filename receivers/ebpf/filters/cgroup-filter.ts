import { nameMatcher } from './process-filter.ts';

const MOUNT = /^\/sys\/fs\/cgroup(\/|$)/;

/** Whether a pattern is written from the root of the cgroup tree, and not as a path of the file system. */
export function isCgroupPattern(pattern: string): boolean {
  return !MOUNT.test(pattern);
}

/**
 * Whether what runs in a cgroup counts, by its path below the root of the tree: an exact path or one with `*` (any text, `/` too) and
 * `?` stands for the cgroup and all below; `re:<expression>` for the paths that it matches anywhere. Without patterns all count; with
 * any a cgroup whose path nobody knows does not.
 */
export function cgroupFilter(patterns: readonly string[]): (path: string | undefined) => boolean {
  if (patterns.length === 0) return () => true;
  const isNamed = nameMatcher(patterns.filter((pattern) => !pattern.startsWith('re:')).map(fromRoot));
  const isMatched = nameMatcher(patterns.filter((pattern) => pattern.startsWith('re:')));
  return (path) => path !== undefined && (isMatched(path) || wayTo(path).some(isNamed));
}

function fromRoot(pattern: string): string {
  const path = pattern.startsWith('/') || pattern.startsWith('*') ? pattern : `/${pattern}`;
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

/** `/a/b` → `/`, `/a`, `/a/b`. */
function wayTo(path: string): string[] {
  const names = path.split('/').filter((name) => name !== '');
  return ['/', ...names.map((_, i) => `/${names.slice(0, i + 1).join('/')}`)];
}
