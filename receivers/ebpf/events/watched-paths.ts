import { type BigIntStats, statSync } from 'node:fs';
import { dirname, normalize } from 'node:path';
import type { BpfMap } from 'bpflow/sdk';
import { PathPrefix } from '../../../bpf/events.gen.ts';

const WATCHED = 1;
const ABOVE = 2;

/** Bytes of a path that the kernel compares. */
const PREFIX_BYTES = PathPrefix.SIZE - 4;

/** Which files are watched: of the paths at or above one, the longest decides. */
export class WatchedPaths {
  readonly #watched: ReadonlySet<string>;
  readonly #excluded: ReadonlySet<string>;
  #inodes = new Map<bigint, number>();

  constructor(watched: readonly string[], excluded: readonly string[]) {
    this.#watched = new Set(watched.map(plain));
    this.#excluded = new Set(excluded.map(plain));
  }

  get isEmpty(): boolean {
    return this.#watched.size === 0;
  }

  has(path: string): boolean {
    for (let at = path; ; at = dirname(at)) {
      if (this.#excluded.has(at)) return false;
      if (this.#watched.has(at)) return true;
      if (at === '/') return false;
    }
  }

  /** Lets the kernel leave out most of what is not watched. To be called again: directories come and go. */
  tell(inodes: BpfMap, prefixes: BpfMap): void {
    const found = new Map<bigint, number>();
    for (const path of this.#watched) {
      const own = directoryOf(path);
      if (own !== undefined) found.set(own, WATCHED);
      for (let at = path; at !== '/'; ) {
        at = dirname(at);
        const inode = inodeOf(at);
        if (inode !== undefined && !found.has(inode)) found.set(inode, ABOVE);
      }
      prefixes.update(prefixOf(path), u32(WATCHED), 'any');
    }
    for (const inode of this.#inodes.keys()) if (!found.has(inode)) inodes.delete(u64(inode));
    for (const [inode, kind] of found) inodes.update(u64(inode), u32(kind), 'any');
    this.#inodes = found;
  }
}

/** Without a slash at the end. */
function plain(path: string): string {
  const normal = normalize(path);
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
}

/** Inode of the directory, or of the one that a watched file is in. */
function directoryOf(path: string): bigint | undefined {
  const stat = statOf(path);
  return stat?.isDirectory() ? stat.ino : inodeOf(dirname(path));
}

function inodeOf(path: string): bigint | undefined {
  return statOf(path)?.ino;
}

/** Undefined for what is not there, or may not be seen. */
function statOf(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true });
  } catch {
    return undefined;
  }
}

function prefixOf(path: string): Uint8Array {
  const text = Buffer.from(path).subarray(0, PREFIX_BYTES - 1);
  const key = new Uint8Array(PathPrefix.SIZE);
  new DataView(key.buffer).setUint32(0, text.length * 8, true);
  key.set(text, 4);
  return key;
}

function u32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}

function u64(value: bigint): Uint8Array {
  return new Uint8Array(BigUint64Array.of(value).buffer);
}
