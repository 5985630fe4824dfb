import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { BpfError, type BpfMap, type BpfObject, type ReadOptions } from '../sdk/bpf.ts';
import { bpf, getppidNumber, open, skip, until } from './test/programs.ts';

/** The map, with an own object that closes with the test. */
function withMap(name: string, action: (map: BpfMap, object: BpfObject) => void): void {
  using object = open('maps');
  object.load();
  action(object.map(name), object);
}

/** Bytes of a key whose first four are `number`, big-endian so that tries see prefixes; the rest is 0. */
function keyOf(map: BpfMap, number: number): Uint8Array {
  const key = new Uint8Array(map.keySize);
  if (map.type === 'lpm_trie') {
    new DataView(key.buffer).setUint32(0, 32, true);
    new DataView(key.buffer).setUint32(4, number, false);
  } else {
    new DataView(key.buffer).setUint32(0, number, true);
  }
  return key;
}

/** An entry whose every byte of every CPU's value is told apart. Padding stays 0: the kernel does not keep it. */
function entryOf(map: BpfMap, number: number): Uint8Array {
  const entry = new Uint8Array(map.stride);
  const slot = map.stride === map.valueSize ? map.stride : map.stride / bpf.possibleCpus;
  for (let cpu = 0; cpu * slot < entry.length; cpu++) {
    for (let i = 0; i < map.valueSize; i++) entry[cpu * slot + i] = (number * 31 + cpu * 7 + i) & 0xff;
  }
  return entry;
}

function fill(map: BpfMap, count: number): void {
  for (let i = 0; i < count; i++) map.update(keyOf(map, i), entryOf(map, i));
}

