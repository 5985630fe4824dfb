import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { skip } from './machine.ts';

const LIMIT = String(20 * 2 ** 20);

/** Where cgroups may have their memory limited, with the file that does it. */
const PLACES: readonly { readonly root: string; readonly limit: string }[] = [
  { root: '/sys/fs/cgroup/memory', limit: 'memory.limit_in_bytes' },
  { root: '/sys/fs/cgroup', limit: 'memory.max' },
];

/** A memory cgroup of 20 MiB, of either version. Removed at the end, when nothing lives in it. */
export class SmallCgroup {
  readonly path: string = '';
  /** Why there is none; false when there is one. For node:test's `skip`. */
  readonly reason: string | false;

  constructor() {
    if (skip !== false) {
      this.reason = skip;
      return;
    }
    for (const { root, limit } of PLACES) {
      const path = join(root, `bpflow-oom-${process.pid}`);
      try {
        mkdirSync(path);
        this.path = path;
        if (!existsSync(join(path, limit))) throw new Error(`${limit} is missing`);
        writeFileSync(join(path, limit), LIMIT);
        if (existsSync(join(path, 'memory.swap.max'))) writeFileSync(join(path, 'memory.swap.max'), '0');
        this.reason = false;
        return;
      } catch {
        this[Symbol.dispose]();
      }
    }
    this.reason = 'needs a memory cgroup that may be made here';
  }

  [Symbol.dispose](): void {
    if (this.path !== '' && existsSync(this.path)) rmdirSync(this.path);
  }
}
