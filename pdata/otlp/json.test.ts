import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OtlpJsonError, otlpFromJson, otlpToJson } from '../index.ts';

test('an empty document is an empty request', () => {
  assert.deepEqual(otlpFromJson('metrics', '{}'), new Uint8Array(0));
  assert.equal(new TextDecoder().decode(otlpToJson('logs', new Uint8Array(0))), '{}');
});

test('what is wrong is named with its path', () => {
  const document = '{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{},{"sum":3}]}]}]}';
  assert.throws(
    () => otlpFromJson('metrics', document),
    new OtlpJsonError(
      'expected an object, found a number',
      'resourceMetrics[0].scopeMetrics[0].metrics[1].sum',
      document.indexOf('3'),
    ),
  );
});
