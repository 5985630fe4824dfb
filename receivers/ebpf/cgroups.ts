import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Directories that one scan visits at most. */
const SCAN_LIMIT = 65_536;

/**
 * Paths of cgroups by the id that the kernel uses: the inode of the directory in the cgroup v2 tree. The tree is scanned
 * when an unknown id comes up, at most once between two calls of {@link CgroupPaths.allowScan}. A cgroup that is gone keeps
 * its last known path, so that what is counted late lands with what was counted before.
 */
export class CgroupPaths {
  readonly #mount: CgroupMount | undefined;
  readonly #paths = new Map<bigint, string>();
  #scanAllowed = true;

  /** `mount` by default: where this machine has its cgroup v2 tree. */
  constructor(mount: CgroupMount | undefined = findCgroupMount(readMountInfo())) {
    this.#mount = mount;
  }

  /** Lets the next unknown id cost a scan. Called once for each collection. */
  allowScan(): void {
    this.#scanAllowed = true;
  }

  /** Path below the root of the cgroup v2 tree; undefined when the cgroup was gone before it was ever seen. */
  path(id: bigint): string | undefined {
    const known = this.#paths.get(id);
    if (known !== undefined || !this.#scanAllowed || this.#mount === undefined) return known;
    this.#scanAllowed = false;
    this.#scan(this.#mount);
    return this.#paths.get(id);
  }

  #scan(mount: CgroupMount): void {
    const found = new Map<bigint, string>();
    const pending = [''];
    for (let below = pending.pop(); below !== undefined && found.size < SCAN_LIMIT; below = pending.pop()) {
      try {
        const folder = join(mount.path, below);
        found.set(statSync(folder, { bigint: true }).ino, cgroupName(mount, below));
        for (const entry of readdirSync(folder, { withFileTypes: true })) {
          if (entry.isDirectory()) pending.push(`${below}/${entry.name}`);
        }
      } catch {
        // The cgroup was removed while the scan was on its way to it.
      }
    }
    if (this.#paths.size > SCAN_LIMIT) this.#paths.clear();
    for (const [id, path] of found) this.#paths.set(id, path);
  }
}

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

function cgroupName({ root }: CgroupMount, below: string): string {
  return (root === '/' ? below : `${root}${below}`) || '/';
}

function depth(root: string): number {
  return root.split('/').filter((part) => part !== '').length;
}

/** Spaces and the like are octal in mountinfo. */
function plain(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
