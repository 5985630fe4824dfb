import { existsSync, mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { cgroupTree } from 'bpflow/containers';
import { skip } from './machine.ts';

const mount = skip === false ? cgroupTree() : undefined;

/** Cgroups of a test by their paths in the tree of cgroups, with what is above them. Removed at the end, when nothing lives in them. */
export class CgroupTree {
  /** Why there is none; false when there is one. For node:test's `skip`. */
  static readonly reason: string | false = skip || (mount === undefined ? 'needs a tree of cgroups' : false);
  /** Where the cgroups are, in the order of their paths. */
  readonly folders: readonly string[];
  readonly #all = new Set<string>();

  constructor(...paths: readonly string[]) {
    const root = mount?.path ?? '/nonexistent';
    this.folders = paths.map((path) => join(root, path));
    for (const path of paths) {
      for (let above = path; above !== '/'; above = join(above, '..')) this.#all.add(join(root, above));
    }
    if (CgroupTree.reason === false) for (const folder of this.folders) mkdirSync(folder, { recursive: true });
  }

  [Symbol.dispose](): void {
    const longestFirst = [...this.#all].sort((a, b) => b.length - a.length);
    for (const folder of longestFirst) {
      try {
        if (existsSync(folder)) rmdirSync(folder);
      } catch {
        // Somebody else's is in it.
      }
    }
  }
}
