import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { attributeSet } from '../../pdata/encoded-attributes.ts';
import { metricBatch, sum } from '../../pdata/make-metrics.ts';
import type { MetricBatch, Sum, Temporality } from '../../pdata/metrics.ts';
import { NumberPointsBuilder } from '../../pdata/number-points-builder.ts';
import { EMPTY_RESOURCE, EMPTY_SCOPE } from '../../pdata/resource.ts';
import { SeriesInterner } from '../../pdata/series-interner.ts';
import { type Batch, countItems } from '../../pdata/signals.ts';
import { TemporalityConverter } from '../../pdata/temporality/converter.ts';
import { RetryableError } from '../../sdk/errors.ts';
import { systemClock } from '../clock.ts';
import type { Edge } from './edges.ts';
import { Ledger } from './ledger.ts';
import { convertBefore, History } from './temporality.ts';

describe('a converter before a component', () => {
  it('adds deltas up', async () => {
    const { edge, values } = world('cumulative');
    await offer(edge, deltas(1, 5));
    await offer(edge, deltas(2, 7));
    assert.deepEqual(values, [[5], [12]]);
  });

  it('adds a batch once that was offered again after a failure', async () => {
    const { edge, values, ledger, fail } = world('cumulative');
    await offer(edge, deltas(1, 5));
    const batch = deltas(2, 7);
    fail(true);
    await assert.rejects(async () => offer(edge, batch));
    await assert.rejects(async () => offer(edge, batch));
    fail(false);
    await offer(edge, batch);
    assert.deepEqual(values, [[5], [12]]);
    assert.equal(ledger.expectedOut(0), 2);
  });

  it('loses nothing to the total when a batch is given up', async () => {
    const { edge, values, fail } = world('cumulative');
    fail(true);
    await assert.rejects(async () => offer(edge, deltas(1, 5)));
    fail(false);
    await offer(edge, deltas(2, 7));
    assert.deepEqual(values, [[12]]);
  });

  it('enters what it absorbs with its reason, so that the books balance', async () => {
    const { edge, values, ledger } = world('delta');
    await offer(edge, cumulative(1, 5));
    await offer(edge, cumulative(2, 12));
    assert.deepEqual(values, [[7]]);
    assert.equal(ledger.in, 2);
    assert.equal([...ledger.dropped.values()].reduce((a, b) => a + b, 0) + ledger.merged, 1);
    assert.equal(ledger.expectedOut(0), 1);
  });

  it('hands on what needs no converting as it is', async () => {
    const { edge, got } = world('delta');
    const batch = deltas(1, 5);
    await offer(edge, batch);
    assert.equal(got[0], batch);
  });
});

const interner = new SeriesInterner();
const series = interner.intern(EMPTY_RESOURCE, EMPTY_SCOPE, attributeSet({ process: 'x' }));

function deltas(second: number, value: number): MetricBatch {
  return batchOf('delta', BigInt(second - 1) * 10n ** 9n, second, value);
}

function cumulative(second: number, value: number): MetricBatch {
  return batchOf('cumulative', 1n, second, value);
}

function batchOf(temporality: Temporality, start: bigint, second: number, value: number): MetricBatch {
  const points = new NumberPointsBuilder({ integer: true });
  points.add(series, value);
  const taken = points.take(BigInt(second) * 10n ** 9n, start);
  const name = { name: 'x', unit: '1', description: '' };
  return metricBatch([sum(name, interner.table, taken, { monotonic: true, temporality })]);
}

function world(to: Temporality) {
  const got: MetricBatch[] = [];
  const values: number[][] = [];
  const ledger = new Ledger();
  let failing = false;
  const next: Edge = {
    refusal: () => undefined,
    async consume(batch: Batch) {
      if (failing) throw new RetryableError('Away.');
      ledger.received('metrics', countItems(batch));
      got.push(batch as MetricBatch);
      values.push((batch as MetricBatch).metrics.flatMap((metric) => [...(metric as Sum).points.values].map(Number)));
    },
  };
  const converter = new TemporalityConverter({ to, idleTimeoutMs: 1000 });
  return {
    got,
    values,
    ledger,
    edge: convertBefore(new History(converter), systemClock(), ledger, next),
    fail: (on: boolean) => {
      failing = on;
    },
  };
}

function offer(edge: Edge, batch: MetricBatch): void | Promise<void> {
  return edge.consume(batch, new AbortController().signal);
}
