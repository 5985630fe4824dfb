import { writeSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { STORAGE } from 'bpflow/sdk';
import { fileStorageConfig } from '../config.ts';
import { createFileStorage } from '../file-storage.ts';
import { runningScope } from './running-scope.ts';
import { storedValue } from './stored-value.ts';

/**
 * Writes to a storage until it is killed: `node writer-process.ts <directory> <first>`. Each line of its output is a change
 * that was acknowledged: `+7` key 7 was set, `-7` it was deleted, `=7` keys 7 to 9 were set as one.
 */
const [directory, first] = process.argv.slice(2);
const scope = runningScope();
const config = { directory, fsync: 'never', segment_size: '128KiB', create_directory: true };
await createFileStorage(fileStorageConfig.parse(config), scope).start?.();
const storage = await scope.get(STORAGE).open('test', 'writer');

let next = Number(first);

/** Resolves when the line is out of this process. A reader that is behind is waited for. */
async function acknowledge(text: string): Promise<void> {
  for (;;) {
    try {
      writeSync(1, `${text}\n`);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
    await wait(1);
  }
}

async function write(): Promise<never> {
  for (;;) {
    const number = next;
    if (number % 5 === 0) {
      next += 3;
      const keys = [number, number + 1, number + 2];
      await storage.batch(keys.map((key) => ({ key: String(key), value: storedValue(key) })));
      await acknowledge(`=${number}`);
    } else {
      next++;
      await storage.set(String(number), storedValue(number));
      await acknowledge(`+${number}`);
      if (number % 3 !== 0) {
        await storage.delete(String(number));
        await acknowledge(`-${number}`);
      }
    }
  }
}
await Promise.all([write(), write(), write(), write()]);
