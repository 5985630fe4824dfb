import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { metricsOf, sampleBatch } from '../sdk/testing/index.ts';
import {
  attributeSet,
  concatBatches,
  concatLogs,
  concatMetrics,
  concatSpans,
  countPoints,
  createResource,
  EMPTY_RESOURCE,
  EMPTY_SCOPE,
  gauge,
  HistogramPointsBuilder,
  histogram,
  type LogBatch,
  LogBuilder,
  logRecord,
  logRecords,
  type Metric,
  mapMetrics,
  mapSeries,
  metricBatch,
  NumberPointsBuilder,
  points,
  SeriesInterner,
  type SeriesTable,
  type SpanBatch,
  type Sum,
  selectLogs,
  selectRows,
  selectSeries,
  selectSpans,
  seriesMapper,
  seriesSelector,
  splitBatch,
  splitLogs,
  splitMetrics,
  splitSpans,
  sum,
} from './index.ts';

const names = { name: 'x', unit: '1', description: '' };
const interner = new SeriesInterner();
const idOf = (key: string): number => interner.intern(EMPTY_RESOURCE, EMPTY_SCOPE, attributeSet({ key }));
for (const key of 'abcdef') idOf(key);

function numbers(rows: readonly [key: string, value: number][], table: SeriesTable = interner.table): Sum {
  const builder = new NumberPointsBuilder({ integer: true });
  for (const [key, value] of rows) builder.add(idOf(key), value);
  return sum(names, table, builder.take(9n, 5n), { monotonic: true, temporality: 'delta' });
}

function read(metric: Metric | undefined): [unknown, unknown][] {
  return metric === undefined
    ? []
    : [...points(metric)].map((point) => [point.attributes.get('key'), 'value' in point && point.value]);
}

describe('selecting', () => {
  const metric = numbers([
    ['a', 1],
    ['b', 2],
    ['a', 3],
    ['c', 4],
  ]);

  test('series keeps their points, and the same metric when all are wanted', () => {
    assert.deepEqual(read(selectSeries(metric, (attributes) => attributes.get('key') !== 'b')), [
      ['a', 1],
      ['a', 3],
      ['c', 4],
    ]);
    assert.equal(
      selectSeries(metric, () => true),
      metric,
    );
    assert.equal(selectSeries(metric, () => false).points.length, 0);
  });

  test('asks once for each series, however many batches there are', () => {
    let asked = 0;
    const select = seriesSelector(() => {
      asked++;
      return true;
    });
    select(metric);
    select(
      numbers([
        ['a', 1],
        ['b', 2],
      ]),
    );
    assert.equal(asked, 3);
  });

  test('rows keeps these, with what hangs on them', () => {
    assert.deepEqual(read(selectRows(metric, [3, 0])), [
      ['c', 4],
      ['a', 1],
    ]);
    assert.throws(() => selectRows(metric, [4]), { message: 'Row 4 is not among the 4 points.' });
    const exemplars = {
      point: Uint32Array.of(0, 2, 2),
      time: BigUint64Array.of(1n, 2n, 3n),
      values: Float64Array.of(10, 20, 30),
      integer: true,
      traceIds: new Uint8Array(48).fill(1),
      spanIds: new Uint8Array(24).fill(2),
      attributes: [attributeSet({ n: 0 }).bytes, attributeSet({ n: 1 }).bytes, attributeSet({ n: 2 }).bytes],
    };
    const [kept] = [selectRows({ ...metric, points: { ...metric.points, exemplars } }, [1, 2])];
    assert.deepEqual([...kept.points.exemplars!.point], [1, 1]);
    assert.deepEqual([...kept.points.exemplars!.values], [20, 30]);
    assert.equal(kept.points.exemplars!.attributes[0], exemplars.attributes[1]);
  });

  test('metrics drops what is left without points, and is the same batch when nothing changed', () => {
    const batch = metricBatch([metric, numbers([['b', 7]])]);
    assert.equal(
      mapMetrics(batch, (each) => each),
      batch,
    );
    const wanted = mapMetrics(batch, (each) => selectSeries(each, (attributes) => attributes.get('key') === 'a'));
    assert.equal(wanted!.metrics.length, 1);
    assert.equal(
      mapMetrics(batch, () => undefined),
      undefined,
    );
  });

  test('every kind of point gives the rows themselves', () => {
    const batch = sampleBatch('metrics');
    for (const each of batch.metrics) {
      const all = metricsOf(metricBatch([each]));
      assert.deepEqual(metricsOf(metricBatch([selectRows(each, [2, 0])])), [all[2], all[0]]);
    }
  });
});

