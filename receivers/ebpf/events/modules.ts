import { readFileSync } from 'node:fs';
import type { Clock } from 'bpflow/sdk';
import { buildIdOf } from './build-id.ts';

/** Files that are known by their build id at most. */
const MOST_FILES = 4096;
/** Processes whose maps are read in a second, at most: each takes some tenths of a millisecond. */
const READS_PER_SECOND = 20;

/**
 * Paths of the files that programs run, by build id. The kernel tells build ids even of processes that have ended; which file that
 * was is learned from one that lives, and from then on known of all.
 */
export class Modules {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #proc: string;
  readonly #paths = new Map<string, string>();
  /** Files whose build id is known, or has none: they are read once. */
  readonly #seen = new Set<string>();
  #second = Number.NEGATIVE_INFINITY;
  #reads = 0;

  constructor(clock: Pick<Clock, 'monotonic'>, proc = '/proc') {
    this.#clock = clock;
    this.#proc = proc;
  }

  /** Undefined when nobody knows. `pid`: a process that runs it, or did. */
  path(buildId: string, pid: number): string | undefined {
    const known = this.#paths.get(buildId);
    if (known !== undefined || !this.#mayRead()) return known;
    this.#learn(pid);
    return this.#paths.get(buildId);
  }

  #mayRead(): boolean {
    const now = this.#clock.monotonic();
    if (now - this.#second >= 1000) {
      this.#second = now;
      this.#reads = 0;
    }
    return this.#reads++ < READS_PER_SECOND;
  }

  #learn(pid: number): void {
    for (const { path, file } of executables(this.#proc, pid)) {
      if (this.#seen.has(file)) continue;
      if (this.#seen.size >= MOST_FILES) this.#forget();
      this.#seen.add(file);
      // As the process sees it: it may have another root.
      const buildId = buildIdOf(`${this.#proc}/${pid}/root${path}`);
      if (buildId !== undefined) this.#paths.set(buildId, path);
    }
  }

  #forget(): void {
    this.#seen.clear();
    this.#paths.clear();
  }
}

/** Files that are mapped to be executed; none for a process that has ended, or that we may not look at. */
function executables(proc: string, pid: number): { readonly path: string; readonly file: string }[] {
  let maps: string;
  try {
    maps = readFileSync(`${proc}/${pid}/maps`, 'utf8');
  } catch {
    return [];
  }
  return maps.split('\n').flatMap((line) => {
    const [, device, inode, path] = MAP.exec(line) ?? [];
    return path === undefined ? [] : [{ path, file: `${device} ${inode}` }];
  });
}

/** `7f00-7f01 r-xp 00001000 fe:01 1234 /usr/lib/libc.so.6`, with what may be executed alone. */
const MAP = /^\S+ ..x. \S+ (\S+) (\d+) +(\/.*)$/;