/** What a pass reads, as key → entry in hexadecimal. */
/** Priority, nice value and policy of the main thread, as the kernel tells them. */
function schedulingOfThread(): string {
  const fields = readFileSync(`/proc/self/task/${process.pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return [fields[15], fields[16], fields[38]].join(' ');
}

function read(map: BpfMap, room: number, options?: ReadOptions): Map<string, string> {
  const keys = new Uint8Array(room * map.keySize);
  const values = new Uint8Array(room * map.stride);
  const count = map.readInto(keys, values, options);
  const entries = new Map<string, string>();
  for (let i = 0; i < count; i++) {
    const key = Buffer.from(keys.subarray(i * map.keySize, (i + 1) * map.keySize)).toString('hex');
    assert.equal(entries.has(key), false, `key ${key} appears twice`);
    entries.set(key, Buffer.from(values.subarray(i * map.stride, (i + 1) * map.stride)).toString('hex'));
  }
  return entries;
}

function expected(map: BpfMap, count: number): Map<string, string> {
  const entries = new Map<string, string>();
  for (let i = 0; i < count; i++) {
    entries.set(Buffer.from(keyOf(map, i)).toString('hex'), Buffer.from(entryOf(map, i)).toString('hex'));
  }
  return entries;
}

function sorted(entries: Map<string, string>): readonly (readonly [string, string])[] {
  return [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
}

const walkable = ['hash', 'lru_hash', 'percpu_hash', 'lru_percpu_hash', 'array', 'percpu_array', 'lpm_trie'] as const;

describe('a map', { skip }, () => {
  it('knows its type, sizes and stride', () => {
    const cpus = bpf.possibleCpus;
    using object = open('maps');
    object.load();
    const shapes = object.mapNames
      .filter((name) => name !== 'task_storage')
      .sort()
      .map((name) => {
        const { type, keySize, valueSize, stride, maxEntries } = object.map(name);
        return [name, type, keySize, valueSize, stride, maxEntries];
      });
    assert.deepEqual(shapes, [
      ['array', 'array', 4, 2, 2, 100],
      ['hash', 'hash', 16, 4, 4, 1000],
      ['left_out', 'hash', 4, 4, 4, 1],
      ['lpm_trie', 'lpm_trie', 8, 4, 4, 100],
      ['lru_hash', 'lru_hash', 4, 8, 8, 1024],
      ['lru_percpu_hash', 'lru_percpu_hash', 4, 16, 16 * cpus, 1024],
      ['percpu_array', 'percpu_array', 4, 16, 16 * cpus, 10],
      ['percpu_hash', 'percpu_hash', 4, 4, 8 * cpus, 1000],
      ['ringbuf', 'ringbuf', 0, 0, 0, 4096],
    ]);
    assert.deepEqual([object.map('hash').isPreallocated, object.map('lpm_trie').isPreallocated], [true, false]);
  });

  for (const name of walkable) {
    it(`of type ${name} reads back what was written, by batches and one by one`, () => {
      withMap(name, (map) => {
        const count = name.endsWith('array') ? map.maxEntries : name === 'lpm_trie' ? 60 : 300;
        fill(map, count);
        const truth = sorted(expected(map, count));
        assert.deepEqual(sorted(read(map, map.maxEntries)), truth);
        assert.deepEqual(sorted(read(map, map.maxEntries, { batch: false })), truth);
        const scheduling = schedulingOfThread();
        assert.deepEqual(sorted(read(map, map.maxEntries, { unpreempted: true })), truth);
        assert.equal(schedulingOfThread(), scheduling);
      });
    });
  }

  for (const name of walkable) {
    for (const batch of [true, false]) {
      it(`of type ${name} stops where the ${batch ? 'batched' : 'single'} buffer ends, at any size`, () => {
        withMap(name, (map) => {
          const count = name.endsWith('array') ? map.maxEntries : name === 'lpm_trie' ? 60 : 300;
          fill(map, count);
          const truth = expected(map, count);
          for (let room = 0; room <= Math.min(count, 40); room++) {
            const entries = read(map, room, { batch });
            assert.equal(entries.size, room);
            for (const [key, entry] of entries) assert.equal(entry, truth.get(key));
          }
        });
      });
    }
  }

  it('that is full is read whole into buffers of exactly its size', () => {
    withMap('hash', (map) => {
      fill(map, map.maxEntries);
      assert.equal(read(map, map.maxEntries).size, map.maxEntries);
      assert.throws(() => map.update(keyOf(map, 5000), entryOf(map, 5000)), { code: 'system', errno: 'E2BIG' });
    });
  });

  it('that is empty reads as nothing', () => {
    withMap('hash', (map) => {
      assert.equal(read(map, 10).size, 0);
      assert.equal(read(map, 10, { batch: false }).size, 0);
    });
  });

  it('is read by the shorter of the two buffers', () => {
    withMap('percpu_hash', (map) => {
      fill(map, 50);
      assert.equal(map.readInto(new Uint8Array(map.keySize * 7 + 3), new Uint8Array(map.stride * 50)), 7);
      assert.equal(map.readInto(new Uint8Array(map.keySize * 50), new Uint8Array(map.stride * 8 - 1)), 7);
    });
  });

  it('keeps every CPU apart', () => {
    withMap('percpu_hash', (map, object) => {
      map.update(keyOf(map, 0), new Uint8Array(map.stride));
      for (let i = 0; i < 25; i++) object.program('touch').testRun();
      const values = new Uint8Array(map.stride);
      assert.equal(map.lookup(keyOf(map, 0), values), true);
      const view = new DataView(values.buffer);
      let sum = 0;
      for (let cpu = 0; cpu < bpf.possibleCpus; cpu++) sum += view.getUint32(cpu * 8, true);
      assert.equal(sum, 25);
    });
  });

  it('looks up, replaces, creates and deletes single entries', () => {
    withMap('hash', (map) => {
      const value = new Uint8Array(4);
      assert.equal(map.lookup(keyOf(map, 1), value), false);
      assert.throws(() => map.update(keyOf(map, 1), Uint8Array.of(1, 0, 0, 0), 'replace'), {
        code: 'system',
        errno: 'ENOENT',
        subject: 'hash',
      });
      map.update(keyOf(map, 1), Uint8Array.of(1, 0, 0, 0), 'create');
      assert.throws(() => map.update(keyOf(map, 1), Uint8Array.of(2, 0, 0, 0), 'create'), { errno: 'EEXIST' });
      map.update(keyOf(map, 1), Uint8Array.of(3, 0, 0, 0), 'replace');
      map.update(keyOf(map, 1), Uint8Array.of(4, 0, 0, 0));
      assert.equal(map.lookup(keyOf(map, 1), value), true);
      assert.deepEqual(value, Uint8Array.of(4, 0, 0, 0));
      assert.equal(map.delete(keyOf(map, 1)), true);
      assert.equal(map.delete(keyOf(map, 1)), false);
    });
  });

  it('leaves a longer value buffer alone behind the entry', () => {
    withMap('hash', (map) => {
      map.update(keyOf(map, 1), Uint8Array.of(1, 2, 3, 4));
      const value = new Uint8Array(6).fill(9);
      map.lookup(keyOf(map, 1), value);
      assert.deepEqual(value, Uint8Array.of(1, 2, 3, 4, 9, 9));
    });
  });

  it('finds no entry behind the end of an array', () => {
    withMap('array', (map) => assert.equal(map.lookup(keyOf(map, 100), new Uint8Array(2)), false));
  });

  it('refuses keys, values, buffers and modes of a wrong kind', () => {
    withMap('hash', (map, object) => {
      const key = keyOf(map, 1);
      const value = new Uint8Array(4);
      const untyped = map as unknown as Record<string, (...args: unknown[]) => unknown>;
      const misuse: readonly (() => unknown)[] = [
        () => map.lookup(new Uint8Array(15), value),
        () => map.lookup(new Uint8Array(17), value),
        () => map.update(key, new Uint8Array(3)),
        () => map.update(key, new Uint8Array(5)),
        () => map.delete(new Uint8Array(0)),
        () => untyped['lookup']?.('key', value),
        () => untyped['lookup']?.(key, new Uint32Array(4)),
        () => untyped['update']?.(key, value, 'never'),
        () => untyped['update']?.(key),
        () => untyped['readInto']?.(key),
        () => untyped['readInto']?.(key, value, { batch: 'no' }),
        () => untyped['readInto']?.(key, value, { unpreempted: 1 }),
        () => map.ring(),
      ];
      for (const use of misuse) assert.throws(use, (error) => error instanceof BpfError && error.code === 'misuse');
      assert.throws(() => map.lookup(key, new Uint8Array(3)), { code: 'too_small' });
      assert.throws(() => map.update(key, new Uint8Array(3)), {
        message: 'An entry of the map "hash" has 4 bytes, not 3.',
      });
      for (const name of ['ringbuf', 'task_storage']) {
        const other = object.map(name);
        assert.throws(() => other.readInto(new Uint8Array(64), new Uint8Array(64)), { code: 'system', subject: name });
      }
    });
  });

  it('survives a buffer that is detached while it is passed', () => {
    withMap('hash', (map) => {
      fill(map, 10);
      const keys = new Uint8Array(10 * map.keySize);
      const values = new Uint8Array(10 * map.stride);
      const options = {
        get batch(): boolean {
          structuredClone(keys.buffer, { transfer: [keys.buffer] });
          return true;
        },
      };
      assert.equal(map.readInto(keys, values, options), 0);
      const closing = {
        get batch(): boolean {
          map.close();
          return true;
        },
      };
      assert.throws(() => map.readInto(new Uint8Array(160), values, closing), { code: 'closed' });
    });
  });

  for (const batch of [true, false]) {
    it(`gives no entry twice while entries come and go, ${batch ? 'by batches' : 'one by one'}`, async (t) => {
      using object = open('maps');
      object.setGlobal('churn_tgid', process.pid);
      object.setGlobal('churn_nr', getppidNumber);
      object.load();
      const map = object.map('hash');
      fill(map, 500);
      using _link = object.program('churn').attach();
      const worker = new Worker('for (;;) process.ppid', { eval: true });
      t.after(() => worker.terminate());
      const churned = () => new DataView(object.getGlobal('churned').buffer).getUint32(0, true);
      await until(() => churned() > 0, 'the worker deletes entries');
      const before = churned();
      while (churned() < before + 20_000) {
        const entries = read(map, map.maxEntries, { batch });
        // At most the one entry that is just away, or the walk's restarts, are missing.
        assert.ok(entries.size >= 400 && entries.size <= 500, `${entries.size} entries`);
      }
      await worker.terminate();
      assert.equal(read(map, map.maxEntries, { batch }).size, 500);
    });
  }
});
