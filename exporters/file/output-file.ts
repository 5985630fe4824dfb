import type { BigIntStats } from 'node:fs';
import { constants, type FileHandle, open, rename, stat } from 'node:fs/promises';
import { asError, type HostMemory } from 'bpflow/sdk';
import { CacheRelease } from './cache-release.ts';

/** What is written as a whole or not at all: its pieces, and their bytes. */
export interface Message {
  readonly parts: readonly Uint8Array[];
  readonly bytes: number;
}

export interface OutputFileOptions {
  readonly path: string;
  /** Mode of a file that is made. */
  readonly mode: number;
  /** Whether that mode holds whatever the umask is. */
  readonly exactMode: boolean;
  /** Whether messages are lines: then a half line that somebody left at the end is closed before ours begin. */
  readonly lines: boolean;
  /** Releases what was written from the page cache; without it the kernel does when it has to. */
  readonly memory?: HostMemory | undefined;
}

/** A file and the end of its last whole message, to find again what a failed write left behind. */
interface Tail {
  readonly device: bigint;
  readonly inode: bigint;
  readonly good: number;
  readonly bad: number;
}

const NEWLINE = Uint8Array.of(10);

/**
 * A file that only grows, by whole messages. What a failed write leaves of a message is cut off, at once or when the file
 * can be written again, as long as nobody else has written behind it. One call at a time.
 */
export class OutputFile {
  readonly path: string;
  readonly #options: OutputFileOptions;
  readonly #cache: CacheRelease | undefined;
  #handle: FileHandle | undefined;
  #size = 0;
  #device = 0n;
  #inode = 0n;
  /** Of the file last opened: the one that follows a rotated one has its mode. */
  #mode: number | undefined;
  /** Pipes and devices have no size and are never replaced. */
  #regular = true;
  #tail: Tail | undefined;

  constructor(options: OutputFileOptions) {
    this.path = options.path;
    this.#options = options;
    this.#cache = options.memory && new CacheRelease(options.memory);
  }

  get isOpen(): boolean {
    return this.#handle !== undefined;
  }

  /** Bytes in the file, as far as we know. */
  get size(): number {
    return this.#size;
  }

  /** Opens it for appending, and makes it where there is none. */
  async open(how: 'truncate' | 'append'): Promise<void> {
    await this.close();
    const { path, mode, exactMode, lines } = this.#options;
    const before = exactMode ? await statOf(path) : undefined;
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND;
    const handle = await open(path, how === 'truncate' ? flags | constants.O_TRUNC : flags, mode);
    try {
      if (exactMode && before === undefined) await handle.chmod(this.#mode ?? mode);
      const found = await handle.stat({ bigint: true });
      this.#mode = Number(found.mode) & 0o7777;
      this.#regular = found.isFile();
      this.#device = found.dev;
      this.#inode = found.ino;
      this.#size = this.#regular ? Number(found.size) : 0;
      await this.#mend(handle);
      if (lines && this.#regular && this.#size > 0 && !(await endsWithNewline(path, this.#size))) {
        await handle.write(NEWLINE);
        this.#size++;
      }
      await this.#cache?.next(this.#size);
      this.#handle = handle;
    } catch (error) {
      await handle.close().catch(() => {});
      throw error;
    }
  }

  /** Whether the path no longer leads to the open file: somebody moved, replaced or deleted it. */
  async isMoved(): Promise<boolean> {
    if (this.#handle === undefined || !this.#regular) return false;
    const found = await statOf(this.path);
    if (found === undefined || found.dev !== this.#device || found.ino !== this.#inode) return true;
    this.#size = Number(found.size);
    return false;
  }

  /** Appends messages, in order. `written` of them are in the file as a whole; after an error it is closed. */
  async append(messages: readonly Message[]): Promise<{ readonly written: number; readonly error: Error | undefined }> {
    const handle = this.#handle!;
    let done = 0;
    try {
      let parts: Uint8Array[] = [];
      let total = 0;
      for (const message of messages) {
        total += message.bytes;
        for (const part of message.parts) parts.push(part);
      }
      while (done < total) {
        const { bytesWritten } = await handle.writev(parts);
        done += bytesWritten;
        if (done < total) parts = rest(parts, bytesWritten);
      }
      this.#size += total;
      if (this.#regular) this.#cache?.grown(handle.fd, this.#size);
      return { written: messages.length, error: undefined };
    } catch (thrown) {
      const { written, bytes } = wholeMessages(messages, done);
      const start = this.#size;
      this.#size = start + bytes;
      if (this.#regular && done > bytes) {
        this.#tail = { device: this.#device, inode: this.#inode, good: start + bytes, bad: start + done };
        await this.#mend(handle).catch(() => {});
      }
      await this.close();
      return { written, error: asError(thrown) };
    }
  }

  /** Moves the file away; it is closed then. The path may lead nowhere by now. */
  async moveTo(path: string): Promise<void> {
    await this.close();
    try {
      await rename(this.path, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await this.#cache?.next(0);
    // What close() reports was reported by the writes: it holds back nothing of ours.
    await handle?.close().catch(() => {});
  }

  /** Cuts off what a failed write left, if it is still the end of the file. */
  async #mend(handle: FileHandle): Promise<void> {
    const tail = this.#tail;
    if (tail === undefined) return;
    const found = await handle.stat({ bigint: true });
    if (found.dev === tail.device && found.ino === tail.inode && Number(found.size) === tail.bad) {
      await handle.truncate(tail.good);
      this.#size = tail.good;
    }
    this.#tail = undefined;
  }
}

async function statOf(path: string): Promise<BigIntStats | undefined> {
  try {
    return await stat(path, { bigint: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Also true where we may write and not read. */
async function endsWithNewline(path: string, size: number): Promise<boolean> {
  let reading: FileHandle;
  try {
    reading = await open(path, constants.O_RDONLY);
  } catch {
    return true;
  }
  try {
    const { buffer, bytesRead } = await reading.read(new Uint8Array(1), 0, 1, size - 1);
    return bytesRead === 0 || buffer[0] === 10;
  } finally {
    await reading.close();
  }
}

/** How many messages the first bytes hold as a whole, and their bytes. */
function wholeMessages(messages: readonly Message[], done: number): { written: number; bytes: number } {
  let written = 0;
  let bytes = 0;
  while (written < messages.length && bytes + messages[written]!.bytes <= done) bytes += messages[written++]!.bytes;
  return { written, bytes };
}

function rest(parts: readonly Uint8Array[], done: number): Uint8Array[] {
  let skip = done;
  let first = 0;
  while (skip >= parts[first]!.length) skip -= parts[first++]!.length;
  return [parts[first]!.subarray(skip), ...parts.slice(first + 1)];
}
