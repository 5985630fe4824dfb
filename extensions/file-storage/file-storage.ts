import { access, chmod, constants, mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Component, type Scope, STORAGE, StartError, type StorageClient } from 'bpflow/sdk';
import { clientFolderName } from './client-name.ts';
import type { FileStorageConfig } from './config.ts';
import { type DirectoryLock, lockDirectory } from './directory-lock.ts';
import { LogStore } from './log/log-store.ts';
import { StorageTelemetry } from './telemetry.ts';

/** Provides STORAGE: each client has a log of its own in a folder of the directory. */
export function createFileStorage(config: FileStorageConfig, scope: Scope): Component {
  const storage = new FileStorage(config, scope);
  scope.provide(STORAGE, { open: (owner, purpose) => storage.open(owner, purpose) });
  return { start: () => storage.start(), stop: () => storage.stop() };
}

class FileStorage {
  readonly #config: FileStorageConfig;
  readonly #scope: Scope;
  readonly #clients = new Map<string, LogStore>();
  readonly #names = new Set<string>();
  readonly #telemetry: StorageTelemetry;
  #lock: DirectoryLock | undefined;

  constructor(config: FileStorageConfig, scope: Scope) {
    this.#config = config;
    this.#scope = scope;
    this.#telemetry = new StorageTelemetry(scope, this.#clients);
  }

  async start(): Promise<void> {
    const { directory, timeout } = this.#config;
    await this.#prepareDirectory();
    try {
      this.#lock = await lockDirectory(directory, timeout, this.#scope.clock);
    } catch (error) {
      if (error instanceof StartError) throw error;
      const { message } = error as Error;
      throw new StartError(
        `cannot lock ${directory}: ${message}; give this user the right to write, or set another "directory"`,
        {
          cause: error,
        },
      );
    }
    this.#telemetry.report();
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#clients.values()].map((client) => client.close()));
    this.#clients.clear();
    this.#names.clear();
    const lock = this.#lock;
    this.#lock = undefined;
    await lock?.release();
  }

  async open(owner: string, purpose: string): Promise<StorageClient> {
    if (this.#lock === undefined) {
      throw new StartError(`the storage ${this.#scope.id} is not running; list it in service.extensions`);
    }
    const folderName = clientFolderName(owner, purpose);
    const name = folderName.replace(/\.bpflow$/, '');
    if (this.#names.has(name)) throw new StartError(`the storage ${this.#scope.id} is already used as ${name}`);
    this.#names.add(name);
    try {
      const { directory, fsync, fsync_interval, max_size, segment_size } = this.#config;
      await this.#warnOfCollector(name);
      const store = await LogStore.open({
        folder: join(directory, folderName),
        maxBytes: max_size,
        segmentBytes: segment_size,
        sync: fsync,
        syncIntervalMs: fsync_interval,
        clock: this.#scope.clock,
        events: this.#telemetry.eventsOf(name),
      });
      this.#clients.set(name, store);
      return this.#client(name, store);
    } catch (error) {
      this.#names.delete(name);
      throw new StartError(
        `cannot open the stored data of ${name} in ${this.#config.directory}: ${(error as Error).message}`,
        {
          cause: error,
        },
      );
    }
  }

  #client(name: string, store: LogStore): StorageClient {
    return {
      get: (key) => store.get(key),
      set: (key, value) => store.set(key, value),
      delete: (key) => store.delete(key),
      keys: (prefix) => store.keys(prefix),
      batch: (changes) => store.batch(changes),
      close: async () => {
        await store.close();
        if (this.#clients.get(name) !== store) return;
        this.#clients.delete(name);
        this.#names.delete(name);
        this.#telemetry.closed(name);
      },
    };
  }

  /** Makes and checks the directory. */
  async #prepareDirectory(): Promise<void> {
    const { directory, create_directory, directory_permissions } = this.#config;
    try {
      if (create_directory && (await mkdir(directory, { recursive: true })) !== undefined) {
        await chmod(directory, Number.parseInt(directory_permissions, 8));
      }
      const found = await stat(directory);
      if (!found.isDirectory()) throw new StartError(`${directory} is not a directory; set another "directory"`);
      await access(directory, constants.R_OK | constants.W_OK | constants.X_OK);
    } catch (error) {
      if (error instanceof StartError) throw error;
      const { code, message } = error as NodeJS.ErrnoException;
      throw new StartError(
        code === 'ENOENT'
          ? `directory must exist: stat ${directory}: no such file or directory. You can enable the create_directory option to automatically create it`
          : `problem accessing configured directory: ${directory}, err: ${message}`,
        { cause: error },
      );
    }
  }

  /** A file of this name is the Collector's. */
  async #warnOfCollector(name: string): Promise<void> {
    const path = join(this.#config.directory, name);
    const isFile = await stat(path).then(
      (found) => found.isFile(),
      () => false,
    );
    if (isFile) this.#scope.log.warn('Data that an OpenTelemetry Collector stored is not read.', { file: path });
  }
}
