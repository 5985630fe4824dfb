import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Batch, type Connector, RetryableError, SIGNALS } from 'bpflow/sdk';
import { fakeScope, sampleBatch } from 'bpflow/testing';
import spec from './index.ts';

const ABORT = new AbortController().signal;

test('hands on the same batch, and what the next pipeline says of it', () => {
  const taken: Batch[] = [];
  const take = { refusal: () => undefined, consume: (batch: Batch) => void taken.push(batch) };
  const next = Object.fromEntries(SIGNALS.map((signal) => [signal, take]));
  const connector: Connector = spec.create({}, fakeScope('connector', 'forward'), next);
  for (const signal of SIGNALS) {
    const batch = sampleBatch(signal);
    connector.consume[signal]!(batch as never, ABORT);
    assert.equal(taken.at(-1), batch);
  }
  const full = {
    refusal: () => undefined,
    consume: () => {
      throw new RetryableError('full');
    },
  };
  const refusing: Connector = spec.create({}, fakeScope('connector', 'forward'), { logs: full });
  assert.throws(() => refusing.consume.logs!(sampleBatch('logs'), ABORT), { message: 'full' });
});
