import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeBpf } from 'bpflow/testing';

const objects = {
  syscall: {
    programs: { on_enter: {}, on_exit: {}, walk: { run: () => Uint8Array.of(1, 2, 3) } },
    maps: {
      calls: { type: 'percpu_hash', keySize: 4, valueSize: 12, maxEntries: 2 },
      slots: { type: 'array', keySize: 4, valueSize: 8, maxEntries: 3 },
      events: { type: 'ringbuf', maxEntries: 64 },
    },
    globals: { agent: 4, since: 8 },
  },
};
const key = (n: number): Uint8Array => Uint8Array.of(n, 0, 0, 0);

function loaded(): { bpf: ReturnType<typeof fakeBpf>; object: ReturnType<ReturnType<typeof fakeBpf>['object']> } {
  const bpf = fakeBpf({ objects });
  bpf.open('/objects/syscall.bpf.o').load();
  return { bpf, object: bpf.object('syscall') };
}

test('maps hold entries of all CPUs, up to their limit', () => {
  const { object } = loaded();
  const map = object.map('calls');
  assert.equal(map.stride, 32);
  map.update(key(1), new Uint8Array(32).fill(7));
  map.update(key(2), new Uint8Array(32));
  assert.throws(() => map.update(key(3), new Uint8Array(32)), { code: 'system', errno: 'E2BIG' });
  const keys = new Uint8Array(8);
  const values = new Uint8Array(64);
  assert.equal(map.readInto(keys, values), 2);
  assert.deepEqual([keys[0], keys[4], values[0], values[32]], [1, 2, 7, 0]);
  assert.equal(map.delete(key(1)), true);
  assert.equal(map.lookup(key(1), values), false);
  assert.throws(() => map.lookup(new Uint8Array(3), values), { code: 'misuse' });
});

test('arrays have every entry and lose none', () => {
  const map = loaded().object.map('slots');
  assert.equal(map.readInto(new Uint8Array(12), new Uint8Array(24)), 3);
  assert.throws(() => map.delete(key(0)), { errno: 'EINVAL' });
  assert.throws(() => map.update(key(3), new Uint8Array(8)), { errno: 'E2BIG' });
});

test('rings hand out records in order and wake their consumer', async () => {
  const map = loaded().object.map('events');
  const ring = map.ring();
  const woken = new Promise<void>((resolve) => ring.onReadable(resolve));
  assert.equal(map.produce(Uint8Array.of(9, 8)), true);
  assert.equal(map.produce(new Uint8Array(9).fill(5)), true);
  assert.equal(map.produce(new Uint8Array(30)), false);
  await woken;
  assert.throws(() => ring.drain(new Uint8Array(8)), { code: 'too_small' });
  const buffer = new Uint8Array(64);
  assert.equal(ring.drain(buffer), 16 + 24);
  assert.deepEqual([buffer[0], buffer[8], buffer[9], buffer[16], buffer[24]], [2, 9, 8, 9, 5]);
  assert.equal(ring.drain(buffer), 0);
});

test('what was loaded and attached can be seen, and ends with its object', () => {
  const { bpf, object } = loaded();
  const link = object.program('on_exit').attach();
  object.program('walk').attach();
  assert.deepEqual(object.attached, ['on_exit', 'walk']);
  link.close();
  link.close();
  assert.deepEqual(object.attached, ['walk']);
  const buffer = new Uint8Array(4);
  assert.equal(object.links[1]!.iterate(buffer), 3);
  assert.deepEqual([...buffer], [1, 2, 3, 0]);
  const map = object.map('calls');
  object.close();
  assert.deepEqual(bpf.openHandles, []);
  assert.throws(() => map.lookup(key(1), new Uint8Array(32)), { code: 'closed' });
  assert.throws(() => object.program('on_exit'), { code: 'closed' });
});

test('programs and maps that are switched off are not there; reused maps stay when the object goes', () => {
  const { bpf, object } = loaded();
  const second = bpf.open('syscall.bpf.o');
  second.setAutoload('on_enter', false);
  second.setAutocreate('slots', false);
  second.reuseMap('calls', object.map('calls'));
  second.setGlobal('since', 2n ** 40n);
  second.load();
  assert.deepEqual(bpf.object('syscall').loaded, ['on_exit', 'walk']);
  assert.throws(() => second.map('slots'), { code: 'misuse' });
  assert.deepEqual([...second.getGlobal('since')], [0, 0, 0, 0, 0, 1, 0, 0]);
  assert.throws(() => second.setAutoload('on_enter', true), { code: 'misuse' });
  second.close();
  assert.equal(object.map('calls').lookup(key(1), new Uint8Array(32)), false);
});

test('any operation fails as told, and works again when repaired', () => {
  const bpf = fakeBpf({ objects });
  bpf.fail({ operation: 'load', subject: 'on_enter', errno: 'EPERM', verifierLog: 'no' });
  const object = bpf.open('syscall.bpf.o');
  assert.throws(() => object.load(), { code: 'load', errno: 'EPERM', subject: 'on_enter', verifierLog: 'no' });
  assert.deepEqual(bpf.openHandles, []);
  bpf.repair();
  bpf.fail({ operation: 'read', times: 1 });
  const again = bpf.open('syscall.bpf.o');
  again.load();
  const read = (): number => again.map('calls').readInto(new Uint8Array(8), new Uint8Array(64));
  assert.throws(read, { code: 'system', errno: 'EINVAL' });
  assert.equal(read(), 0);
  assert.deepEqual(bpf.calls.at(-1), 'read calls');
  assert.throws(() => bpf.open('other.bpf.o'), { code: 'bad_object', message: /this fake has: syscall/ });
});
