import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { manualClock } from 'bpflow/testing';
import { LogStore, type LogStoreOptions } from '../log/log-store.ts';
import type { Damage } from '../log/recover.ts';

/** A temporary folder, removed at the end of the process. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'bpflow-log-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A store, and what it told. */
export interface OpenStore {
  readonly store: LogStore;
  readonly folder: string;
  readonly damage: Damage[];
  readonly failures: string[];
  /** Closes it and opens its folder again. */
  reopen(): Promise<OpenStore>;
}

/** A store in a folder of its own, or in the given one, with files of 64 KiB. */
export async function openStore(options: Partial<LogStoreOptions> = {}): Promise<OpenStore> {
  const damage: Damage[] = [];
  const failures: string[] = [];
  const folder = options.folder ?? temporaryFolder();
  const store = await LogStore.open({
    folder,
    maxBytes: 0,
    segmentBytes: 64 * 1024,
    sync: 'never',
    syncIntervalMs: 1000,
    clock: manualClock(),
    events: {
      damaged: (what) => damage.push(what),
      failed: (operation, error) => failures.push(`${operation}: ${error.message}`),
      written: () => {},
    },
    ...options,
  });
  return {
    store,
    folder,
    damage,
    failures,
    async reopen() {
      await store.close();
      return openStore({ ...options, folder });
    },
  };
}

/** Bytes of all files of a folder; one that goes away meanwhile (a store that is open reclaims its files) has none. */
export function bytesOnDisk(folder: string): number {
  const sizeOf = (name: string) => statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0;
  return readdirSync(folder).reduce((sum, name) => sum + sizeOf(name), 0);
}

/** Numbers from 0 to 1, the same for the same seed. */
export function random(seed: number): () => number {
  let state = seed * 2_654_435_761 + 1;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
