import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { bytesOnDisk, openStore, random } from '../test/open-store.ts';

const text = (value: Uint8Array | undefined): string | undefined => value && Buffer.from(value).toString();
const bytes = (value: string): Uint8Array => Buffer.from(value);
describe('a log store', () => {
  test('gives back what was set, until it is deleted, also after it was opened again', async () => {
    const first = await openStore();
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
    const first = await openStore();
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
    const first = await openStore();
    await Promise.all(Array.from({ length: 500 }, (_, i) => first.store.set(`key-${i % 7}`, bytes(String(i)))));
    await Promise.all([first.store.set('x', bytes('1')), first.store.delete('x'), first.store.delete('key-0')]);
    const second = await first.reopen();
    assert.equal(text(await second.store.get('key-1')), '498');
    assert.equal(text(await second.store.get('key-2')), '499');
    assert.equal(second.store.keys('x').next().done, true);
    await second.store.close();
  });

  test('takes values larger than a segment', async () => {
    const first = await openStore();
    const large = randomBytes(1_000_000);
    await first.store.set('large', large);
    await first.store.set('small', bytes('1'));
    const second = await first.reopen();
    assert.deepEqual(await second.store.get('large'), large);
    assert.equal(text(await second.store.get('small')), '1');
    await second.store.close();
  });

  test('gives the space back of what is deleted', async () => {
    const { store: log, folder } = await openStore();
    const value = randomBytes(1000);
    for (let i = 0; i < 2000; i++) {
      await log.set(`item-${i}`, value);
      if (i >= 10) await log.delete(`item-${i - 10}`);
    }
    await log.close();
    assert.ok(bytesOnDisk(folder) < 4 * 64 * 1024, `${bytesOnDisk(folder)} bytes`);
  });

  test('moves what lives out of files that are mostly dead, while others write', async () => {
    const first = await openStore();
    const kept = new Map<string, Buffer>();
    const work: Promise<void>[] = [];
    for (let i = 0; i < 3000; i++) {
      const value = randomBytes(500);
      const key = i % 10 === 0 ? `kept-${i}` : `fleeting-${i % 3}`;
      if (i % 10 === 0) kept.set(key, value);
      work.push(first.store.set(key, value));
      if (i % 100 === 0) await Promise.all(work.splice(0));
      // Some that live for long are changed or go, perhaps while they are moved.
      if (i % 250 === 0) {
        const old = [...kept.keys()][Math.floor(kept.size / 2)]!;
        if (i % 500 === 0) {
          kept.delete(old);
          work.push(first.store.delete(old));
        } else {
          kept.set(old, value);
          work.push(first.store.set(old, value));
        }
      }
    }
    await Promise.all(work);
    const second = await first.reopen();
    assert.deepEqual(first.failures, []);
    const live = second.store.size.liveBytes;
    for (let tries = 0; tries < 500 && bytesOnDisk(second.folder) >= 2 * live + 4 * 64 * 1024; tries++) await sleep(10);
    assert.ok(bytesOnDisk(second.folder) < 2 * live + 4 * 64 * 1024, `${bytesOnDisk(second.folder)} for ${live} bytes`);
    for (const [key, value] of kept) assert.deepEqual(await second.store.get(key), value, key);
    assert.deepEqual([...second.store.keys('kept-')].sort(), [...kept.keys()].sort());
    await second.store.close();
  });

  test('refuses what would make it larger than it may be, and takes deletes and what fits then', async () => {
    const maxBytes = 512 * 1024;
    const { store: log, folder, failures } = await openStore({ maxBytes });
    const value = randomBytes(10_000);
    let stored = 0;
    // Room for 30 items is sure: what is left of 512 KiB without two files of 64 KiB.
    await assert.rejects(
      async () => {
        for (; stored < 100; stored++) await log.set(`item-${stored}`, value);
      },
      {
        name: 'RetryableError',
        message: /^storage full: \d+ bytes of at most 512KiB are in use; "max_size" sets the limit$/,
      },
    );
    assert.ok(stored > 30, `${stored} items of 10 kB in 512 KiB`);
    for (let i = 0; i < stored - 30; i++) await log.delete(`item-${i}`);
    for (let i = 0; i < 500; i++) {
      await log.delete(`item-${stored + i - 30}`);
      for (let tries = 0; ; tries++) {
        try {
          await log.set(`item-${stored + i}`, value);
          break;
        } catch (error) {
          assert.ok(tries < 1000, String(error));
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
      assert.ok(bytesOnDisk(folder) <= maxBytes, `${bytesOnDisk(folder)} bytes`);
    }
    assert.deepEqual(failures, []);
    await log.close();
  });

  test('refuses keys and values that are too long', async () => {
    const { store: log } = await openStore();
    await assert.rejects(log.set('k'.repeat(70_000), bytes('1')), /a key has 70000 bytes, at most 65535/);
    await log.close();
    await assert.rejects(log.set('a', bytes('1')), /closed/);
  });

  test('holds files that only their owner can read', async () => {
    const { store: log, folder } = await openStore();
    await log.set('a', bytes('1'));
    assert.equal(statSync(folder).mode & 0o777, 0o700);
    for (const name of readdirSync(folder)) assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600);
    await log.close();
  });

  test('is a map, whatever is done to it in whatever order (40 cases)', async () => {
    for (let seed = 0; seed < 40; seed++) {
      const next = random(seed);
      const model = new Map<string, Buffer>();
      let opened = await openStore({ segmentBytes: 4096 + Math.floor(next() * 20_000) });
      for (let step = 0; step < 60; step++) {
        const work: Promise<void>[] = [];
        for (let burst = Math.floor(next() * 12); burst > 0; burst--) {
          const changes = Array.from({ length: 1 + Math.floor(next() * 3) }, () => {
            const isDelete = next() < 0.45;
            return { key: `key-${Math.floor(next() * 25)}`, value: isDelete ? undefined : randomBytes(next() * 3000) };
          });
          for (const { key, value } of changes) {
            if (value === undefined) model.delete(key);
            else model.set(key, value);
          }
          work.push(opened.store.batch(changes));
        }
        await Promise.all(work);
        if (next() < 0.05) opened = await opened.reopen();
        if (next() > 0.2) continue;
        assert.deepEqual([...opened.store.keys()].sort(), [...model.keys()].sort(), `case ${seed}, step ${step}`);
        for (const [key, value] of model) {
          assert.deepEqual(await opened.store.get(key), value, `case ${seed}, step ${step}: ${key}`);
        }
      }
      assert.deepEqual([...opened.failures, ...opened.damage], []);
      await opened.store.close();
    }
  });
});
