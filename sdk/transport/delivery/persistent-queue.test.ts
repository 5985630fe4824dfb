import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type LogFields, RetryableError, type StorageClient } from 'bpflow/sdk';
import { type FakeScope, fakeScope } from 'bpflow/testing';
import { type OpenStore, openStore } from '../../../extensions/file-storage/test/open-store.ts';
import { openPersistentQueue } from './persistent-queue.ts';
import type { QueuedRequest, RequestQueue } from './queue.ts';

interface OpenQueue {
  readonly queue: RequestQueue;
  readonly scope: FakeScope;
  /** Items of requests that could not be read back. */
  readonly damaged: number[];
}

async function open(storage: StorageClient): Promise<OpenQueue> {
  const scope = fakeScope('exporter', 'otlp_grpc');
  const damaged: number[] = [];
  const queue = await openPersistentQueue({ storage, log: scope.log, damaged: (items) => damaged.push(items) });
  return { queue, scope, damaged };
}

function request(...texts: readonly string[]): QueuedRequest {
  const parts = texts.map((text) => Buffer.from(text));
  return { parts, items: texts.length, bytes: texts.join('').length };
}

const textOf = ({ parts }: QueuedRequest): string => Buffer.concat(parts).toString();

/** Takes what waits; the texts of the requests. */
async function drain(queue: RequestQueue): Promise<string[]> {
  const texts: string[] = [];
  for (;;) {
    const taken = await queue.take();
    if (taken === undefined) return texts;
    texts.push(textOf(taken.request));
    await taken.done();
  }
}

const metadata = (scope: FakeScope): LogFields | undefined =>
  scope.logs.find(({ message }) => message === 'Loaded queue metadata.')?.fields;

