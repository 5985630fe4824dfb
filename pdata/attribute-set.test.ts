import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  type AttributeSet,
  type AttributeValue,
  attributeSet,
  attributeSetFromBytes,
  createResource,
  createScope,
  Double,
  double,
  EMPTY_ATTRIBUTES,
  resourceFromBytes,
  scopeFromBytes,
  WireError,
} from './index.ts';
import { WireWriter } from './otlp/wire.ts';

const text = fc.string({ unit: 'grapheme', maxLength: 40 });
const value: fc.Arbitrary<AttributeValue> = fc.letrec<{ value: AttributeValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    text,
    fc.boolean(),
    fc.maxSafeInteger().map((n) => n + 0),
    fc.bigInt(2n ** 53n, 2n ** 63n - 1n),
    fc.bigInt(-(2n ** 63n), -(2n ** 53n)),
    fc.double({ noNaN: true }).map((n) => (Number.isInteger(n) ? new Double(n) : n)),
    fc.uint8Array({ maxLength: 20 }).map((bytes) => Uint8Array.from(bytes)),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(text, tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
})).value;
const attributes = fc.dictionary(text, value, { maxKeys: 8, noNullPrototype: true });

/** Bytes of an attribute set, written down by hand. */
function bytes(...parts: (number | string)[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => (typeof part === 'number' ? [part] : [...Buffer.from(part)])));
}

