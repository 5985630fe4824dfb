import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { StructMember } from 'bpflow/sdk';
import type { DescribedLabel } from './description.ts';
import { textOf } from './text.ts';

const told = (bytes: readonly number[], more: Partial<StructMember>, label: DescribedLabel = {}): string => {
  // Not at the start, as members of structs are.
  const key = Uint8Array.from([255, ...bytes, 255]);
  const member = { name: 'm', offset: 1, size: bytes.length, type: 'type', kind: 'uint', ...more } as StructMember;
  return textOf(member, label)(new DataView(key.buffer));
};
const chars = (text: string) => [...Buffer.from(text)];
const V6 = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

describe('the text of a label', () => {
  const cases: readonly (readonly [string, readonly number[], Partial<StructMember>, DescribedLabel, string])[] = [
    ['a text to its NUL', chars('ab\0c'), { kind: 'char', length: 4 }, {}, 'ab'],
    ['a text that fills its place', chars('äb'), { kind: 'char', length: 3 }, {}, 'äb'],
    ['an unsigned number', [255, 255], {}, {}, '65535'],
    ['a signed number', [255, 255], { kind: 'int' }, {}, '-1'],
    ['a number of 64 bits', [255, 255, 255, 255, 255, 255, 255, 255], {}, {}, '18446744073709551615'],
    ['a truth', [1], { kind: 'bool' }, {}, 'true'],
    ['an enumeration', [2, 0, 0, 0], { kind: 'enum' }, {}, '2'],
    ['a number that has a name', [6], {}, { names: { '6': 'tcp' } }, 'tcp'],
    ['a number that has none', [7], {}, { names: { '6': 'tcp' } }, '7'],
    ['a name that objects have', [7], {}, { names: {} }, '7'],
    ['an address', [10, 0, 0, 1], {}, { as: 'ip' }, '10.0.0.1'],
    ['an IPv6 address', V6, { length: 16 }, { as: 'ip' }, '2001:db8::1'],
    ['an IPv4 address in one', [...Array(10).fill(0), 255, 255, 10, 0, 0, 1], {}, { as: 'ip' }, '10.0.0.1'],
    ['a hardware address', [0, 1, 2, 0xaa, 0xbb, 0xcc], { length: 6 }, { as: 'mac' }, '00:01:02:aa:bb:cc'],
    ['bytes', [0, 0xab], { length: 2 }, { as: 'hex' }, '00ab'],
    ['a port', [0x1f, 0x90], {}, { as: 'big_endian' }, '8080'],
    ['an error', [2, 0, 0, 0], {}, { as: 'errno' }, 'ENOENT'],
    ['a negative error', [254, 255, 255, 255], { kind: 'int' }, { as: 'errno' }, 'ENOENT'],
    ['no error', [0, 0, 0, 0], {}, { as: 'errno' }, '0'],
  ];
  for (const [what, bytes, more, label, text] of cases) {
    test(what, () => assert.equal(told(bytes, more, label), text));
  }

  test('what has no such text says so', () => {
    assert.throws(() => told([1, 2], { length: 2 }), /m \(type\) is neither a number nor a text/);
    assert.throws(() => told([1, 2], { kind: 'struct' }), /name one of its members/);
    assert.throws(() => told([1, 2], {}, { as: 'ip' }), /has 2 bytes; as: ip takes 4 or 16/);
    assert.throws(() => told([1, 2], {}, { as: 'mac' }), /has 2 bytes; as: mac takes 6/);
    assert.throws(() => told([1, 2], { length: 2 }, { as: 'errno' }), /is no number/);
    assert.throws(() => told([1, 2], { length: 2 }, { as: 'big_endian' }), /is no number/);
  });
});
