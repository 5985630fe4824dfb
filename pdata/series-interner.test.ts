import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  attributeSet,
  createResource,
  createScope,
  EMPTY_RESOURCE,
  EMPTY_SCOPE,
  perSeries,
  resourceFromBytes,
  SeriesInterner,
  type SeriesTable,
  WireError,
} from './index.ts';

test('a series has one id, in the order in which series were first seen', () => {
  const series = fc.record({
    resource: fc.nat(2),
    scope: fc.nat(2),
    key: fc.nat(5),
    value: fc.string({ maxLength: 60 }),
  });
  fc.assert(
    fc.property(fc.array(series, { maxLength: 300 }), (list) => {
      const interner = new SeriesInterner();
      const truth = new Map<string, number>();
      for (const one of list) {
        const name = JSON.stringify(one);
        if (!truth.has(name)) truth.set(name, truth.size);
        const id = interner.intern(
          createResource({ resource: one.resource }),
          createScope(String(one.scope)),
          attributeSet({ [`key${one.key}`]: one.value }),
        );
        assert.equal(id, truth.get(name));
      }
      assert.equal(interner.table.size, truth.size);
      for (const [name, id] of truth) {
        const one = JSON.parse(name);
        assert.deepEqual(interner.table.attributes(id).toObject(), { [`key${one.key}`]: one.value });
        assert.equal(interner.table.resource(id).attributes.get('resource'), one.resource);
        assert.equal(interner.table.scope(id).name, String(one.scope));
      }
    }),
  );
});

test('attributes larger than a chunk, and none at all, are kept', () => {
  const interner = new SeriesInterner();
  const sets = [{}, { a: 'x'.repeat(100_000) }, { b: 1 }, { c: 'y'.repeat(40_000) }].map((each) => attributeSet(each));
  for (const [id, set] of sets.entries()) assert.equal(interner.intern(EMPTY_RESOURCE, EMPTY_SCOPE, set), id);
  for (const [id, set] of sets.entries()) assert.ok(interner.table.attributes(id).equals(set));
  assert.equal(interner.table.attributes(1).size, 1);
});

test('bytes inside a request are found, copied, and checked when they are new', () => {
  const interner = new SeriesInterner();
  const { bytes } = attributeSet({ a: 1 });
  const request = Uint8Array.from([9, 9, ...bytes, 9]);
  const id = interner.intern(EMPTY_RESOURCE, EMPTY_SCOPE, attributeSet({ a: 1 }));
  assert.equal(interner.internBytes(EMPTY_RESOURCE, EMPTY_SCOPE, request, 2, 2 + bytes.length), id);
  const other = attributeSet({ b: 2 }).bytes.slice();
  const second = interner.internBytes(EMPTY_RESOURCE, EMPTY_SCOPE, other, 0, other.length);
  other.fill(0);
  assert.deepEqual(interner.table.attributes(second).toObject(), { b: 2 });
  assert.throws(() => interner.internBytes(EMPTY_RESOURCE, EMPTY_SCOPE, request, 0, 5), WireError);
  assert.equal(interner.table.size, 2);
});

test('resources that differ only in the schema URL are two', () => {
  const interner = new SeriesInterner();
  const set = attributeSet({ a: 1 });
  const ids = ['', 'https://a', 'https://b', 'https://a'].map((url) =>
    interner.intern(createResource({ r: 1 }, url), EMPTY_SCOPE, set),
  );
  assert.deepEqual(ids, [0, 1, 2, 1]);
  assert.equal(interner.intern(resourceFromBytes(createResource({ r: 1 }).bytes), EMPTY_SCOPE, set), 0);
});

test('an id that is not in the table is refused', () => {
  const { table } = new SeriesInterner();
  assert.throws(() => table.attributes(0), { name: 'RangeError', message: 'Series 0 is not in this table of 0.' });
  assert.throws(() => table.resource(-1), RangeError);
  assert.throws(() => table.scope(Number.NaN), RangeError);
});

test('rotation begins an empty table and leaves the old one as it was', () => {
  const interner = new SeriesInterner();
  const old = interner.table;
  interner.intern(EMPTY_RESOURCE, EMPTY_SCOPE, attributeSet({ a: 1 }));
  const fresh = interner.rotate();
  assert.equal(interner.table, fresh);
  assert.equal(interner.intern(EMPTY_RESOURCE, EMPTY_SCOPE, attributeSet({ b: 1 })), 0);
  assert.deepEqual(old.attributes(0).toObject(), { a: 1 });
});

test('a table is rotated when half of it is idle, and not while it is in use', () => {
  const interner = new SeriesInterner({ minSeries: 10, idleCycles: 3, idleShare: 0.5 });
  const use = (from: number, to: number): void => {
    for (let n = from; n < to; n++) interner.intern(EMPTY_RESOURCE, EMPTY_SCOPE, attributeSet({ n }));
  };
  use(0, 20);
  for (let cycle = 0; cycle < 20; cycle++) {
    use(0, 11);
    assert.equal(interner.rotateIfStale(), false);
  }
  const rotated = Array.from({ length: 3 }, () => {
    use(0, 5);
    return interner.rotateIfStale();
  });
  assert.deepEqual(rotated, [false, false, true]);
  assert.equal(interner.table.size, 0);
});

test('a table is rotated when it is full', () => {
  const interner = new SeriesInterner({ maxSeries: 3 });
  for (let n = 0; n < 3; n++) {
    assert.equal(interner.rotateIfStale(), false);
    interner.intern(EMPTY_RESOURCE, EMPTY_SCOPE, attributeSet({ n }));
  }
  assert.equal(interner.rotateIfStale(), true);
});

test('what is computed per series is computed once for each, and apart for each table', () => {
  const interner = new SeriesInterner();
  interner.intern(EMPTY_RESOURCE, EMPTY_SCOPE, attributeSet({ a: 1 }));
  interner.intern(EMPTY_RESOURCE, EMPTY_SCOPE, attributeSet({ b: 1 }));
  let calls = 0;
  const keyOf = perSeries((table: SeriesTable, id) => {
    calls++;
    return id === 1 ? undefined : table.attributes(id).keys()[0];
  });
  const old = interner.table;
  for (let round = 0; round < 3; round++) {
    assert.equal(keyOf(old, 1), undefined);
    assert.equal(keyOf(old, 0), 'a');
  }
  assert.equal(calls, 2);
  interner.rotate();
  interner.intern(EMPTY_RESOURCE, EMPTY_SCOPE, attributeSet({ c: 1 }));
  assert.equal(keyOf(interner.table, 0), 'c');
  assert.equal(keyOf(old, 0), 'a');
  assert.equal(calls, 3);
});
