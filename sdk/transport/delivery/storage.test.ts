import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RetryableError, SIGNALS, STORAGE, type Storage, type StorageClient } from 'bpflow/sdk';
import { fakeScope } from 'bpflow/testing';
import type { SendOutcome } from 'bpflow/transport';
import { Harness, SENT, settle } from './test/harness.ts';

const BUSY: SendOutcome = { kind: 'retry', error: 'busy' };

/** A storage that outlives deliveries. */
class Shelf implements Storage {
  readonly opened: string[] = [];
  full = false;
  readonly #spaces = new Map<string, Map<string, Uint8Array>>();

  async open(owner: string, purpose: string): Promise<StorageClient> {
    const name = `${owner}/${purpose}`;
    this.opened.push(name);
    const space = this.#spaces.get(name) ?? new Map<string, Uint8Array>();
    this.#spaces.set(name, space);
    const write = (key: string, value: Uint8Array | undefined): void => {
      if (value === undefined) space.delete(key);
      else space.set(key, value.slice());
    };
    const checkRoom = (): void => {
      if (this.full) throw new RetryableError('The disk is full.');
    };
    return {
      get: async (key) => space.get(key),
      set: async (key, value) => {
        checkRoom();
        write(key, value);
      },
      delete: async (key) => write(key, undefined),
      keys: (prefix = '') => [...space.keys()].filter((key) => key.startsWith(prefix)),
      batch: async (changes) => {
        if (changes.some(({ value }) => value !== undefined)) checkRoom();
        for (const { key, value } of changes) write(key, value);
      },
      close: async () => {},
    };
  }
}

function on(shelf: Shelf): Harness {
  const scope = fakeScope('exporter', 'otlp_grpc', { name: 'far', extensions: [[STORAGE, 'file_storage/q', shelf]] });
  return new Harness({ scope, queue: { storage: 'file_storage/q', num_consumers: 2 } });
}

describe('a queue in a storage', () => {
  test('has a key space for each signal of the exporter', async () => {
    const shelf = new Shelf();
    const harness = on(shelf);
    await harness.delivery.start();
    assert.deepEqual(
      shelf.opened,
      SIGNALS.map((signal) => `exporter_otlp_grpc_far/${signal}`),
    );
    await harness.delivery.stop();
  });

  test('keeps at the stop what could not be delivered, and delivers it after the next start', async () => {
    const shelf = new Shelf();
    const before = on(shelf);
    await before.delivery.start();
    before.answer = () => BUSY;
    for (let i = 0; i < 20; i++) await before.give(10);
    await settle();
    await before.delivery.stop();
    assert.equal(before.delivery.held(), 200);
    assert.deepEqual(before.scope.items.drops, []);
    assert.equal(
      before.scope.logs.some(({ level }) => level === 'error'),
      false,
    );

    const after = on(shelf);
    await after.delivery.start();
    assert.deepEqual(after.scope.items.creations, [{ count: 200, reason: 'restored' }]);
    for (let i = 0; i < 50; i++) await settle();
    assert.equal(after.delivery.outcomes().get('logs')?.sent, 200);
    assert.equal(after.delivery.held(), 0);
    assert.equal(after.balance(200), 0);
    await after.delivery.stop();
  });

  test('what was given up is not there again', async () => {
    const shelf = new Shelf();
    const before = on(shelf);
    await before.delivery.start();
    before.answer = () => ({ kind: 'permanent', error: 'no' });
    await before.give(10);
    for (let i = 0; i < 20; i++) await settle();
    await before.delivery.stop();
    assert.deepEqual(before.scope.items.drops, [{ count: 10, reason: 'permanent' }]);
    const after = on(shelf);
    await after.delivery.start();
    assert.deepEqual(after.scope.items.creations, []);
    await after.delivery.stop();
  });

  test('refuses what cannot be stored, and goes on when it can', async () => {
    const shelf = new Shelf();
    const harness = on(shelf);
    await harness.delivery.start();
    shelf.full = true;
    await assert.rejects(async () => harness.give(10), { name: 'RetryableError', message: 'The disk is full.' });
    assert.equal(harness.delivery.outcomes().get('logs')?.notQueued, 10);
    assert.equal(harness.delivery.held(), 0);
    shelf.full = false;
    harness.answer = () => SENT;
    await harness.give(10);
    for (let i = 0; i < 20; i++) await settle();
    assert.equal(harness.delivery.outcomes().get('logs')?.sent, 10);
    await harness.delivery.stop();
  });

  test('is refused where nobody provides it', async () => {
    const harness = new Harness({ queue: { storage: 'file_storage/none' } });
    await assert.rejects(harness.delivery.start(), /storage/);
    await harness.delivery.stop();
  });

  test('takes nothing before it is open', () => {
    assert.throws(() => on(new Shelf()).give(1), RetryableError);
  });
});
