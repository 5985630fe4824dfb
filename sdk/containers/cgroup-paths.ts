import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type CgroupMount, cgroupTree } from './cgroup-mount.ts';

/** Directories that one scan visits at most. */
const SCAN_LIMIT = 65_536;

export interface CgroupPathsOptions {
  /** By default: {@link cgroupTree}. */
  readonly mount?: CgroupMount | undefined;
  /**
   * What the kernel told of cgroups when they were made, below the root of the whole tree: for those that were gone before a
   * scan. Asked before each scan; it may forget.
   */
  readonly made?: (id: bigint) => string | undefined;
}

/**
 * Paths of cgroups by the id that the kernel uses: the inode of the directory in the tree. What was not seen when it
 * was made is found by a scan of the tree, at most one between two calls of {@link CgroupPaths.allowScan}. A cgroup that is gone
 * keeps its last known path, so that what is counted late lands with what was counted before. The kernel never gives an id twice.
 */
export class CgroupPaths {
  readonly #mount: CgroupMount | undefined;
  readonly #made: (id: bigint) => string | undefined;
  readonly #paths = new Map<bigint, string>();
  #scanAllowed = true;

  constructor(options: CgroupPathsOptions = {}) {
    this.#mount = 'mount' in options ? options.mount : cgroupTree();
    this.#made = options.made ?? (() => undefined);
  }

  /** Lets the next unknown id cost a scan. Called once for each collection. */
  allowScan(): void {
    this.#scanAllowed = true;
  }

  /** Path below the root of the tree; undefined when the cgroup was gone before it was ever seen. */
  path(id: bigint): string | undefined {
    const known = this.#paths.get(id);
    if (known !== undefined) return known;
    const made = this.#made(id);
    if (made !== undefined) {
      this.#makeRoom();
      this.#paths.set(id, made);
      return made;
    }
    if (!this.#scanAllowed || this.#mount === undefined) return undefined;
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
    this.#makeRoom();
    for (const [id, path] of found) this.#paths.set(id, path);
  }

  #makeRoom(): void {
    if (this.#paths.size > SCAN_LIMIT) this.#paths.clear();
  }
}

function cgroupName({ root }: CgroupMount, below: string): string {
  return (root === '/' ? below : `${root}${below}`) || '/';
}
