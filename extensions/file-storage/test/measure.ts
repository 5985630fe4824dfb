/**
 * What a queue of export requests costs here and in SQLite:
 *
 *     node --conditions=source extensions/file-storage/test/measure.ts [log|sqlite] [always|never] [requests]
 *
 * A request has 170,000 bytes: 1,000 data points. 4 writers at once, as an exporter's senders are. Each line of the
 * output is a phase: rate, CPU time of the process, longest time the event loop stood still.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate } from 'node:timers/promises';
import { bytesOnDisk, openStore } from './open-store.ts';

const BYTES = 170_000;
const WRITERS = 4;
const [kind = 'log', sync = 'never', requests = '6000'] = process.argv.slice(2);
const count = Number(requests);
const payloads = Array.from({ length: 8 }, () => randomBytes(BYTES));
const folder = mkdtempSync(join(process.env['MEASURE_FOLDER'] ?? tmpdir(), 'bpflow-measure-'));

interface KeyValues {
  set(key: string, value: Uint8Array): unknown;
  get(key: string): unknown;
  delete(key: string): unknown;
}

/** Does work once for each request, by several writers, and prints what it cost. */
async function phase(name: string, work: (index: number) => Promise<void>): Promise<void> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const cpuBefore = process.cpuUsage();
  const before = performance.now();
  let next = 0;
  const writer = async (): Promise<void> => {
    while (next < count) {
      await work(next++);
      await setImmediate();
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, writer));
  const seconds = (performance.now() - before) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  delay.disable();
  const rate = `${Math.round((count * BYTES) / 1e6 / seconds)} MB/s`;
  const cpu = `${Math.round((user + system) / count)} µs of CPU each`;
  console.log(`${kind} ${sync} ${name}: ${rate}, ${cpu}, event loop ${(delay.max / 1e6).toFixed(0)} ms at most`);
}

async function measure(store: KeyValues): Promise<void> {
  await phase('set', async (i) => void (await store.set(String(i), payloads[i % 8]!)));
  await phase('get, delete', async (i) => {
    await store.get(String(i));
    await store.delete(String(i));
  });
  await phase('set; get, delete 100 later', async (i) => {
    await store.set(`q${i}`, payloads[i % 8]!);
    if (i < 100) return;
    await store.get(`q${i - 100}`);
    await store.delete(`q${i - 100}`);
  });
  const memory = Math.round(process.memoryUsage.rss() / 2 ** 20);
  console.log(
    `${kind} ${sync} at the end: ${Math.round(bytesOnDisk(folder) / 1e6)} MB on disk, ${memory} MiB resident`,
  );
}

try {
  if (kind === 'sqlite') {
    const db = new DatabaseSync(join(folder, 'queue.db'));
    db.exec(`pragma journal_mode = wal; pragma synchronous = ${sync === 'always' ? 'full' : 'off'}`);
    db.exec('create table queue (key text primary key, value blob)');
    const set = db.prepare('insert or replace into queue values (?, ?)');
    const get = db.prepare('select value from queue where key = ?');
    const remove = db.prepare('delete from queue where key = ?');
    await measure({
      set: (key, value) => set.run(key, value),
      get: (key) => get.get(key),
      delete: (key) => remove.run(key),
    });
    db.close();
  } else {
    const policy = sync === 'always' ? 'always' : 'never';
    const { store } = await openStore({ folder, segmentBytes: 32 * 2 ** 20, sync: policy });
    await measure(store);
    await store.close();
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
