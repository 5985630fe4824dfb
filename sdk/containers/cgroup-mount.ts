import { readFileSync } from 'node:fs';

export interface CgroupMount {
  /** Where the tree is mounted. */
  readonly path: string;
  /** Which cgroup is at the mount point: `/`, or another one in a cgroup namespace or bind mount. */
  readonly root: string;
}

/**
 * The cgroup v2 mount that shows most of the tree, from the text of a `mountinfo` file. On hybrid machines it is not
 * `/sys/fs/cgroup` but a folder in it.
 */
export function findCgroupMount(mountInfo: string): CgroupMount | undefined {
  const mounts = mountInfo.split('\n').flatMap((line) => {
    const [before, after] = line.split(' - ');
    const [, , , root, path] = before!.split(' ');
    return after?.startsWith('cgroup2 ') && root && path ? [{ root: plain(root), path: plain(path) }] : [];
  });
  return mounts.sort((a, b) => depth(a.root) - depth(b.root))[0];
}

/** The mounts that this process sees; empty where there is no procfs. */
export function readMountInfo(): string {
  try {
    return readFileSync('/proc/self/mountinfo', 'utf8');
  } catch {
    return '';
  }
}

function depth(root: string): number {
  return root.split('/').filter((part) => part !== '').length;
}

/** Spaces and the like are octal in mountinfo. */
function plain(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
