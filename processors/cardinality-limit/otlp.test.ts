import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  attributeSet,
  countItems,
  countPoints,
  createResource,
  createScope,
  encodeOtlp,
  type MetricBatch,
  metricBatch,
  NumberPointsBuilder,
  OtlpDecoder,
  points,
  SeriesInterner,
  sum,
} from 'bpflow/sdk';
import { randomRequest } from '../../pdata/otlp/test/random-request.ts';
import { Limited } from './test/limited.ts';
import { Sender, shown } from './test/senders.ts';
import { Tally } from './test/tally.ts';

const REQUESTS = process.env['BPFLOW_SUITE'] === 'full' ? 3000 : 300;

test('what others sent is folded and still goes out as OTLP, kept points as they came', () => {
  const limited = new Limited({ limits: [{ metric: '*', attributes: { path: 2 } }] });
  const rows = ['/a', '/b', '/c', '/d'].map((path, i) => ({ attributes: { path, method: 'GET' }, value: 2 ** i }));
  const decoder = new OtlpDecoder();
  const came = decoder.decode('metrics', encodeOtlp(new Sender('requests').deltas(rows)));
  const out = decoder.decode('metrics', encodeOtlp(limited.metrics(came)));
  assert.deepEqual(shown(out), ['method=GET path=/a → 1', 'method=GET path=/b → 2', 'method=GET path=other → 12']);
});

test('any request is limited and goes out again, and every point is accounted for', () => {
  const decoder = new OtlpDecoder();
  const config = {
    max_series: 5,
    max_series_per_resource: 20,
    max_total_series: 50,
    max_metrics: 500,
    limits: [{ metric: '*a*', strategy: 'heavy_hitters', gauges: 'mean', attributes: {} }],
    logs: { attributes: { a: 1 } },
  };
  const limited = new Limited(config);
  for (let seed = 0; seed < REQUESTS; seed++) {
    const options = { size: 4, unknownFields: seed % 2 === 0, zeros: seed % 3 === 0 };
    for (const signal of ['metrics', 'logs', 'traces'] as const) {
      const batch = decoder.decode(signal, randomRequest(signal, seed, options));
      const before = { ...limited.scope.items.totals };
      const out =
        signal === 'metrics'
          ? limited.offered(batch as MetricBatch)
          : signal === 'logs'
            ? limited.logs(batch as never)
            : limited.spans(batch as never);
      const after = limited.scope.items.totals;
      const balance =
        countItems(batch) +
        (after.created - before.created) -
        (after.dropped - before.dropped) -
        (after.merged - before.merged);
      assert.equal(countItems(out), balance, `${signal}, seed ${seed}`);
      if (countItems(out) > 0) decoder.decode(signal, encodeOtlp(out));
    }
    if (seed % 10 === 0) limited.wait(10_000);
  }
});

test('integers stay exact beyond 2^53', () => {
  const interner = new SeriesInterner();
  const builder = new NumberPointsBuilder({ integer: true });
  const large = 2n ** 60n;
  for (let i = 0; i < 4; i++) {
    builder.add(
      interner.intern(createResource({}), createScope(''), attributeSet({ path: `/${i}` })),
      large + BigInt(i),
    );
  }
  const names = { name: 'bytes', unit: 'By', description: '' };
  const taken = builder.take(2n, 1n);
  const batch = metricBatch([sum(names, interner.table, taken, { monotonic: true, temporality: 'delta' })]);
  const limited = new Limited({ limits: [{ metric: '*', attributes: { path: 0 } }] });
  const [point] = points(limited.metrics(batch).metrics[0]!);
  assert.equal((point as { value: unknown }).value, 4n * large + 6n);
});

test('exemplars go with the points that they are in', () => {
  const limited = new Limited({ limits: [{ metric: '*', attributes: { path: 1 } }] });
  const batch = new Sender('requests').deltas(
    ['/a', '/b', '/c', '/d'].map((path) => ({ attributes: { path }, value: 1 })),
  );
  const [metric] = batch.metrics;
  const exemplars = {
    point: Uint32Array.of(0, 1, 3, 3),
    time: BigUint64Array.of(1n, 2n, 3n, 4n),
    values: Float64Array.of(10, 20, 30, 40),
    integer: false,
    traceIds: new Uint8Array(64),
    spanIds: new Uint8Array(32),
    attributes: Array.from({ length: 4 }, () => new Uint8Array(0)),
  };
  const out = limited.metrics(metricBatch([{ ...metric!, points: { ...metric!.points, exemplars } } as never]));
  assert.equal(countPoints(out), 2);
  const [kept, folded] = out.metrics.map((each) => each.points.exemplars!);
  assert.deepEqual([[...kept!.point], [...kept!.values]], [[0], [10]]);
  assert.deepEqual(
    [[...folded!.point], [...folded!.values], [...folded!.time]],
    [
      [0, 0, 0],
      [20, 30, 40],
      [2n, 3n, 4n],
    ],
  );
});

test('values that are no numbers stay what they are', () => {
  const limited = new Limited({ limits: [{ metric: '*', attributes: { path: 0 } }] });
  const sender = new Sender('fill');
  const row = (path: string, value: number) => ({ attributes: { path }, value });
  const texts = (batch: MetricBatch): string[] => shown(limited.metrics(batch));
  assert.deepEqual(texts(sender.gauges([row('/a', Number.NaN), row('/b', 1)])), ['path=other → NaN']);
  assert.deepEqual(texts(sender.gauges([row('/a', 2)])), ['path=other → 3']);
  assert.deepEqual(texts(sender.gauges([row('/a', Number.POSITIVE_INFINITY)])), ['path=other → Infinity']);
  assert.deepEqual(texts(sender.gauges([row('/a', 0.5)])), ['path=other → 1.5']);
  assert.deepEqual(new Tally().add(limited.metrics(sender.gauges([row('/b', 2)]))).total('fill'), [2.5]);
});
