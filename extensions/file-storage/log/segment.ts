import { randomInt } from 'node:crypto';
import { type FileHandle, open, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';

/** `<sequence number of the first record, 16 hex digits>-<salt, 8 hex digits>.log`: names sort in the order of writing. */
const NAME = /^([0-9a-f]{16})-([0-9a-f]{8})\.log$/;

/** One file of a log. Files are only ever appended to, and removed from the oldest on. */
export class Segment {
  readonly path: string;
  /** Sequence number of its first record. */
  readonly first: number;
  /** What the checksums of its records begin with. */
  readonly salt: number;
  /** Bytes of whole records. */
  size = 0;
  /** Keys whose value stands here. */
  liveEntries = 0;
  /** Bytes of these values. */
  liveBytes = 0;
  #reader: Promise<FileHandle> | undefined;

  constructor(folder: string, first: number, salt: number) {
    const name = `${first.toString(16).padStart(16, '0')}-${salt.toString(16).padStart(8, '0')}.log`;
    this.path = join(folder, name);
    this.first = first;
    this.salt = salt;
  }

  /** A segment that is not there yet. */
  static next(folder: string, first: number): Segment {
    return new Segment(folder, first, randomInt(1, 2 ** 32));
  }

  /** The segments of a folder, oldest first; none when there is no folder. */
  static async list(folder: string): Promise<Segment[]> {
    const segments: Segment[] = [];
    const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    for (const name of names.sort()) {
      const [, first, salt] = NAME.exec(name) ?? [];
      if (first !== undefined)
        segments.push(new Segment(folder, Number.parseInt(first, 16), Number.parseInt(salt!, 16)));
    }
    return segments;
  }

  /** The file, open for reading until `release`. */
  reader(): Promise<FileHandle> {
    this.#reader ??= open(this.path, 'r').catch((error: unknown) => {
      this.#reader = undefined;
      throw error;
    });
    return this.#reader;
  }

  /** Closes the file; reads that run are finished first. Never rejects: a file that was only read has nothing to lose. */
  async release(): Promise<void> {
    const reader = this.#reader;
    this.#reader = undefined;
    await reader?.then((handle) => handle.close()).catch(() => {});
  }

  /** Removes the file, if it is there. */
  async remove(): Promise<void> {
    try {
      await unlink(this.path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}
