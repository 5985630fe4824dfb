import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Attributes, type LogBatch, LogBuilder, logRecords, spanRecords } from 'bpflow/sdk';
import { sampleBatch } from 'bpflow/testing';
import { Limited } from './test/limited.ts';

function logs(rows: readonly Attributes[]): LogBatch {
  const builder = new LogBuilder();
  for (const attributes of rows) builder.add({ time: 1n, attributes });
  return builder.take()!;
}

const shown = (batch: LogBatch): unknown[] => [...logRecords(batch)].map(({ attributes }) => attributes.toObject());

describe('attributes of log records', () => {
  test('have so many values, the others become one', () => {
    const limited = new Limited({ logs: { attributes: { user: 2 } } });
    const rows = ['a', 'b', 'c', 'a', 'd'].map((user) => ({ user, n: 1 }));
    assert.deepEqual(shown(limited.logs(logs(rows))), [
      { user: 'a', n: 1 },
      { user: 'b', n: 1 },
      { user: 'other', n: 1 },
      { user: 'a', n: 1 },
      { user: 'other', n: 1 },
    ]);
    assert.deepEqual(shown(limited.logs(logs([{ user: 'd' }, { user: 'b' }, {}]))), [
      { user: 'other' },
      { user: 'b' },
      {},
    ]);
    assert.deepEqual(limited.report.logs, [{ attribute: 'user', values: 4, named: 2, folded: 3 }]);
    const labels = { processor: 'cardinality_limit', signal: 'logs', attribute: 'user' };
    assert.equal(limited.scope.meter.value('bpflow_cardinality_limit_folded', labels), 3);
  });

  test('that are no texts are limited too', () => {
    const limited = new Limited({ logs: { attributes: { user: 1, size: { buckets: [10] } } } });
    const rows = [{ user: 1, size: 3 }, { user: 2, size: 30 }, { user: '1' }];
    assert.deepEqual(shown(limited.logs(logs(rows))), [
      { user: 1, size: '10' },
      { user: 'other', size: '+Inf' },
      { user: 'other' },
    ]);
  });

  test('are dropped, and a batch with nothing to change stays the same', () => {
    const limited = new Limited({ logs: { attributes: { secret: 'drop', user: 5 } } });
    assert.deepEqual(shown(limited.logs(logs([{ secret: 'x', user: 'a' }]))), [{ user: 'a' }]);
    const batch = logs([{ user: 'a' }, { user: 'b' }]);
    assert.equal(limited.logs(batch), batch);
  });

  test('give the places of idle values away', () => {
    const limited = new Limited({ idle_timeout: '1m', logs: { attributes: { user: 1 } } });
    limited.logs(logs([{ user: 'a' }]));
    limited.wait(90_000);
    assert.deepEqual(shown(limited.logs(logs([{ user: 'b' }, { user: 'a' }]))), [{ user: 'b' }, { user: 'other' }]);
  });

  test('keep the names of the largest', () => {
    const limited = new Limited({ strategy: 'heavy_hitters', logs: { attributes: { user: 1 } } });
    const rows = [{ user: 'a' }, { user: 'b' }, { user: 'b' }, { user: 'b' }];
    limited.logs(logs(rows));
    limited.wait(10_000);
    assert.deepEqual(
      shown(limited.logs(logs(rows.toReversed()))).map((attributes) => (attributes as { user: string }).user),
      ['b', 'b', 'b', 'other'],
    );
  });
});

test('attributes of spans are limited by rules of their own', () => {
  const limited = new Limited({
    spans: { attributes: { 'http.route': 0 } },
    logs: { attributes: { 'http.route': 9 } },
  });
  const spans = limited.spans(sampleBatch('traces'));
  assert.deepEqual(
    [...spanRecords(spans)].map(({ attributes }) => attributes.get('http.route')),
    ['other', 'other'],
  );
  assert.equal(limited.report.spans[0]!.folded, 2);
});
