import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { manualClock } from 'bpflow/testing';
import { LogStore, type LogStoreOptions } from './log-store.ts';
import type { Damage } from './recover.ts';

const root = mkdtempSync(join(tmpdir(), 'bpflow-log-'));
after(() => rmSync(root, { recursive: true, force: true }));

/** A store in a folder of its own, and what it told. */
async function store(options: Partial<LogStoreOptions> = {}) {
  const damage: Damage[] = [];
  const failures: string[] = [];
  const folder = options.folder ?? mkdtempSync(join(root, 'store-'));
  const opened = await LogStore.open({
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
  const reopen = async (): ReturnType<typeof store> => {
    await opened.close();
    return store({ ...options, folder });
  };
  return { store: opened, folder, damage, failures, reopen };
}

const text = (value: Uint8Array | undefined): string | undefined => value && Buffer.from(value).toString();
const bytes = (value: string): Uint8Array => Buffer.from(value);
/** Bytes of all files of a folder. */
const onDisk = (folder: string): number =>
  readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);

describe('a log store', () => {
  test('gives back what was set, until it is deleted, also after it was opened again', async () => {
    const first = await store();
    await first.store.set('a', bytes('1'));
    await first.store.set('b', bytes('2'));
    await first.store.set('a', bytes('3'));
    await first.store.delete('b');
    await first.store.set('empty', new Uint8Array());
    assert.equal(text(await first.store.get('a')), '3');
    const second = await first.reopen();
    assert.equal(text(await second.store.get('a')), '3');
    assert.equal(await second.store.get('b'), undefined);
    assert.equal((await second.store.get('empty'))?.length, 0);
    assert.deepEqual([...second.store.keys()].sort(), ['a', 'empty']);
    assert.deepEqual([...second.store.keys('e')], ['empty']);
    assert.deepEqual([...first.damage, ...second.damage, ...first.failures, ...second.failures], []);
    await second.store.close();
  });

  test('keeps a batch of changes together', async () => {
    const first = await store();
    await first.store.set('a', bytes('1'));
    await first.store.batch([
      { key: 'a', value: undefined },
      { key: 'b', value: bytes('2') },
      { key: 'c', value: bytes('3') },
    ]);
    await first.store.batch([]);
    const second = await first.reopen();
    assert.deepEqual([...second.store.keys()].sort(), ['b', 'c']);
    assert.equal(text(await second.store.get('c')), '3');
    await second.store.close();
  });

  test('keeps the order of changes that are asked for at once', async () => {
    const first = await store();
    await Promise.all(Array.from({ length: 500 }, (_, i) => first.store.set(`key-${i % 7}`, bytes(String(i)))));
    await Promise.all([first.store.set('x', bytes('1')), first.store.delete('x'), first.store.delete('key-0')]);
    const second = await first.reopen();
    assert.equal(text(await second.store.get('key-1')), '498');
    assert.equal(text(await second.store.get('key-2')), '499');
    assert.equal(second.store.keys('x').next().done, true);
    await second.store.close();
  });

  test('takes values larger than a segment', async () => {
    const first = await store();
    const large = randomBytes(1_000_000);
    await first.store.set('large', large);
    await first.store.set('small', bytes('1'));
    const second = await first.reopen();
    assert.deepEqual(await second.store.get('large'), large);
    assert.equal(text(await second.store.get('small')), '1');
    await second.store.close();
  });

  test('gives the space back of what is deleted', async () => {
    const { store: log, folder } = await store();
    const value = randomBytes(1000);
    for (let i = 0; i < 2000; i++) {
      await log.set(`item-${i}`, value);
      if (i >= 10) await log.delete(`item-${i - 10}`);
    }
    await log.close();
    assert.ok(onDisk(folder) < 4 * 64 * 1024, `${onDisk(folder)} bytes`);
  });
});