describe('renaming series', () => {
  const metric = numbers([
    ['a', 1],
    ['b', 2],
    ['c', 3],
  ]);

  test('keeps the values and gives other attributes, resources, scopes', () => {
    const renamed = mapSeries(metric, (attributes) => ({
      attributes: attributes.with({ key: `new ${attributes.get('key')}` }),
      resource: createResource({ added: true }),
    }));
    assert.deepEqual(read(renamed), [
      ['new a', 1],
      ['new b', 2],
      ['new c', 3],
    ]);
    assert.equal([...points(renamed)][0]!.resource.attributes.get('added'), true);
    assert.equal(renamed.points.values, metric.points.values);
    assert.deepEqual(read(metric), [
      ['a', 1],
      ['b', 2],
      ['c', 3],
    ]);
  });

  test('keeps both points of series that became equal', () => {
    assert.deepEqual(read(mapSeries(metric, (attributes) => attributes.without(['key']))), [
      [undefined, 1],
      [undefined, 2],
      [undefined, 3],
    ]);
    const { ids } = mapSeries(metric, (attributes) => attributes.without(['key'])).points;
    assert.deepEqual([...ids], [0, 0, 0]);
  });

  test('is the same metric when nothing changed, and has the same table from batch to batch when something did', () => {
    assert.equal(
      mapSeries(metric, (attributes) => attributes.with({ key: attributes.get('key')! })),
      metric,
    );
    let asked = 0;
    const map = seriesMapper((attributes) => {
      asked++;
      return attributes.with({ more: 1 });
    });
    const first = map(metric);
    const second = map(
      numbers([
        ['c', 3],
        ['a', 9],
      ]),
    );
    assert.equal(first.series, second.series);
    assert.deepEqual([...second.points.ids], [2, 0]);
    assert.equal(asked, 3);
  });
});

