import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { didYouMean, nearest } from './nearest.ts';

const keys = ['timeout', 'send_batch_size', 'send_batch_max_size', 'endpoint', 'port', 'tls'];

const cases: readonly [string, string | undefined][] = [
  ['timeuot', 'timeout'],
  ['Timeout', 'timeout'],
  ['send-batch-size', 'send_batch_size'],
  ['send_batch_sizes', 'send_batch_size'],
  ['end_point', 'endpoint'],
  ['prot', 'port'],
  ['ssl', 'tls'],
  ['x', undefined],
  ['', undefined],
  ['compression', undefined],
];
for (const [written, meant] of cases) {
  test(`${JSON.stringify(written)} is near ${meant ?? 'nothing'}`, () => assert.equal(nearest(written, keys), meant));
}

test('the hint is a question, or nothing', () => {
  assert.equal(didYouMean('timeuot', keys), '; did you mean "timeout"?');
  assert.equal(didYouMean('compression', keys), '');
});

test('what is written right is its own nearest', () => {
  fc.assert(fc.property(fc.constantFrom(...keys), (key) => assert.equal(nearest(key, keys), key)));
});
