import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeRpcStatus, messageOfJson, partialSuccess, partialSuccessOfJson, readRpcStatus } from 'bpflow/transport';

test('a status is read with its RetryInfo, whatever its code', () => {
  for (let code = 0; code <= 16; code++) {
    assert.deepEqual(readRpcStatus(encodeRpcStatus(code, 'why')), { message: 'why', retryAfterMs: undefined });
    assert.deepEqual(readRpcStatus(encodeRpcStatus(code, 'why', 1500)), { message: 'why', retryAfterMs: 1500 });
  }
});

test('bytes that are no status are none, at every cut', () => {
  const bytes = encodeRpcStatus(8, 'why', 2000);
  for (let end = 1; end < bytes.length; end++) assert.doesNotThrow(() => readRpcStatus(bytes.subarray(0, end)));
  assert.equal(readRpcStatus(Buffer.from('<html>')), undefined);
});

test('a partial success is read; an empty answer is a whole success', () => {
  assert.equal(partialSuccess(new Uint8Array()), undefined);
  assert.equal(partialSuccess(Buffer.from([0x0a, 0])), undefined);
  assert.deepEqual(partialSuccess(Buffer.from([0x0a, 3, 0x08, 0xc8, 1])), { items: 200, message: '' });
  assert.deepEqual(partialSuccess(Buffer.from([0x0a, 4, 0x12, 2, 0x68, 0x69])), { items: 0, message: 'hi' });
  assert.equal(partialSuccess(Buffer.from([0xff])), undefined);
});

test('the same as JSON, where numbers may be texts', () => {
  const read = (value: unknown) => partialSuccessOfJson(Buffer.from(JSON.stringify(value)));
  assert.equal(read({}), undefined);
  assert.equal(read({ partialSuccess: {} }), undefined);
  assert.deepEqual(read({ partialSuccess: { rejectedSpans: '3' } }), { items: 3, message: '' });
  assert.deepEqual(read({ partialSuccess: { rejectedDataPoints: 4, errorMessage: 'old' } }), {
    items: 4,
    message: 'old',
  });
  assert.equal(read({ partialSuccess: { rejectedSpans: 'many' } }), undefined);
  assert.equal(partialSuccessOfJson(Buffer.from('{')), undefined);
  assert.equal(messageOfJson(Buffer.from('{"message":"no"}')), 'no');
  assert.equal(messageOfJson(Buffer.from('[]')), undefined);
});
