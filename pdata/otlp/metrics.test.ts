import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  attributeSet,
  concatBatches,
  countItems,
  createResource,
  createScope,
  EMPTY_RESOURCE,
  EMPTY_SCOPE,
  ExponentialHistogramPointsBuilder,
  encodeOtlp,
  exponentialHistogram,
  gauge,
  HistogramPointsBuilder,
  histogram,
  isEncoded,
  type MetricBatch,
  mapSeries,
  metricBatch,
  NumberPointsBuilder,
  OtlpDecoder,
  points,
  SeriesInterner,
  selectRows,
  splitBatch,
  sum,
  WireError,
} from '../index.ts';
import { bareAttributes, sentPoints, unknownInPoints } from './test/points.ts';
import { Dice, randomRequest } from './test/random-request.ts';
import { damaged } from './test/requests.ts';
import { WireWriter } from './wire.ts';

const runs = process.env['BPFLOW_SUITE'] === 'full' ? 5000 : 200;
const decoder = new OtlpDecoder();

/** The batch with its columns made, no longer encoded. */
function columnsOf(request: Uint8Array): MetricBatch {
  const batch = decoder.decode('metrics', request);
  const plain = { ...batch };
  assert.ok(isEncoded(batch) && !isEncoded(plain));
  return plain;
}

const ALL = { unknownFields: true, shuffled: true, zeros: true, size: 5 } as const;

