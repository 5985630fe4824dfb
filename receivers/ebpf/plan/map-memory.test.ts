import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type MapShape, mapBytes, storageBytes } from './map-memory.ts';

/** `memlock` of fdinfo on Linux 6.18 with two possible CPUs. */
const KERNELS_OWN: readonly (readonly [shape: MapShape, memlock: number])[] = [
  [{ type: 'hash', keySize: 96, valueSize: 8, maxEntries: 4096 }, 689_344],
  [{ type: 'hash', keySize: 4, valueSize: 72, maxEntries: 4097 }, 656_656],
  [{ type: 'lru_hash', keySize: 8, valueSize: 1024, maxEntries: 1024 }, 1_123_200],
  [{ type: 'percpu_hash', keySize: 8, valueSize: 8, maxEntries: 16_384 }, 1_573_760],
  [{ type: 'percpu_hash', keySize: 12, valueSize: 400, maxEntries: 512 }, 455_552],
  [{ type: 'percpu_array', keySize: 4, valueSize: 400, maxEntries: 512 }, 414_008],
];

test('memory of maps is what the kernel says, but for the map itself', () => {
  for (const [shape, memlock] of KERNELS_OWN) {
    const bytes = mapBytes(shape, 2);
    assert.ok(memlock - bytes >= 0 && memlock - bytes <= 1024, `${shape.type}: ${bytes} of ${memlock}`);
  }
});

test('values of maps by CPU grow with the CPUs, others do not', () => {
  const shape = { keySize: 8, valueSize: 400, maxEntries: 1000 };
  assert.equal(
    mapBytes({ ...shape, type: 'percpu_hash' }, 64) - mapBytes({ ...shape, type: 'percpu_hash' }, 63),
    400_000,
  );
  assert.equal(
    mapBytes({ ...shape, type: 'percpu_array' }, 64) - mapBytes({ ...shape, type: 'percpu_array' }, 63),
    400_000,
  );
  assert.equal(mapBytes({ ...shape, type: 'array' }, 64), mapBytes({ ...shape, type: 'array' }, 1));
});

test('a trie is counted with all of its nodes', () => {
  const shape = { type: 'lpm_trie', keySize: 4 + 256, valueSize: 8, maxEntries: 64 };
  assert.equal(mapBytes(shape, 64), (40 + 256 + 8) * 128);
});

test('storage in tasks and sockets takes nothing before there is one', () => {
  const shape = { keySize: 4, valueSize: 120, maxEntries: 0 };
  assert.equal(mapBytes({ ...shape, type: 'task_storage' }, 64), 0);
  assert.equal(storageBytes({ ...shape, type: 'sk_storage' }), 248);
  assert.equal(storageBytes({ ...shape, type: 'hash' }), undefined);
});

test('a hash whose entries are made one by one takes its buckets, and each entry its own', () => {
  const shape = { type: 'hash', keySize: 8, valueSize: 104, maxEntries: 32_768, isPreallocated: false };
  assert.equal(mapBytes(shape, 64), 16 * 32_768);
  assert.equal(storageBytes(shape), 48 + 8 + 104);
});