describe('joining and splitting', () => {
  test('metrics that are the same become one, others stay apart', () => {
    const other = new SeriesInterner();
    other.intern(EMPTY_RESOURCE, EMPTY_SCOPE, attributeSet({ key: 'z' }));
    const a = numbers([['a', 1]]);
    const elsewhere: Metric = { ...numbers([['a', 5]]), series: other.table };
    const variants: Metric[] = [
      { ...a, temporality: 'cumulative' },
      { ...a, monotonic: false },
      { ...a, unit: 's' },
      { ...a, description: 'Other.' },
      { ...a, points: { ...a.points, values: BigInt64Array.of(1n) } },
      { ...a, points: { ...a.points, integer: false } },
      gauge(names, interner.table, a.points),
      elsewhere,
    ];
    const joined = concatMetrics([
      metricBatch([a]),
      metricBatch(variants),
      metricBatch([
        numbers([
          ['b', 2],
          ['a', 3],
        ]),
      ]),
    ]);
    assert.equal(joined.metrics.length, variants.length + 1);
    assert.deepEqual(read(joined.metrics[0]), [
      ['a', 1],
      ['b', 2],
      ['a', 3],
    ]);
    for (const [i, variant] of variants.entries()) assert.equal(joined.metrics[i + 1], variant);
  });

  test('histograms with other bounds stay apart', () => {
    const make = (bounds: number[]): Metric => {
      const builder = new HistogramPointsBuilder(bounds);
      builder.add(0, new Array(bounds.length + 1).fill(1), 1);
      return histogram(names, interner.table, builder.take(1n, 0n), { temporality: 'delta' });
    };
    const joined = concatMetrics([metricBatch([make([1, 2])]), metricBatch([make([1, 3]), make([1, 2])])]);
    assert.deepEqual(
      joined.metrics.map(({ points: { length } }) => length),
      [2, 1],
    );
  });

  test('different times of the parts are kept', () => {
    const early = numbers([['a', 1]]);
    const late: Sum = { ...early, points: { ...early.points, time: 20n, flags: 1 } };
    const [joined] = concatMetrics([metricBatch([early]), metricBatch([late])]).metrics;
    assert.deepEqual(joined!.points.time, BigUint64Array.of(9n, 20n));
    assert.deepEqual(joined!.points.flags, Uint32Array.of(0, 1));
    assert.equal(joined!.points.startTime, 5n);
  });

  test('batches in pieces and joined again say the same, whatever their size', () => {
    const size = fc.integer({ min: 1, max: 9 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), size, size, (count, first, second) => {
        const metrics = concatMetrics(
          Array.from({ length: count }, (_, interval) => sampleBatch('metrics', { interval })),
        );
        const metricPieces = splitMetrics(metrics, first);
        for (const piece of metricPieces) assert.ok(countPoints(piece) <= first && countPoints(piece) > 0);
        assert.deepEqual(metricsOf(...metricPieces), metricsOf(metrics));
        const again = concatMetrics(splitMetrics(concatMetrics(metricPieces), second));
        assert.deepEqual(metricsOf(again), metricsOf(metrics));

        const logs = concatLogs(Array.from({ length: count }, (_, interval) => sampleBatch('logs', { interval })));
        const logPieces = splitLogs(logs, first);
        assert.deepEqual(logPieces.flatMap(recordsOf), recordsOf(logs));
        assert.deepEqual(recordsOf(concatLogs(logPieces)), recordsOf(logs));

        const spans = concatSpans(Array.from({ length: count }, (_, interval) => sampleBatch('traces', { interval })));
        const spanPieces = splitSpans(spans, first);
        assert.deepEqual(spanPieces.flatMap(spansOf), spansOf(spans));
        assert.deepEqual(spansOf(concatSpans(spanPieces)), spansOf(spans));
      }),
    );
  });

  test('a batch that is small enough is itself', () => {
    for (const signal of ['metrics', 'logs', 'traces'] as const) {
      const batch = sampleBatch(signal);
      assert.deepEqual(splitBatch(signal, batch, 1000), [batch]);
      assert.equal(splitBatch(signal, batch, 1000)[0], batch);
      assert.equal(concatBatches(signal, [batch]), batch);
      assert.throws(() => splitBatch(signal, batch, 0), /cannot be split into pieces of 0/);
      assert.throws(() => concatBatches(signal, []), RangeError);
    }
  });
});