describe('a persistent queue', () => {
  test('gives requests out in the order in which they were added', async () => {
    const { store } = await openStore();
    const { queue } = await open(store);
    assert.equal(await queue.take(), undefined);
    await Promise.all([queue.add(request('a', 'bc')), queue.add(request('d')), queue.add(request('e'))]);
    assert.deepEqual({ ...queue.totals }, { requests: 3, items: 4, bytes: 5 });
    assert.equal(queue.waiting, 3);
    assert.deepEqual(await drain(queue), ['abc', 'd', 'e']);
    assert.deepEqual({ ...queue.totals }, { requests: 0, items: 0, bytes: 0 });
    await queue.close();
  });

  test('counts what is being added and what is on its way', async () => {
    const { store } = await openStore();
    const { queue } = await open(store);
    const added = queue.add(request('abc'));
    assert.deepEqual({ ...queue.totals }, { requests: 1, items: 1, bytes: 3 });
    assert.equal(queue.waiting, 0);
    await added;
    assert.equal(queue.waiting, 1);
    const taken = await queue.take();
    assert.equal(queue.waiting, 0);
    assert.equal(queue.totals.requests, 1);
    await taken!.done();
    assert.equal(queue.totals.requests, 0);
    await queue.close();
  });

  test('has what was not done again after a restart, what was on its way first', async () => {
    let disk = await openStore();
    const before = await open(disk.store);
    for (const text of ['one', 'two', 'three', 'four']) await before.queue.add(request(text, text));
    await (await before.queue.take())!.done();
    await before.queue.take();
    await before.queue.close();
    disk = await disk.reopen();
    const after = await open(disk.store);
    assert.deepEqual(metadata(after.scope), {
      readIndex: 1,
      writeIndex: 4,
      requests: 3,
      itemsSize: 6,
      bytesSize: 24,
    });
    assert.deepEqual({ ...after.queue.totals }, { requests: 3, items: 6, bytes: 24 });
    await after.queue.add(request('five'));
    assert.deepEqual(await drain(after.queue), ['twotwo', 'threethree', 'fourfour', 'five']);
    await after.queue.close();
    const last = await open((await disk.reopen()).store);
    assert.equal(last.queue.waiting, 0);
    await last.queue.close();
  });

  test('leaves out what is damaged, counts its items, and delivers the rest', async () => {
    const disk = await openStore();
    const before = await open(disk.store);
    for (const text of ['first', 'second', 'third']) await before.queue.add(request(text, '!'));
    await before.queue.close();
    damage(disk, 'second');
    const after = await open((await disk.reopen()).store);
    assert.equal(after.queue.totals.items, 6);
    assert.deepEqual(await drain(after.queue), ['first!', 'third!']);
    assert.deepEqual(after.damaged, [2]);
    assert.deepEqual({ ...after.queue.totals }, { requests: 0, items: 0, bytes: 0 });
    assert.equal(after.scope.logs.filter(({ level }) => level === 'error').length, 1);
    await after.queue.close();
    const last = await open((await disk.reopen()).store);
    assert.equal(last.queue.totals.requests, 0, 'the damaged request is gone for good');
    await last.queue.close();
  });

  test('refuses what a full storage cannot take, and holds nothing of it', async () => {
    const { store } = await openStore({ maxBytes: 256 * 1024 });
    const { queue } = await open(store);
    const large = request('x'.repeat(50_000));
    let kept = 0;
    await assert.rejects(
      async () => {
        for (; kept < 10; kept++) await queue.add(large);
      },
      { name: 'RetryableError', message: /^storage full/ },
    );
    assert.equal(queue.totals.requests, kept);
    assert.equal(queue.waiting, kept);
    assert.equal((await drain(queue)).length, kept);
    await queue.add(large);
    await queue.close();
  });

  test('keeps in memory no more than a few requests of a long queue', async () => {
    const { store } = await openStore({ segmentBytes: 4 * 1024 * 1024 });
    const { queue } = await open(store);
    const reads: string[] = [];
    const get = store.get.bind(store);
    store.get = (key) => {
      reads.push(key);
      return get(key);
    };
    for (let i = 0; i < 100; i++) await queue.add(request(String(i).padStart(100_000, '0')));
    const texts = await drain(queue);
    assert.deepEqual(texts.map(Number), Array.from(texts.keys()));
    assert.ok(reads.length >= 50, `${reads.length} of 100 requests of 100 kB were read back`);
    await queue.close();
  });

  test('tries a read that fails again, and deletes later what could not be deleted', async () => {
    const disk = await openStore();
    const before = await open(disk.store);
    for (const text of ['one', 'two']) await before.queue.add(request(text));
    await before.queue.close();
    const { store } = await disk.reopen();
    const { queue, damaged } = await open(store);
    let failures = 2;
    const failing = async (): Promise<never> => {
      failures--;
      throw new RetryableError('cannot read from the storage: EIO');
    };
    const [get, batch] = [store.get.bind(store), store.batch.bind(store)];
    store.get = (key) => (failures > 1 ? failing() : get(key));
    store.batch = (changes) => (failures > 0 ? failing() : batch(changes));
    assert.deepEqual((await drain(queue)).sort(), ['one', 'two']);
    assert.deepEqual(damaged, []);
    assert.deepEqual([...store.keys()], []);
    await queue.close();
  });

  test('ends a take that waits for a failing storage when it is closed', async () => {
    const disk = await openStore();
    const before = await open(disk.store);
    await before.queue.add(request('one'));
    await before.queue.close();
    const { store } = await disk.reopen();
    const { queue } = await open(store);
    store.get = async () => {
      throw new RetryableError('cannot read from the storage: EIO');
    };
    const taken = queue.take();
    await queue.close();
    assert.equal(await taken, undefined);
    const last = await open((await disk.reopen()).store);
    assert.equal(last.queue.waiting, 1);
    await last.queue.close();
  });
});

/** Changes a text in the store's file. */
function damage({ folder }: OpenStore, text: string): void {
  const path = join(folder, readdirSync(folder)[0]!);
  const content = readFileSync(path);
  content[content.indexOf(text)]! ^= 0xff;
  writeFileSync(path, content);
}
