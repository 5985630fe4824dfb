import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { double } from '../../pdata/attributes.ts';
import { compileGlob, compileRegexp, textMatcher } from './patterns.ts';
import { sameValue, valueText } from './values.ts';

describe('regular expressions in the syntax of Go', () => {
  const rows: readonly (readonly [string, string, boolean])[] = [
    ['ab', 'xabx', true],
    ['^ab$', 'xabx', false],
    ['(?i)AB', 'xabx', true],
    ['(?s)a.b', 'a\nb', true],
    ['\\Aab\\z', 'ab', true],
    ['(?m)\\Ab', 'a\nb', false],
    ['^[[:alpha:]_]+$', 'a_B', true],
    ['^[[:digit:]]+$', 'x', false],
    ['a\\-b', 'a-b', true],
    ['\\p{Lu}', 'É', true],
  ];
  for (const [pattern, text, matches] of rows) {
    test(`${pattern} on ${JSON.stringify(text)}`, () => assert.equal(compileRegexp(pattern).test(text), matches));
  }

  test('have named groups', () => assert.equal(compileRegexp('(?P<a>b+)').exec('xbb')!.groups!['a'], 'bb'));
  test('that are none are refused', () => assert.throws(() => compileRegexp('a('), SyntaxError));
});

test('a glob matches the whole text', () => {
  const rows: readonly (readonly [string, string, boolean])[] = [
    ['kube-*', 'kube-system', true],
    ['kube-*', 'my-kube-system', false],
    ['a?c', 'abc', true],
    ['a.c', 'abc', false],
    ['(*)[1]', '(x)[1]', true],
    ['*', 'a\nb', true],
  ];
  for (const [glob, text, matches] of rows) assert.equal(compileGlob(glob).test(text), matches, `${glob} on ${text}`);
});

test('one pattern of several is enough', () => {
  const matches = textMatcher(['a', 'b*'], 'glob');
  assert.deepEqual(['a', 'bc', 'c'].map(matches), [true, true, false]);
});

test('values are compared with their type and shown as text', () => {
  assert.equal(sameValue(1, double(1)), false);
  assert.equal(sameValue(double(1), double(1)), true);
  assert.equal(sameValue(1, '1'), false);
  assert.equal(sameValue(2 ** 40, 2n ** 40n), true);
  assert.equal(sameValue([1, { a: 'b' }], [1, { a: 'b' }]), true);
  assert.equal(sameValue({ a: 1 }, [1]), false);
  assert.deepEqual([double(1.5), true, null, Uint8Array.of(1, 2), { a: [1, double(2)] }, 'x', 7n].map(valueText), [
    '1.5',
    'true',
    '',
    'AQI=',
    '{"a":[1,2]}',
    'x',
    '7',
  ]);
});
