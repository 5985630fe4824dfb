import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { asError, type Clock, type HostMemory } from 'bpflow/sdk';
import type { BufferBudget } from './buffer-budget.ts';
import type { EncodedMessage } from './encode.ts';
import { type Framing, frame } from './framing.ts';
import type { MemoryPool } from './memory-pool.ts';
import { type Message, OutputFile } from './output-file.ts';
import { backupName, type Rotation, removeOldBackups } from './rotation.ts';

/** Pieces of this size are written before the next flush. */
const CHUNK_BYTES = 1 << 20;
/** Bytes and messages in one write. */
const MAX_WRITE_BYTES = 8 << 20;
const MAX_WRITE_MESSAGES = 256;
/** How often it is looked whether the file is still there. */
const LOOK_EVERY_MS = 1000;

export interface WriterSettings {
  readonly append: boolean;
  readonly framing: Framing;
  readonly rotation: Rotation | undefined;
  /** Mode of directories to make; undefined to make none. */
  readonly directoryMode: number | undefined;
  /** Whether a path that no file can have is the data's fault, and the data is dropped. */
  readonly givesUp: boolean;
  readonly clock: Clock;
  readonly budget: BufferBudget;
  readonly pool: MemoryPool;
  readonly memory?: HostMemory | undefined;
}

/** What a writer tells of itself. */
export interface WriterEvents {
  wrote(bytes: number): void;
  rotated(path: string, backup: string): void;
  /** The path led to another file or to none; a new one was opened. */
  reopened(path: string): void;
  failed(path: string, error: Error, waitingBytes: number): void;
  recovered(path: string): void;
  /** Nothing more will be tried at this path. */
  gaveUp(path: string): void;
  dropped(items: number, reason: 'too_large' | 'bad_path' | 'write_failed', path: string): void;
  /** Old files could not be removed. */
  untidy(path: string, error: Error): void;
}

/** What a message costs in memory besides its bytes, about. */
const OVERHEAD_BYTES = 512;

interface Waiting {
  readonly message: EncodedMessage;
  framed: Message | undefined;
}

/**
 * Writes messages to one path, in order, each as a whole. What cannot be written waits, and is tried again at the next flush.
 *
 *     add() ──▶ waiting ──▶ one write at a time ──▶ file, its rotated ones
 */
export class MessageWriter {
  readonly path: string;
  readonly #settings: WriterSettings;
  readonly #events: WriterEvents;
  readonly #file: OutputFile;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #items = 0;
  #running: Promise<void> | undefined;
  #failure: Error | undefined;
  #truncate: boolean;
  #lookedAt = 0;