describe('metric requests', () => {
  test('that nobody looked into go on as they came, counted', () => {
    for (let seed = 0; seed < 50; seed++) {
      const request = randomRequest('metrics', seed, ALL);
      const batch = decoder.decode('metrics', request);
      assert.equal(encodeOtlp(batch), request);
      assert.equal(countItems(batch), sentPoints(request).length);
    }
  });

  test('go through columns and come out as they were, with what OTLP does not know', () => {
    let seen = 0;
    for (let seed = 0; seed < runs; seed++) {
      const request = randomRequest('metrics', seed, ALL);
      const plain = columnsOf(request);
      const result = encodeOtlp(plain);
      assert.deepEqual(sentPoints(result), sentPoints(request), `seed ${seed}`);
      assert.deepEqual(unknownInPoints(result), unknownInPoints(request), `seed ${seed}`);
      assert.equal(countItems(plain), sentPoints(request).length);
      seen += countItems(plain);
    }
    assert.ok(seen > runs);
  });

  test('that were cut, joined and selected are the same points', () => {
    for (let seed = 0; seed < runs / 3; seed++) {
      const first = randomRequest('metrics', seed, ALL);
      const second = randomRequest('metrics', seed + 1_000_000, ALL);
      const expected = [...sentPoints(first), ...sentPoints(second)].sort();
      const joined = concatBatches('metrics', [columnsOf(first), columnsOf(second)]);
      assert.deepEqual(sentPoints(encodeOtlp(joined)), expected, `seed ${seed}, joined`);
      const pieces = splitBatch('metrics', joined, 3);
      assert.ok(pieces.every((piece) => countItems(piece) <= 3));
      assert.deepEqual(pieces.flatMap((piece) => sentPoints(encodeOtlp(piece))).sort(), expected, `seed ${seed}, cut`);
      const halves = [0, 1].map((half) =>
        metricBatch(
          joined.metrics.map((metric) =>
            selectRows(
              metric,
              Array.from({ length: metric.points.length }, (_, row) => row).filter((row) => row % 2 === half),
            ),
          ),
        ),
      );
      assert.deepEqual(
        halves.flatMap((half) => sentPoints(encodeOtlp(half))).sort(),
        expected,
        `seed ${seed}, selected`,
      );
    }
  });

  test('joined untouched are one request, its parts behind one another', () => {
    const parts = [1, 2, 3].map((seed) => randomRequest('metrics', seed));
    const joined = concatBatches(
      'metrics',
      parts.map((part) => decoder.decode('metrics', part)),
    );
    assert.ok(isEncoded(joined));
    assert.deepEqual(Buffer.from(encodeOtlp(joined)), Buffer.concat(parts));
    assert.deepEqual(sentPoints(encodeOtlp({ ...joined })), parts.flatMap(sentPoints).sort());
  });

  test('whose series were renamed keep everything else as it came', () => {
    for (let seed = 0; seed < runs / 3; seed++) {
      const request = randomRequest('metrics', seed, ALL);
      const renamed = columnsOf(request).metrics.map((metric) =>
        mapSeries(metric, (attributes) => attributes.with({ renamed: true })),
      );
      const after = bareAttributes(encodeOtlp(metricBatch(renamed)));
      const before = bareAttributes(request);
      assert.deepEqual(
        after.map(({ rest }) => rest),
        before.map(({ rest }) => rest),
        `seed ${seed}`,
      );
      for (const { attributes } of after) {
        assert.ok(
          attributes.some(({ key, value }) => key === 'renamed' && JSON.stringify(value) === '{"boolValue":true}'),
        );
      }
    }
  });

  test('whose values were changed are written from the columns', () => {
    const batch = columnsOf(
      numbers([
        { double: 1.5, attribute: 'a' },
        { double: 2.5, attribute: 'b' },
      ]),
    );
    const [metric] = batch.metrics;
    assert.ok(metric?.kind === 'gauge' && metric.points.values instanceof Float64Array);
    const values = metric.points.values.map((value) => value * 2);
    const changed = encodeOtlp(metricBatch([{ ...metric, points: { ...metric.points, values } }]));
    assert.deepEqual(valuesOf(columnsOf(changed)), [3, 5]);
  });

  test('of ints beside doubles, and beyond 2^53, have both', () => {
    const request = numbers([{ int: 1n }, { double: 0.5 }, { int: 2n ** 62n }, { int: -(2n ** 63n) }, {}]);
    const batch = columnsOf(request);
    assert.deepEqual(
      batch.metrics.map(({ name }) => name),
      ['m', 'm'],
    );
    assert.deepEqual(valuesOf(batch), [1n, 2n ** 62n, -(2n ** 63n), 0n, 0.5]);
    assert.deepEqual(sentPoints(encodeOtlp(batch)), sentPoints(request));
  });

  test('that are damaged are refused, or can be read and written', () => {
    const dice = new Dice(5);
    let refused = 0;
    for (let seed = 0; seed < runs * 3; seed++) {
      const request = damaged(randomRequest('metrics', seed % 200, ALL), dice);
      let batch: MetricBatch;
      try {
        batch = decoder.decode('metrics', request);
      } catch (error) {
        assert.ok(error instanceof WireError, `seed ${seed}: ${String(error)}`);
        refused++;
        continue;
      }
      const plain = { ...batch };
      assert.equal(countItems(plain), countItems(batch), `seed ${seed}`);
      for (const metric of plain.metrics) for (const point of points(metric)) point.attributes.toObject();
      assert.equal(countItems(decoder.decode('metrics', encodeOtlp(plain))), countItems(batch), `seed ${seed}`);
    }
    assert.ok(refused > runs && refused < runs * 3);
  });

  test('that are cut off anywhere are refused, or are shorter requests', () => {
    const request = randomRequest('metrics', 3, { unknownFields: true });
    let refused = 0;
    for (let length = 0; length < request.length; length++) {
      try {
        void decoder.decode('metrics', request.slice(0, length)).metrics;
      } catch (error) {
        assert.ok(error instanceof WireError);
        refused++;
      }
    }
    assert.ok(refused > request.length / 2);
  });

  test('that promise more than they hold take no memory for it', () => {
    const before = process.memoryUsage().arrayBuffers;
    for (const tag of [0x0a, 0x12, 0x3a, 0x52]) {
      assert.throws(() => decoder.decode('metrics', Uint8Array.of(tag, 0xff, 0xff, 0xff, 0xff, 0x07)), WireError);
      assert.throws(
        () => decoder.decode('metrics', Uint8Array.of(tag, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f)),
        WireError,
      );
    }
    assert.ok(process.memoryUsage().arrayBuffers - before < 1e6);
  });

  test('of nothing but tags or empty points are read in time with their size', () => {
    const tags = new Uint8Array(4e6).fill(0x08);
    assert.equal(countItems(decoder.decode('metrics', tags)), 0);
    const empty = nested(
      [1, 2, 2, 5],
      new Uint8Array(1e6).map((_, i) => (i % 2 === 0 ? 0x0a : 0)),
    );
    const batch = decoder.decode('metrics', empty);
    assert.equal(countItems(batch), 500_000);
    assert.equal(countItems({ ...batch }), 500_000);
  });

  test('with values nested deeper than 32 levels are refused', () => {
    const value = (depth: number): Uint8Array =>
      nested(Array.from({ length: depth * 2 }, (_, i) => (i % 2 === 0 ? 5 : 1)));
    const request = (depth: number): Uint8Array => nested([1, 2, 2, 5, 1, 7, 2], value(depth));
    assert.equal(countItems({ ...decoder.decode('metrics', request(32)) }), 1);
    assert.throws(() => decoder.decode('metrics', request(33)), WireError);
    assert.throws(() => decoder.decode('metrics', request(2000)), WireError);
  });

  test('with counts that are cut off inside a packed field are refused', () => {
    const counts = nested([1, 2, 2, 10, 1, 8, 2], Uint8Array.of(0xff));
    assert.throws(() => decoder.decode('metrics', counts), WireError);
    const doubles = nested([1, 2, 2, 9, 1, 7], new Uint8Array(9));
    assert.throws(() => decoder.decode('metrics', doubles), WireError);
  });
});