describe('log records', () => {
  const record = {
    time: 5n,
    severity: 9,
    eventName: 'e',
    body: { a: [1, null] },
    attributes: { n: 1, s: 'x' },
    traceId: '0102030405060708090a0b0c0d0e0f10',
    spanId: '0102030405060708',
  };

  test('come out as they went in', () => {
    const builder = new LogBuilder();
    builder.add(record);
    builder.add({ time: 6n, observedTime: 7n, attributes: { n: 2, late: true }, resource: createResource({ r: 1 }) });
    const batch = builder.take()!;
    const [first, second] = [...logRecords(batch)];
    const { attributes, resource, ...rest } = first!;
    assert.deepEqual(attributes.toObject(), record.attributes);
    assert.equal(resource, EMPTY_RESOURCE);
    assert.deepEqual(rest, {
      scope: EMPTY_SCOPE,
      time: 5n,
      observedTime: 5n,
      severity: 9,
      severityText: '',
      eventName: 'e',
      body: record.body,
      droppedAttributes: 0,
      flags: 0,
      traceId: record.traceId,
      spanId: record.spanId,
    });
    assert.deepEqual(second!.attributes.toObject(), { n: 2, late: true });
    assert.deepEqual([second!.body, second!.eventName, second!.traceId, second!.observedTime], [undefined, '', '', 7n]);
    assert.equal(second!.resource.attributes.get('r'), 1);
    assert.equal(builder.take(), undefined);
    assert.throws(() => logRecord(batch, 2), /not among the 2/);
  });

  test('with values of several kinds under one key keep each of them', () => {
    const builder = new LogBuilder();
    const values = [1, 1.5, 'x', true, 2n ** 60n, [1], { k: 'v' }, null];
    for (const value of values) builder.add({ time: 1n, attributes: { value }, body: value });
    const records = recordsOf(builder.take()!);
    assert.deepEqual(
      records.map(({ attributes }) => attributes['value']),
      values,
    );
    assert.deepEqual(
      records.map(({ body }) => body),
      values,
    );
  });

  test('of one kind make a plain column', () => {
    const builder = new LogBuilder();
    for (const n of [1, 2, 3]) builder.add({ time: 1n, attributes: { n, ...(n === 2 && { word: 'w' }) } });
    const batch = builder.take()!;
    assert.deepEqual(batch.attributes.get('n'), { kind: 'int', values: Float64Array.of(1, 2, 3) });
    assert.deepEqual(
      recordsOf(batch).map(({ attributes }) => attributes['word']),
      [undefined, 'w', undefined],
    );
  });

  test('that cannot be carried are refused, and nothing of them is added', () => {
    const builder = new LogBuilder();
    assert.throws(() => builder.add({ time: 1n, severity: 25 }), /severity 25/);
    assert.throws(() => builder.add({ time: 1n, traceId: '12' }), /not an id of 32 hex digits/);
    assert.throws(() => builder.add({ time: 1n, attributes: { ok: 1, big: 2n ** 70n } }), /"big"/);
    assert.equal(builder.length, 0);
  });

  test('are selected by row', () => {
    const batch = sampleBatch('logs');
    const severe = selectLogs(batch, (row, { severity }) => severity[row]! >= 13)!;
    assert.deepEqual(recordsOf(severe), recordsOf(batch).slice(1));
    assert.equal(
      selectLogs(batch, () => true),
      batch,
    );
    assert.equal(
      selectLogs(batch, () => false),
      undefined,
    );
    const spans = sampleBatch('traces');
    const failed = selectSpans(spans, (row, { statusCode }) => statusCode[row] === 2)!;
    assert.deepEqual(spansOf(failed), spansOf(spans).slice(1));
  });
});

function recordsOf(batch: LogBatch): { attributes: Record<string, unknown>; body: unknown }[] {
  return [...logRecords(batch)].map((each) => ({
    ...each,
    attributes: each.attributes.toObject(),
    resource: each.resource.attributes.toObject(),
    scope: each.scope.name,
  }));
}

function spansOf(batch: SpanBatch): object[] {
  return Array.from({ length: batch.length }, (_, row) => ({
    resource: batch.resources[batch.resource[row]!]!.attributes.toObject(),
    name: batch.name.words[batch.name.codes[row]!],
    message: batch.statusMessage.words[batch.statusMessage.codes[row]!],
    spanId: [...batch.spanIds.subarray(row * 8, row * 8 + 8)],
    start: batch.startTime[row],
    status: batch.statusCode[row],
    events: [...batch.events.span.keys()]
      .filter((entry) => batch.events.span[entry] === row)
      .map((entry) => [
        batch.events.time[entry],
        batch.events.name.words[batch.events.name.codes[entry]!],
        batch.events.attributes[entry]!.toObject(),
      ]),
  }));
}
