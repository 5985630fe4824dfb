import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { type FileHandle, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { STORAGE } from 'bpflow/sdk';
import { fakeScope, manualClock } from 'bpflow/testing';
import { fileStorageConfig } from './config.ts';
import { createFileStorage } from './file-storage.ts';
import { openStore, temporaryFolder } from './test/open-store.ts';

const MIB = 1024 * 1024;

/** A file system of 2 MiB in memory. */
function smallDisk(options = 'size=2m'): Disposable & { readonly path: string; remount(mode: 'ro' | 'rw'): void } {
  const path = temporaryFolder();
  const mount = (...args: string[]): void => {
    const { status, stderr } = spawnSync('mount', [...args, path], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  };
  mount('-t', 'tmpfs', '-o', options, 'tmpfs');
  return {
    path,
    remount: (mode) => mount('-o', `remount,${mode}`),
    [Symbol.dispose]: () => void spawnSync('umount', ['-l', path]),
  };
}

/** Why there cannot be a small disk here. */
function withoutMount(): string | false {
  if (process.getuid?.() !== 0) return 'only root can mount';
  try {
    using _disk = smallDisk();
    return false;
  } catch (error) {
    return `cannot mount: ${(error as Error).message}`;
  }
}
const skip = withoutMount();

/** A storage on a disk, with one client. */
async function storageOn(directory: string, segment_size = '256KiB') {
  const scope = fakeScope('extension', 'file_storage');
  const config = { directory, segment_size, fsync: 'always' };
  const extension = createFileStorage(fileStorageConfig.parse(config), scope);
  await extension.start?.();
  return {
    scope,
    client: await scope.get(STORAGE).open('exporter_otlp_grpc_', 'metrics'),
    stop: () => extension.stop?.(),
  };
}

describe('a full disk', { skip }, () => {
  test('fails writes, which leave nothing; what was stored stays, and writes work again when there is room', async () => {
    using disk = smallDisk();
    const { scope, client, stop } = await storageOn(disk.path);
    const value = randomBytes(50_000);
    let stored = 0;
    await assert.rejects(
      async () => {
        for (; stored < 100; stored++) await client.set(`item-${stored}`, value);
      },
      { name: 'RetryableError', message: /^cannot write to the storage: ENOSPC/ },
    );
    assert.ok(stored >= 25 && stored < 42, `${stored} items of 50 kB in 2 MiB`);
    await assert.rejects(client.set('more', value), { name: 'RetryableError' });
    assert.deepEqual(scope.lastHealth?.state, 'degraded');
    assert.match(scope.lastHealth?.details?.[0] ?? '', /exporter_otlp_grpc__metrics: cannot write: ENOSPC/);
    assert.equal(
      scope.logs.filter(({ level }) => level === 'error').length,
      1,
      'it is logged once, not for each write',
    );
    for (let i = 0; i < stored; i++) assert.deepEqual(await client.get(`item-${i}`), value);

    fill(disk.path);
    for (let i = 0; i < 20; i++) await client.delete(`item-${i}`);
    let isTaken = false;
    await until(() => {
      void client.set('after', value).then(
        () => {
          isTaken = true;
        },
        () => {},
      );
      return isTaken;
    });
    assert.equal(scope.lastHealth?.state, 'ok');
    await stop();

    const again = await storageOn(disk.path);
    assert.deepEqual(await again.client.get('after'), value);
    for (let i = 0; i < 20; i++) assert.equal(await again.client.get(`item-${i}`), undefined);
    for (let i = 20; i < stored; i++) assert.deepEqual(await again.client.get(`item-${i}`), value);
    assert.equal(await again.client.get('more'), undefined);
    assert.deepEqual(again.scope.logs, [], 'nothing is damaged');
    await again.stop();
  });

  test('gives its own room back when everything is deleted, although no delete can be written', async () => {
    using disk = smallDisk();
    const { client, stop } = await storageOn(disk.path, '1MiB');
    const value = randomBytes(50_000);
    for (let i = 0; i < 15; i++) await client.set(`item-${i}`, value);
    fill(disk.path);
    await Promise.all(Array.from({ length: 15 }, (_, i) => client.delete(`item-${i}`)));
    assert.deepEqual([...client.keys()], []);
    await assert.rejects(client.set('first', randomBytes(1_000_000)), /ENOSPC/);
    let isTaken = false;
    await until(() => {
      void client.set('after', value).then(
        () => (isTaken = true),
        () => {},
      );
      return isTaken;
    });
    await stop();
    const again = await storageOn(disk.path);
    assert.deepEqual([...again.client.keys()], ['after']);
    await again.stop();
  });

  test('that others filled does not stop the start', async () => {
    using disk = smallDisk();
    const first = await storageOn(disk.path);
    await first.client.set('a', Buffer.from('1'));
    await first.stop();
    fill(disk.path);
    const second = await storageOn(disk.path);
    assert.equal(String(await second.client.get('a')), '1');
    await assert.rejects(second.client.set('b', randomBytes(100_000)), { name: 'RetryableError' });
    await second.stop();
  });

  test('that cannot even hold a lock is locked all the same', async () => {
    using disk = smallDisk('nr_inodes=1');
    const config = fileStorageConfig.parse({ directory: disk.path, timeout: '0s' });
    const first = createFileStorage(config, fakeScope('extension', 'file_storage'));
    await first.start?.();
    const second = createFileStorage(config, fakeScope('extension', 'file_storage', { name: 'second' }));
    await assert.rejects(async () => second.start?.(), {
      name: 'StartError',
      message: `${disk.path} is in use by another file_storage of this agent; stop it, or set another "directory"`,
    });
    await first.stop?.();
    await second.start?.();
    await second.stop?.();
  });
});

describe('a disk that becomes read-only', { skip }, () => {
  test('fails writes until it can be written again', async () => {
    using disk = smallDisk();
    const { scope, client, stop } = await storageOn(disk.path);
    await client.set('a', Buffer.from('1'));
    await client.close();
    const store = await openStore({ folder: join(disk.path, 'exporter_otlp_grpc__metrics.bpflow') });
    disk.remount('ro');
    await assert.rejects(store.store.set('b', Buffer.from('2')), {
      name: 'RetryableError',
      message: /^cannot write to the storage: EROFS/,
    });
    assert.equal(String(await store.store.get('a')), '1');
    disk.remount('rw');
    await store.store.set('b', Buffer.from('2'));
    assert.equal(String(await store.store.get('b')), '2');
    assert.equal(store.failures.length, 1);
    await store.store.close();
    await stop();
    assert.equal(scope.lastHealth?.state, 'ok');
  });
});

describe('a disk with errors', () => {
  /** What all open files share, to let their operations fail. */
  async function fileHandles(): Promise<FileHandle> {
    await using handle = await open(import.meta.filename);
    return Object.getPrototypeOf(handle);
  }
  const failure = Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });

  test('cuts a write that stopped half-way', async (t) => {
    const opened = await openStore();
    await opened.store.set('a', Buffer.from('1'));
    const handles = await fileHandles();
    const writev = handles.writev;
    t.mock.method(
      handles,
      'writev',
      async function (this: FileHandle, pieces: readonly Uint8Array[], at: number) {
        await writev.call(this, [Buffer.concat(pieces).subarray(0, 30)], at);
        throw failure;
      },
      { times: 1 },
    );
    await assert.rejects(opened.store.set('b', Buffer.from('2')), {
      name: 'RetryableError',
      message: 'cannot write to the storage: EIO: i/o error',
    });
    await opened.store.set('c', Buffer.from('3'));
    const again = await opened.reopen();
    assert.deepEqual([...again.store.keys()].sort(), ['a', 'c']);
    assert.deepEqual(again.damage, []);
    await again.store.close();
  });

  test('goes on in a new file when it cannot even do that', async (t) => {
    const opened = await openStore();
    await opened.store.set('a', Buffer.from('1'));
    const handles = await fileHandles();
    const writev = handles.writev;
    const tear = async function (this: FileHandle, pieces: readonly Uint8Array[], at: number): Promise<never> {
      await writev.call(this, [Buffer.concat(pieces).subarray(0, 30)], at);
      throw failure;
    };
    t.mock.method(handles, 'writev', tear, { times: 1 });
    t.mock.method(handles, 'truncate', () => Promise.reject(failure), { times: 1 });
    await assert.rejects(opened.store.set('b', Buffer.from('2')), { name: 'RetryableError' });
    await opened.store.set('c', Buffer.from('3'));
    const again = await opened.reopen();
    assert.deepEqual([...again.store.keys()].sort(), ['a', 'c']);
    assert.deepEqual(
      again.damage.map(({ records, bytes, torn }) => ({ records, bytes, torn })),
      [{ records: 1, bytes: 30, torn: true }],
    );
    await again.store.close();
  });

  test('acknowledges nothing that it could not synchronise', async (t) => {
    const opened = await openStore({ sync: 'always' });
    await opened.store.set('a', Buffer.from('1'));
    t.mock.method(await fileHandles(), 'datasync', () => Promise.reject(failure), { times: 1 });
    await assert.rejects(opened.store.set('b', Buffer.from('2')), { name: 'RetryableError' });
    assert.equal(await opened.store.get('b'), undefined);
    await opened.store.set('c', Buffer.from('3'));
    const again = await opened.reopen();
    assert.deepEqual([...again.store.keys()].sort(), ['a', 'c']);
    await again.store.close();
  });

  test('keeps a value that cannot be read now', async (t) => {
    const opened = await openStore();
    await opened.store.set('a', Buffer.from('1'));
    t.mock.method(await fileHandles(), 'read', () => Promise.reject(failure), { times: 1 });
    await assert.rejects(opened.store.get('a'), {
      name: 'RetryableError',
      message: 'cannot read from the storage: EIO: i/o error',
    });
    assert.equal(String(await opened.store.get('a')), '1');
    assert.deepEqual(opened.damage, []);
    await opened.store.close();
  });
});

test('files that were moved away are noticed, and made again', async () => {
  const clock = manualClock();
  const opened = await openStore({ clock });
  await opened.store.set('a', Buffer.from('1'));
  await rename(opened.folder, `${opened.folder}-away`);
  clock.advance(1000);
  await until(() => opened.damage.length > 0);
  assert.deepEqual(opened.failures, [`write: files of ${opened.folder} were moved or removed; new ones are made`]);
  assert.deepEqual(
    opened.damage.map(({ records, bytes }) => ({ records, bytes })),
    [{ records: 1, bytes: 1 }],
  );
  assert.equal(await opened.store.get('a'), undefined);
  await opened.store.set('b', Buffer.from('2'));
  const again = await opened.reopen();
  assert.deepEqual([...again.store.keys()], ['b']);
  await again.store.close();
});

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries++) {
    assert.ok(tries < 1000, 'it did not come true');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Takes what room there is. */
function fill(folder: string): void {
  for (let size = 2 * MIB; size >= 4096; size /= 2) {
    try {
      writeFileSync(join(folder, `filler-${size}`), Buffer.alloc(size));
    } catch {
      // The next one is smaller.
    }
  }
}
