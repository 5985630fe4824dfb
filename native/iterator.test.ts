import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { BpfObject } from '../sdk/bpf.ts';
import { kernelIds, open, skip } from './test/programs.ts';

const entryBytes = 16;

/** The iterators' object with `count` entries in its table: key i, value i². */
function openTable(count: number): BpfObject {
  const object = open('iterators');
  object.load();
  const table = object.map('table');
  for (let i = 0; i < count; i++) {
    table.update(new Uint8Array(Uint32Array.of(i).buffer), new Uint8Array(BigUint64Array.of(BigInt(i) ** 2n).buffer));
  }
  return object;
}

describe('an iterator', { skip }, () => {
  it('reads what the program writes for each entry of the map it is given', () => {
    using object = openTable(5000);
    using link = object.program('write_entries').attach({ map: object.map('table') });
    const buffer = new Uint8Array(6000 * entryBytes);
    assert.equal(link.iterate(buffer), 5000 * entryBytes);
    const view = new DataView(buffer.buffer);
    const keys = new Set<number>();
    for (let at = 0; at < 5000 * entryBytes; at += entryBytes) {
      const key = view.getUint32(at, true);
      assert.equal(view.getBigUint64(at + 8, true), BigInt(key) ** 2n);
      keys.add(key);
    }
    assert.equal(keys.size, 5000);
  });

  it('makes a whole new pass each time', () => {
    using object = openTable(10);
    using link = object.program('write_entries').attach({ map: object.map('table') });
    const buffer = new Uint8Array(10 * entryBytes);
    assert.equal(link.iterate(buffer), 10 * entryBytes);
    object.map('table').delete(new Uint8Array(4));
    assert.equal(link.iterate(buffer), 9 * entryBytes);
  });

  it('runs without a buffer for its effects alone, and drops what is written', () => {
    using object = openTable(100);
    using visiting = object.program('visit_entries').attach({ map: object.map('table') });
    assert.equal(visiting.iterate(), 0);
    const visited = new DataView(object.getGlobal('visited').buffer).getBigUint64(0, true);
    assert.equal(visited, BigInt((99 * 100 * 199) / 6));
    using writing = object.program('write_entries').attach({ map: object.map('table') });
    assert.equal(writing.iterate(), 0);
  });

  it('tells when the output does not fit, and works again afterwards', () => {
    using object = openTable(1000);
    using link = object.program('write_entries').attach({ map: object.map('table') });
    for (const bytes of [0, 1, 1000 * entryBytes - 1]) {
      assert.throws(() => link.iterate(new Uint8Array(bytes)), { code: 'too_small', subject: 'write_entries' });
    }
    assert.equal(link.iterate(new Uint8Array(1000 * entryBytes)), 1000 * entryBytes);
  });

  it('over maps cannot be attached without one, nor with another thing', () => {
    using object = openTable(0);
    const program = object.program('write_entries');
    assert.throws(() => program.attach(), { code: 'attach', subject: 'write_entries' });
    assert.throws(() => program.attach({ map: object as never }), { code: 'misuse' });
    const closed = object.map('table');
    closed.close();
    assert.throws(() => program.attach({ map: closed }), { code: 'closed' });
  });

  it('is not what an ordinary link is', () => {
    using object = open('counter');
    object.load();
    using link = object.program('count').attach();
    assert.throws(() => link.iterate(), { code: 'system', subject: 'count' });
  });

  it('asks the kernel what it holds', () => {
    using object = open('counter');
    object.load();
    const program = object.program('count');
    const link = program.attach();
    assert.ok(kernelIds('program').has(program.id));
    assert.ok(kernelIds('map').has(object.map('calls').id));
    assert.ok(kernelIds('link').has(link.id));
    link.close();
    assert.ok(!kernelIds('link').has(link.id));
  });
});