  constructor(path: string, settings: WriterSettings, events: WriterEvents) {
    this.path = path;
    this.#settings = settings;
    this.#events = events;
    this.#truncate = !settings.append && settings.rotation === undefined;
    this.#file = new OutputFile({
      path,
      mode: settings.rotation === undefined ? 0o644 : 0o640,
      exactMode: settings.rotation !== undefined,
      lines: settings.framing.lines && settings.framing.zstdLevel === undefined,
      memory: settings.memory,
    });
  }

  /** Items that wait. */
  get items(): number {
    return this.#items;
  }

  /** Bytes that wait, before compression. */
  get bytes(): number {
    return this.#waitingBytes;
  }

  /** Why nothing can be written at present. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Opens the file now, rather than at the first write. Rejects with what the system says. */
  async open(): Promise<void> {
    const { directoryMode, clock } = this.#settings;
    if (directoryMode !== undefined) await mkdir(dirname(this.path), { recursive: true, mode: directoryMode });
    await this.#file.open(this.#truncate ? 'truncate' : 'append');
    this.#truncate = false;
    this.#lookedAt = clock.monotonic();
    await this.#tidy();
  }

  /** Nothing can be written for this reason, until a flush succeeds. */
  failed(error: Error): void {
    this.#failure = error;
    this.#events.failed(this.path, error, this.#waitingBytes);
    this.#settings.budget.hurry();
  }

  /** Takes a message. It is written at the next flush, or as soon as enough waits. */
  add(message: EncodedMessage): void {
    const { bytes, items } = message;
    this.#waiting.push({ message, framed: undefined });
    this.#waitingBytes += bytes;
    this.#items += items;
    this.#settings.budget.take(bytes + OVERHEAD_BYTES);
    const atOnce = this.#settings.rotation !== undefined || this.#waitingBytes >= CHUNK_BYTES;
    if (atOnce && this.#failure === undefined) void this.#run();
  }

  /** Writes all that waits. Resolves when it is written, or when it turned out that it cannot be at present. */
  async flush(): Promise<void> {
    await this.#running;
    await this.#run();
  }

  /** Writes all that waits, once more; what cannot be written is dropped. */
  async close(): Promise<void> {
    if (this.#items > 0 || this.#waiting.length > 0) await this.flush();
    await this.#running;
    if (this.#waiting.length > 0) this.#drop(this.#waiting.length, 'write_failed');
    await this.#file.close();
    if (this.#failure !== undefined) this.#events.gaveUp(this.path);
  }

  #run(): Promise<void> {
    this.#running ??= this.#drain().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #drain(): Promise<void> {
    try {
      await this.#look();
      while (this.#waiting.length > 0) {
        if (!this.#file.isOpen) await this.open();
        const messages = await this.#next();
        if (messages.length > 0) await this.#write(messages);
      }
      if (this.#failure === undefined) return;
      this.#failure = undefined;
      this.#events.recovered(this.path);
    } catch (thrown) {
      const error = asError(thrown);
      if (this.#settings.givesUp && isBadPath(error)) this.#drop(this.#waiting.length, 'bad_path');
      else this.failed(error);
    }
  }

  /** Opens the file again where the path no longer leads to it, or where it failed. */
  async #look(): Promise<void> {
    const now = this.#settings.clock.monotonic();
    if (this.#file.isOpen) {
      if (now - this.#lookedAt < LOOK_EVERY_MS && this.#failure === undefined) return;
      this.#lookedAt = now;
      if (!(await this.#file.isMoved())) return;
      await this.open();
      this.#events.reopened(this.path);
    } else if (this.#failure !== undefined) {
      await this.open();
    }
  }

  /** The first messages that wait, framed, as many as one write takes. */
  async #next(): Promise<readonly Message[]> {
    const { framing, rotation } = this.#settings;
    const chosen: Waiting[] = [];
    for (let i = 0, bytes = 0; i < this.#waiting.length && chosen.length < MAX_WRITE_MESSAGES; i++) {
      bytes += this.#waiting[i]!.message.bytes;
      if (chosen.length > 0 && bytes > MAX_WRITE_BYTES) break;
      chosen.push(this.#waiting[i]!);
    }
    const messages: Message[] = await Promise.all(
      chosen.map(async (waiting) => {
        waiting.framed ??= await frame(waiting.message.parts, framing);
        return waiting.framed;
      }),
    );
    if (rotation === undefined) return messages;
    if (messages[0]!.bytes > rotation.maxBytes) {
      this.#drop(1, 'too_large');
      return [];
    }
    let room = rotation.maxBytes - this.#file.size;
    if (messages[0]!.bytes > room) {
      await this.#rotate(rotation);
      room = rotation.maxBytes;
    }
    let fitting = 0;
    for (; fitting < messages.length && messages[fitting]!.bytes <= room; fitting++) room -= messages[fitting]!.bytes;
    return messages.slice(0, fitting);
  }

  async #write(messages: readonly Message[]): Promise<void> {
    const { written, error } = await this.#file.append(messages);
    let bytes = 0;
    for (let i = 0; i < written; i++) bytes += messages[i]!.bytes;
    if (bytes > 0) this.#events.wrote(bytes);
    this.#remove(written);
    if (error !== undefined) throw error;
  }

  async #rotate(rotation: Rotation): Promise<void> {
    const { clock } = this.#settings;
    const backup = await backupName(this.path, Number(clock.now() / 1_000_000n), rotation.localTime);
    await this.#file.moveTo(backup);
    await this.open();
    this.#events.rotated(this.path, backup);
  }

  async #tidy(): Promise<void> {
    const { rotation, clock } = this.#settings;
    if (rotation === undefined) return;
    try {
      await removeOldBackups(this.path, Number(clock.now() / 1_000_000n), rotation);
    } catch (error) {
      this.#events.untidy(this.path, asError(error));
    }
  }

  #drop(count: number, reason: 'too_large' | 'bad_path' | 'write_failed'): void {
    this.#events.dropped(this.#remove(count), reason, this.path);
  }

  /** Forgets the first messages; returns their items. */
  #remove(count: number): number {
    let bytes = 0;
    let items = 0;
    for (let i = 0; i < count; i++) {
      const { message } = this.#waiting[i]!;
      bytes += message.bytes;
      items += message.items;
      if (message.pooled) for (const part of message.parts) this.#settings.pool.give(part);
    }
    this.#waiting = count === this.#waiting.length ? [] : this.#waiting.slice(count);
    this.#waitingBytes -= bytes;
    this.#items -= items;
    this.#settings.budget.release(bytes + count * OVERHEAD_BYTES);
    return items;
  }
}

/** Whether no file can ever have this path. Names come from attributes too. */
function isBadPath(error: NodeJS.ErrnoException): boolean {
  return error.code === 'ENAMETOOLONG' || error.code === 'EISDIR' || error.code === 'ENOTDIR' || error.code === 'ELOOP';
}