describe('an attribute set', () => {
  test('says what it was made of', () => {
    fc.assert(
      fc.property(attributes, (object) => {
        const set = attributeSet(object);
        assert.deepEqual(attributeSetFromBytes(set.bytes).toObject(), object);
        assert.equal(set.size, Object.keys(object).length);
        assert.deepEqual(set.keys(), Object.keys(object).sort());
        for (const key of set.keys()) assert.deepEqual(set.get(key), object[key]);
      }),
    );
  });

  test('is the same whatever the order in which it was written', () => {
    assert.deepEqual(attributeSet({ b: 1, a: 'x' }).bytes, attributeSet({ a: 'x', b: 1 }).bytes);
    assert.ok(attributeSet({ b: 1, a: 'x' }).equals(attributeSet({ a: 'x', b: 1 })));
  });

  test('has the bytes of OTLP', () => {
    const hex = (set: AttributeSet): string => Buffer.from(set.bytes).toString('hex');
    assert.equal(hex(attributeSet({ a: 'x' })), '0a080a016112030a0178');
    assert.equal(hex(attributeSet({ b: 300 })), '0a080a0162120318ac02');
    assert.equal(hex(attributeSet({ c: double(1) })), '0a0e0a0163120921000000000000f03f');
    assert.equal(hex(attributeSet({ d: [true] })), '0a0b0a016412062a040a021001');
  });

  test('keeps ints and doubles apart', () => {
    const set = attributeSet({ int: 1, double: double(1), half: 0.5, wide: 2n ** 60n, huge: 1e300 });
    assert.deepEqual(attributeSetFromBytes(set.bytes).toObject(), {
      int: 1,
      double: new Double(1),
      half: 0.5,
      wide: 2n ** 60n,
      huge: new Double(1e300),
    });
  });

  test('with changes is the set of the changed attributes; what is untouched keeps its bytes', () => {
    fc.assert(
      fc.property(attributes, attributes, (object, changes) => {
        assert.deepEqual(attributeSet(object).with(changes).bytes, attributeSet({ ...object, ...changes }).bytes);
      }),
    );
  });

  test('without keys is the set of the others, and itself when it has none of them', () => {
    fc.assert(
      fc.property(attributes, fc.array(text), (object, keys) => {
        const rest = Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key)));
        assert.deepEqual(attributeSet(object).without(keys).bytes, attributeSet(rest).bytes);
      }),
    );
    const set = attributeSet({ a: 1 });
    assert.equal(set.without(['b']), set);
    assert.equal(set.with({ a: 1 }), set);
  });

  test('of another sender keeps its order, unknown fields and doubled keys', () => {
    // b = 1 with an unknown field 9, a = true, b = 2.
    const foreign = bytes(
      ...[0x0a, 9, 0x0a, 1, 'b', 0x12, 2, 0x18, 1, 0x48, 5],
      ...[0x0a, 7, 0x0a, 1, 'a', 0x12, 2, 0x10, 1],
      ...[0x0a, 7, 0x0a, 1, 'b', 0x12, 2, 0x18, 2],
    );
    const set = attributeSetFromBytes(foreign);
    assert.deepEqual(set.keys(), ['b', 'a', 'b']);
    assert.equal(set.get('b'), 1);
    assert.deepEqual(set.toObject(), { b: 1, a: true });
    const changed = set.with({ c: 3, a: false });
    assert.deepEqual(changed.keys(), ['b', 'a', 'b', 'c']);
    assert.deepEqual(changed.bytes.subarray(0, 11), foreign.subarray(0, 11));
    assert.deepEqual(set.without(['a']).bytes, Uint8Array.from([...foreign.subarray(0, 11), ...foreign.subarray(20)]));
  });

  test('reads a key that is special to JavaScript like any other', () => {
    const set = attributeSet(JSON.parse('{"__proto__": 1, "constructor": 2}'));
    assert.equal(set.get('__proto__'), 1);
    assert.equal(set.get('toString'), undefined);
    set.toObject();
    assert.equal(set.get('toString'), undefined);
    assert.equal(set.get('constructor'), 2);
  });

  test('keeps bytes that are no UTF-8', () => {
    const foreign = bytes(0x0a, 8, 0x0a, 1, 'a', 0x12, 3, 0x0a, 1, 0xff);
    const set = attributeSetFromBytes(foreign);
    assert.equal(set.get('a'), '\ufffd');
    assert.deepEqual(set.with({ b: 1 }).bytes.subarray(0, foreign.length), foreign);
  });

  test('takes any bytes or refuses them with the place, and is readable ever after', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), attributes, fc.nat(), fc.nat(255), (random, object, at, byte) => {
        const damaged = attributeSet(object).bytes.slice();
        if (damaged.length > 0) damaged[at % damaged.length] = byte;
        for (const given of [Uint8Array.from(random), damaged]) {
          try {
            const set = attributeSetFromBytes(given);
            set.toObject();
            set.with({ added: 1 }).toObject();
            assert.deepEqual(set.bytes, given);
          } catch (error) {
            assert.ok(error instanceof WireError, String(error));
            assert.match(error.message, /^Malformed protobuf at byte \d+: .*\.$/);
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  test('refuses what is nested too deeply, in both directions', () => {
    let deep: AttributeValue = 1;
    for (let level = 0; level < 40; level++) deep = [deep];
    assert.throws(() => attributeSet({ deep }), {
      name: 'RangeError',
      message: /"deep".*nested deeper than 32 levels/,
    });
    const nested = (levels: number): Uint8Array => {
      const writer = new WireWriter();
      const open = [writer.begin(1), writer.begin(2)];
      for (let level = 0; level < levels; level++) open.push(writer.begin(5), writer.begin(1));
      for (const mark of open.reverse()) writer.end(mark);
      return writer.take();
    };
    assert.deepEqual(attributeSetFromBytes(nested(32)).keys(), ['']);
    assert.throws(() => attributeSetFromBytes(nested(33)), {
      name: 'WireError',
      message: /nested deeper than 32 levels/,
    });
  });

  test('refuses values that OTLP cannot carry, by the attribute’s name', () => {
    assert.throws(() => attributeSet({ big: 2n ** 64n }), { name: 'RangeError', message: /"big".*more than 64 bits/ });
    const wrong = { odd: undefined } as unknown as Record<string, AttributeValue>;
    assert.throws(() => attributeSet(wrong), { name: 'TypeError', message: /"odd".*undefined cannot be/ });
  });

  test('without attributes is the empty one', () => {
    assert.equal(attributeSet({}), EMPTY_ATTRIBUTES);
    assert.equal(attributeSet({ a: 1 }).without(['a']), EMPTY_ATTRIBUTES);
    assert.equal(attributeSetFromBytes(new Uint8Array(0)).size, 0);
  });
});

describe('resources and scopes', () => {
  test('of our own have the bytes that say the same when read', () => {
    const resource = createResource({ 'service.name': 'a' }, 'https://schema');
    assert.deepEqual(resourceFromBytes(resource.bytes).attributes.toObject(), { 'service.name': 'a' });
    const scope = createScope('lib', '1.2', { k: true });
    const again = scopeFromBytes(scope.bytes, 'https://schema');
    assert.deepEqual([again.name, again.version, again.attributes.toObject()], ['lib', '1.2', { k: true }]);
    assert.deepEqual([again.schemaUrl, resource.schemaUrl], ['https://schema', 'https://schema']);
  });

  test('of others keep all their bytes', () => {
    // One attribute and dropped_attributes_count = 3.
    const foreign = bytes(...attributeSet({ a: 1 }).bytes, 0x10, 3);
    const resource = resourceFromBytes(foreign);
    assert.equal(resource.bytes, foreign);
    assert.deepEqual(resource.attributes.toObject(), { a: 1 });
    assert.throws(() => resourceFromBytes(bytes(0x0a, 50)), WireError);
    assert.throws(() => scopeFromBytes(bytes(0x1a, 2, 0x12, 9)), WireError);
  });
});