describe('metrics of our own', () => {
  const interner = new SeriesInterner();
  const scope = createScope('test', '1', { a: 1 }, 'https://scope');
  const ids = [0, 1, 2].map((i) =>
    interner.intern(
      createResource({ host: `h${i % 2}` }, 'https://resource'),
      scope,
      attributeSet({ i, long: 'x'.repeat(i * 200) }),
    ),
  );
  const names = { name: 'm', unit: 'By', description: 'What it says.' };

  const same = (batch: MetricBatch): void => {
    const back = columnsOf(encodeOtlp(batch));
    const all = (of: MetricBatch): unknown[] =>
      of.metrics.flatMap((metric) =>
        [...points(metric)].map(({ id: _id, attributes, resource, scope: own, ...rest }) => ({
          name: [metric.name, metric.unit, metric.description, metric.kind],
          temporality: 'temporality' in metric ? metric.temporality : '',
          attributes: attributes.toObject(),
          resource: [resource.attributes.toObject(), resource.schemaUrl],
          scope: [own.name, own.version, own.attributes.toObject(), own.schemaUrl],
          ...rest,
        })),
      );
    const order = (list: unknown[]): string[] =>
      list
        .map((one) =>
          JSON.stringify(one, (_, value: unknown) =>
            typeof value === 'bigint' ? `${value}n` : Number.isNaN(value) ? 'NaN' : value,
          ),
        )
        .sort();
    assert.deepEqual(order(all(back)), order(all(batch)));
  };

  test('come back as they went: ints, doubles, times, flags', () => {
    for (const integer of [true, false]) {
      const builder = new NumberPointsBuilder({ integer });
      for (const [i, id] of ids.entries())
        builder.add(id, integer ? -5 + i * 2 ** 52 : i / 3, 5n, i === 1 ? 7n : undefined, i === 2 ? 2 : 0);
      same(metricBatch([gauge(names, interner.table, builder.take(1n, 2n))]));
      for (const id of ids) builder.add(id, integer ? 7 : 7.5);
      same(
        metricBatch([sum(names, interner.table, builder.take(1n, 2n), { monotonic: integer, temporality: 'delta' })]),
      );
    }
  });

  test('come back as they went: ints beyond 2^53', () => {
    const builder = new NumberPointsBuilder({ integer: true });
    for (const id of ids) builder.add(id, -(2n ** 60n) + BigInt(id));
    same(metricBatch([gauge(names, interner.table, builder.take(1n, 2n))]));
  });

  test('come back as they went: histograms', () => {
    const builder = new HistogramPointsBuilder([1, 2.5, 10]);
    builder.add(ids[0]!, [1, 2, 3, 4], Number.NaN);
    builder.add(ids[1]!, [0, 0, 2 ** 40, 4], 12.5, 9n, 8n, 0, 1, 20);
    same(metricBatch([histogram(names, interner.table, builder.take(1n, 2n), { temporality: 'cumulative' })]));
    const one = new HistogramPointsBuilder([]);
    one.add(ids[2]!, [5], 3);
    same(metricBatch([histogram(names, interner.table, one.take(1n, 0n), { temporality: 'delta' })]));
  });

  test('come back as they went: exponential histograms', () => {
    const builder = new ExponentialHistogramPointsBuilder();
    builder.add(ids[0]!, {
      scale: -3,
      zeroCount: 2,
      zeroThreshold: 0.5,
      sum: 5,
      positive: { offset: -9, counts: [1, 0, 300] },
    });
    builder.add(ids[1]!, { scale: 4, sum: Number.NaN, min: -1, max: 4, negative: { offset: 3, counts: [7] } });
    same(metricBatch([exponentialHistogram(names, interner.table, builder.take(1n, 2n), { temporality: 'delta' })]));
  });

  test('of a resource and scope that say nothing are written too', () => {
    const builder = new NumberPointsBuilder({ integer: true });
    builder.add(interner.intern(EMPTY_RESOURCE, EMPTY_SCOPE, attributeSet({})), 1);
    same(metricBatch([gauge({ name: '', unit: '', description: '' }, interner.table, builder.take(0n, 0n))]));
  });
});

/** A message in messages, each the only field, of this number, of the one around it. */
function nested(fields: readonly number[], content: Uint8Array = new Uint8Array(0)): Uint8Array {
  let bytes = content;
  const writer = new WireWriter();
  for (const field of fields.toReversed()) {
    writer.bytes(field, bytes);
    bytes = writer.take();
  }
  return bytes;
}

/** A gauge `m` of these points. */
function numbers(
  list: readonly { readonly int?: bigint; readonly double?: number; readonly attribute?: string }[],
): Uint8Array {
  const writer = new WireWriter();
  writer.string(1, 'm');
  const data = writer.begin(5);
  for (const { int, double, attribute } of list) {
    const point = writer.begin(1);
    if (int !== undefined) {
      writer.tag(6, 1);
      writer.fixed64(BigInt.asUintN(64, int));
    }
    if (double !== undefined) {
      writer.tag(4, 1);
      writer.double(double);
    }
    if (attribute !== undefined) {
      const entry = writer.begin(7);
      writer.string(1, attribute);
      writer.end(entry);
    }
    writer.end(point);
  }
  writer.end(data);
  return nested([1, 2, 2], writer.take());
}

function valuesOf(batch: MetricBatch): unknown[] {
  return batch.metrics.flatMap((metric) =>
    metric.kind === 'gauge' || metric.kind === 'sum' ? [...metric.points.values] : [],
  );
}
