import { statSync } from 'node:fs';
import { findCgroupMount, readMountInfo } from 'bpflow/containers';

/** Inode number of the root of the cgroup v2 tree. */
const ROOT_INODE = 1;

/** Where the root of the cgroup v2 tree is mounted; undefined where only a part of the tree can be seen. */
export function cgroupRoot(): string | undefined {
  const mount = findCgroupMount(readMountInfo());
  if (mount === undefined) return undefined;
  try {
    return statSync(mount.path).ino === ROOT_INODE ? mount.path : undefined;
  } catch {
    return undefined;
  }
}
