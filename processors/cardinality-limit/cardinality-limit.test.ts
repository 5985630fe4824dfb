import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  attributeSet,
  createResource,
  createScope,
  EMPTY_RESOURCE,
  EMPTY_SCOPE,
  ExponentialHistogramPointsBuilder,
  exponentialHistogram,
  HistogramPointsBuilder,
  histogram,
  type MetricBatch,
  metricBatch,
  points,
  SeriesInterner,
  summary,
} from 'bpflow/sdk';
import { cardinalityLimitConfig } from './config.ts';
import { Limited } from './test/limited.ts';
import { type Row, Sender, shown } from './test/senders.ts';

const row = (path: string, value = 1, more: Partial<Row> = {}): Row => ({ value, ...more, attributes: { path } });

describe('a limit of values', () => {
  const config = { limits: [{ metric: 'requests', attributes: { path: 2 } }] };

  test('names who came first; the others are added up', () => {
    const limited = new Limited(config);
    const sender = new Sender('requests');
    const rows = [row('/a', 1), row('/b', 2), row('/c', 3), row('/d', 4)];
    assert.deepEqual(shown(limited.metrics(sender.deltas(rows))), ['path=/a → 1', 'path=/b → 2', 'path=other → 7']);
    assert.deepEqual(shown(limited.metrics(sender.deltas([row('/d', 5), row('/a', 6)]))), [
      'path=/a → 6',
      'path=other → 5',
    ]);
    assert.equal(limited.folded('requests', 'path'), 3);
    assert.deepEqual(limited.scope.items.totals, { dropped: 0, created: 0, merged: 1 });
  });

  test('leaves other attributes, and other metrics, as they are', () => {
    const limited = new Limited({ limits: [{ metric: 'requests', attributes: { path: 0 } }] });
    const rows = [
      { attributes: { method: 'GET', path: '/a' }, value: 1 },
      { attributes: { method: 'GET', path: '/b' }, value: 2 },
      { attributes: { method: 'PUT', path: '/a' }, value: 4 },
      { attributes: { method: 'PUT' }, value: 8 },
    ];
    assert.deepEqual(shown(limited.metrics(new Sender('requests').deltas(rows))), [
      'method=GET path=other → 3',
      'method=PUT path=other → 4',
      'method=PUT → 8',
    ]);
    const others = new Sender('errors').deltas(rows);
    assert.equal(limited.metrics(others), others);
  });

  test('counts the value that stands for the others as nobody’s', () => {
    const limited = new Limited(config);
    const rows = [row('other', 1), row('/a', 2), row('/b', 4), row('/c', 8)];
    assert.deepEqual(shown(limited.metrics(new Sender('requests').deltas(rows))), [
      'path=/a → 2',
      'path=/b → 4',
      'path=other → 9',
    ]);
    assert.equal(limited.folded('requests', 'path'), 1);
  });

  test('knows a series by its content, whatever table it comes by', () => {
    const limited = new Limited(config);
    for (let round = 0; round < 3; round++) {
      const out = limited.metrics(new Sender('requests').deltas([row('/a'), row('/b'), row('/c')]));
      assert.deepEqual(shown(out), ['path=/a → 1', 'path=/b → 1', 'path=other → 1']);
    }
  });

  test('frees the place of a value that is idle; what was folded gets it', () => {
    const limited = new Limited({ ...config, idle_timeout: '1m' });
    const sender = new Sender('requests');
    limited.metrics(sender.deltas([row('/a'), row('/b'), row('/c')]));
    for (let i = 0; i < 8; i++) {
      limited.wait(10_000);
      limited.metrics(sender.deltas([row('/b'), row('/c')]));
    }
    assert.deepEqual(shown(limited.metrics(sender.deltas([row('/b'), row('/c'), row('/a')]))), [
      'path=/b → 1',
      'path=/c → 1',
      'path=other → 1',
    ]);
  });
});

describe('a budget of series', () => {
  test('gives up the attribute with the most values first', () => {
    const limited = new Limited({ max_series: 20 });
    const sender = new Sender('requests');
    const rows = Array.from({ length: 200 }, (_, i) => ({
      attributes: { method: i % 3 === 0 ? 'GET' : 'PUT', path: `/${i}` },
      value: 1,
    }));
    limited.metrics(sender.deltas(rows));
    assert.equal(limited.folded('requests', 'method'), 0);
    assert.equal(limited.folded('requests', 'path'), 188);
    const [report] = limited.report.metrics;
    assert.deepEqual(
      report!.attributes.map(({ attribute }) => attribute),
      ['path', 'method'],
    );
    assert.equal(report!.series, 14);
  });

  test('ends in one overflow series when nothing else finds room', () => {
    const limited = new Limited({ max_series: 2 });
    const rows = Array.from({ length: 10 }, (_, i) => ({ attributes: { [`key${i}`]: i }, value: 1 }));
    assert.deepEqual(shown(limited.metrics(new Sender('requests').deltas(rows))), [
      '@ otel.metric.overflow=true → 9',
      'key0=0 → 1',
    ]);
  });

  test('of a resource, and of everything, are kept over all metrics', () => {
    const limited = new Limited({ max_series_per_resource: 10, max_total_series: 25 });
    const series = new Set<string>();
    for (const name of ['a', 'b', 'c']) {
      for (const host of ['x', 'y', 'z']) {
        const rows = Array.from({ length: 20 }, (_, i) => row(`/${i}`, 1, { host }));
        for (const text of shown(limited.metrics(new Sender(name).deltas(rows)))) {
          series.add(`${name} ${text.replace(/ → .*/, '')}`);
        }
      }
    }
    const of = (part: string): number => [...series].filter((text) => text.includes(part)).length;
    for (const host of ['@x', '@y', '@z']) assert.ok(of(host) > 0 && of(host) <= 10, `${host}: ${of(host)}`);
    assert.ok(series.size - of('overflow') <= 25);
    assert.equal(limited.report.series, series.size - of('overflow'));
  });

  test('is one for each metric that a glob names, by OTel or seed name', () => {
    const limited = new Limited({
      limits: [
        { metric: 'a_seed', max_series: 1 },
        { metric: 'b*', max_series: 5 },
      ],
    });
    limited.metrics(new Sender('a', { own: true }).deltas([row('/a')]));
    limited.metrics(new Sender('bb').deltas([row('/a')]));
    limited.metrics(new Sender('c').deltas([row('/a')]));
    assert.deepEqual(Object.fromEntries(limited.report.metrics.map(({ metric, maxSeries }) => [metric, maxSeries])), {
      a: 1,
      bb: 5,
      c: 2000,
    });
  });

  test('of metrics drops and counts the points of further ones', () => {
    const limited = new Limited({ max_metrics: 1 });
    limited.metrics(new Sender('a').deltas([row('/a')]));
    assert.deepEqual(shown(limited.metrics(new Sender('b').deltas([row('/a'), row('/b')]))), []);
    assert.deepEqual(limited.scope.items.drops, [{ count: 2, reason: 'max_metrics' }]);
  });
});

describe('rules that bring values together', () => {
  const through = (rule: unknown, attributes: Row['attributes'][]): string[] =>
    shown(
      new Limited({ limits: [{ metric: '*', attributes: { x: rule } }] }).metrics(
        new Sender('m').deltas(attributes.map((each) => ({ attributes: each, value: 1 }))),
      ),
    );

  test('drop', () => {
    assert.deepEqual(through('drop', [{ x: 1, y: 1 }, { x: 2, y: 1 }, { y: 2 }]), ['y=1 → 2', 'y=2 → 1']);
  });

  test('buckets', () => {
    const rows = [{ x: -5 }, { x: 10 }, { x: 10.5 }, { x: '99' }, { x: 101n }, { x: 'many' }];
    assert.deepEqual(through({ buckets: [10, 100] }, rows), ['x=+Inf → 1', 'x=10 → 2', 'x=100 → 2', 'x=other → 1']);
  });

  test('regex', () => {
    const rows = [{ x: 'job-17-a' }, { x: 'job-4711-a' }, { x: 'cron' }];
    assert.deepEqual(through({ regex: '(job)-[0-9]+', replacement: '$1' }, rows), ['x=cron → 1', 'x=job-a → 2']);
    assert.deepEqual(through({ regex: '^job.*' }, rows), ['x=cron → 1', 'x=other → 2']);
  });

  test('templates of routes', () => {
    const rows = ['/users/7', '/users/8?x=1', '/users/8/orders', '/static/a/b', '/admin'].map((x) => ({ x }));
    assert.deepEqual(through({ routes: ['/users/{id}', '/users/*/orders', '/static/**'] }, rows), [
      'x=/static/** → 1',
      'x=/users/*/orders → 1',
      'x=/users/{id} → 2',
      'x=other → 1',
    ]);
  });

  test('routes found by what looks like an id', () => {
    const rows = [
      '/users/7',
      '/users/0192f1b2-7c1a-7d3e-9f00-aabbccddeeff',
      '/users/me',
      '/v1/blob/9f86d081884c7d65',
      '/v1/x',
    ].map((x) => ({ x }));
    assert.deepEqual(through({ routes: 'auto' }, rows), [
      'x=/users/me → 1',
      'x=/users/{id} → 2',
      'x=/v1/blob/{id} → 1',
      'x=/v1/x → 1',
    ]);
  });

  test('are no folds, and come before values are counted', () => {
    const limited = new Limited({ limits: [{ metric: '*', attributes: { x: { routes: 'auto', max_values: 1 } } }] });
    const rows = ['/a/1', '/a/2', '/b/1', '/a/3'].map((x) => ({ attributes: { x }, value: 1 }));
    assert.deepEqual(shown(limited.metrics(new Sender('m').deltas(rows))), ['x=/a/{id} → 3', 'x=other → 1']);
    assert.equal(limited.folded('m', 'x'), 1);
  });
});

describe('heavy hitters', () => {
  const config = { strategy: 'heavy_hitters', limits: [{ metric: 'requests', attributes: { path: 2 } }] };
  const rows = [row('/s1'), row('/s2'), row('/big', 100), row('/bigger', 200), row('/s3')];

  test('take the names of smaller ones, and no count is lost', () => {
    const limited = new Limited(config);
    const sender = new Sender('requests');
    assert.deepEqual(shown(limited.metrics(sender.deltas(rows))), ['path=/s1 → 1', 'path=/s2 → 1', 'path=other → 301']);
    limited.wait(10_000);
    assert.deepEqual(shown(limited.metrics(sender.deltas(rows))), [
      'path=/big → 100',
      'path=/bigger → 200',
      'path=other → 3',
    ]);
    limited.wait(10_000);
    assert.deepEqual(shown(limited.metrics(sender.deltas(rows))), [
      'path=/big → 100',
      'path=/bigger → 200',
      'path=other → 3',
    ]);
  });

  test('end the series of our own that they replace', () => {
    const limited = new Limited(config);
    const sender = new Sender('requests', { own: true });
    limited.metrics(sender.deltas(rows));
    limited.wait(10_000);
    assert.deepEqual(shown(limited.metrics(sender.deltas(rows))), [
      'path=/big → 100',
      'path=/bigger → 200',
      'path=/s1 ends',
      'path=/s2 ends',
      'path=other → 3',
    ]);
    assert.deepEqual(shown(limited.metrics(sender.deltas(rows))), [
      'path=/big → 100',
      'path=/bigger → 200',
      'path=other → 3',
    ]);
  });

  test('keep series too, where the budget is one of series', () => {
    const limited = new Limited({ strategy: 'heavy_hitters', max_series: 4 });
    const sender = new Sender('requests');
    limited.metrics(sender.deltas(rows));
    limited.wait(10_000);
    assert.deepEqual(shown(limited.metrics(sender.deltas(rows))), [
      'path=/big → 100',
      'path=/bigger → 200',
      'path=other → 3',
    ]);
  });

  test('are found among a flood of values that come once', () => {
    const limited = new Limited({ strategy: 'heavy_hitters', limits: [{ metric: '*', attributes: { path: 10 } }] });
    const sender = new Sender('requests');
    let n = 0;
    const flood = (): Row[] => Array.from({ length: 1000 }, () => row(`/once/${n++}`));
    const large = Array.from({ length: 10 }, (_, i) => row(`/large/${i}`, 50));
    for (let round = 0; round < 5; round++) {
      limited.metrics(sender.deltas([...flood(), ...large]));
      limited.wait(10_000);
    }
    const named = shown(limited.metrics(sender.deltas([...flood(), ...large])));
    assert.deepEqual(named, [...large.map((_, i) => `path=/large/${i} → 50`), 'path=other → 1000']);
  });
});

describe('gauges', () => {
  const first = [row('/a', 4), row('/b', -2)];
  const second = [row('/c', 10)];
  for (const [gauges, one, two, three] of [
    ['sum', 2, 12, 8],
    ['min', -2, -2, -2],
    ['max', 4, 10, 10],
    ['mean', 1, 4, 4],
    ['last', -2, 10, -2],
  ] as const) {
    test(`show the ${gauges} of the last values of those that were folded`, () => {
      const limited = new Limited({ gauges, limits: [{ metric: '*', attributes: { path: 0 } }] });
      const sender = new Sender('fill');
      assert.deepEqual(shown(limited.metrics(sender.gauges(first))), [`path=other → ${one}`]);
      assert.deepEqual(shown(limited.metrics(sender.gauges(second))), [`path=other → ${two}`]);
      limited.metrics(sender.gauges([row('/a', 0, { ends: true })]));
      assert.deepEqual(shown(limited.metrics(sender.gauges([row('/b', -2)]))), [`path=other → ${three}`]);
    });
  }

  test('let go of what is idle', () => {
    const limited = new Limited({ idle_timeout: '1m', limits: [{ metric: '*', attributes: { path: 0 } }] });
    const sender = new Sender('fill');
    limited.metrics(sender.gauges([row('/a', 4), row('/b', 8)]));
    for (let i = 0; i < 9; i++) {
      limited.wait(10_000);
      limited.metrics(sender.gauges([row('/b', 8)]));
    }
    assert.deepEqual(shown(limited.metrics(sender.gauges([row('/b', 8)]))), ['path=other → 8']);
  });

  test('move to their own series when they get a name', () => {
    const limited = new Limited({ idle_timeout: '1m', limits: [{ metric: '*', attributes: { path: 1 } }] });
    const sender = new Sender('fill');
    limited.metrics(sender.gauges([row('/a', 4), row('/b', 8), row('/c', 16)]));
    const out: string[][] = [];
    for (let i = 0; i < 9; i++) {
      limited.wait(10_000);
      out.push(shown(limited.metrics(sender.gauges([row('/b', 8), row('/c', 16)]))));
    }
    assert.deepEqual(out[0], ['path=other → 24']);
    assert.deepEqual(out.at(-1), ['path=/b → 8', 'path=other → 16']);
  });

  test('beyond those that can be remembered are dropped and counted', () => {
    const limited = new Limited({ max_gauge_sources: 2, limits: [{ metric: '*', attributes: { path: 0 } }] });
    const out = limited.metrics(new Sender('fill').gauges([row('/a', 1), row('/b', 2), row('/c', 4)]));
    assert.deepEqual(shown(out), ['path=other → 3']);
    assert.deepEqual(limited.scope.items.drops, [{ count: 1, reason: 'gauge_sources' }]);
  });

  test('sums that go up and down are added the same way', () => {
    const limited = new Limited({ gauges: 'max', limits: [{ metric: '*', attributes: { path: 0 } }] });
    const sender = new Sender('connections');
    limited.metrics(sender.levels([row('/a', 4), row('/b', 2)]));
    assert.deepEqual(shown(limited.metrics(sender.levels([row('/a', 1)]))), ['path=other → 3']);
  });
});

describe('ends of series', () => {
  const config = { limits: [{ metric: '*', attributes: { path: 1 } }] };
  const end = (path: string): Row => row(path, 0, { ends: true });

  test('pass where the series passed, and free its place', () => {
    const limited = new Limited(config);
    const sender = new Sender('requests', { own: true });
    limited.metrics(sender.deltas([row('/a'), row('/b')]));
    assert.deepEqual(shown(limited.metrics(sender.deltas([row('/a', 5), end('/a')]))), ['path=/a ends', 'path=/a → 5']);
    assert.deepEqual(shown(limited.metrics(sender.deltas([row('/c', 3)]))), ['path=/c → 3']);
  });

  test('are taken out where it went into another one, which goes on', () => {
    const limited = new Limited(config);
    const sender = new Sender('requests', { own: true });
    limited.metrics(sender.deltas([row('/a'), row('/b'), row('/c')]));
    assert.deepEqual(shown(limited.metrics(sender.deltas([end('/b'), row('/c', 2)]))), ['path=other → 2']);
    assert.deepEqual(limited.scope.items.drops, [{ count: 1, reason: 'ended' }]);
  });

  test('are made for a folded series of our own that is idle', () => {
    const limited = new Limited({ ...config, idle_timeout: '1m' });
    const sender = new Sender('requests', { own: true });
    limited.metrics(sender.deltas([row('/a'), row('/b')]));
    limited.wait(90_000);
    const out = limited.metrics(sender.deltas([row('/a')]));
    assert.deepEqual(shown(out), ['path=/a → 1', 'path=other ends']);
    assert.deepEqual(limited.scope.items.creations, [{ count: 1, reason: 'ended' }]);
  });
});

describe('points that are made', () => {
  const config = { limits: [{ metric: '*', attributes: { path: 0 } }] };

  test('follow each other without gap, however late those in them are', () => {
    const limited = new Limited(config);
    const early = new Sender('requests');
    const late = new Sender('requests');
    late.time -= 60_000_000_000n;
    const spans = [early.deltas([row('/a')]), late.deltas([row('/b')]), early.deltas([row('/a')])].map((batch) => {
      const [point] = points(limited.metrics(batch).metrics[0]!);
      return [point!.startTime, point!.time] as const;
    });
    for (const [i, [start, end]] of spans.entries()) {
      assert.ok(start < end);
      if (i > 0) assert.equal(start, spans[i - 1]![1]);
    }
  });

  test('are not taken along by a sender whose clock is ahead', () => {
    const limited = new Limited(config);
    const ahead = new Sender('requests');
    const now = limited.scope.clock.now();
    ahead.time += 3_600_000_000_000n;
    const batch = ahead.deltas([row('/a')]);
    limited.scope.clock.set(now);
    const out = limited.offered(batch);
    const [point] = points(out.metrics[0]!);
    assert.equal(point!.time, now);
    assert.ok(point!.startTime <= point!.time);
  });
});

test('histograms keep the bounds that they share', () => {
  const limited = new Limited({ limits: [{ metric: '*', attributes: { path: 0 } }] });
  const interner = new SeriesInterner();
  const one = new HistogramPointsBuilder([1, 10, 100]);
  const other = new HistogramPointsBuilder([10, 50, 100]);
  const id = (path: string): number => interner.intern(createResource({}), createScope(''), attributeSet({ path }));
  one.add(id('/a'), [1, 2, 4, 8], 70);
  other.add(id('/b'), [1, 2, 4, 8], 30);
  const names = { name: 'latency', unit: 's', description: '' };
  const of = (builder: HistogramPointsBuilder): MetricBatch =>
    metricBatch([histogram(names, interner.table, builder.take(2n, 1n), { temporality: 'delta' })]);
  const before = [...points(limited.metrics(of(one)).metrics[0]!)][0] as { counts: Float64Array };
  assert.deepEqual([...before.counts], [1, 2, 4, 8]);
  const [after] = points(limited.metrics(of(other)).metrics[0]!) as Iterable<{
    counts: Float64Array;
    bounds: Float64Array;
  }>;
  assert.deepEqual([...after!.bounds], [10, 100]);
  assert.deepEqual([...after!.counts], [1, 6, 8]);
});

test('exponential histograms go to the coarser scale', () => {
  const limited = new Limited({ limits: [{ metric: '*', attributes: { path: 0 } }] });
  const interner = new SeriesInterner();
  const builder = new ExponentialHistogramPointsBuilder();
  const id = (path: string): number => interner.intern(createResource({}), createScope(''), attributeSet({ path }));
  builder.add(id('/a'), { scale: 1, zeroCount: 1, positive: { offset: 0, counts: [1, 2, 4, 8] }, sum: 20 });
  builder.add(id('/b'), { scale: 0, positive: { offset: 1, counts: [16] }, sum: 50 });
  const names = { name: 'size', unit: 'By', description: '' };
  const batch = metricBatch([
    exponentialHistogram(names, interner.table, builder.take(2n, 1n), { temporality: 'delta' }),
  ]);
  const [point] = points(limited.metrics(batch).metrics[0]!) as Iterable<{
    scale: number;
    count: number;
    sum: number;
    positive: { offset: number; counts: Float64Array };
  }>;
  assert.deepEqual([point!.scale, point!.count, point!.sum], [0, 32, 70]);
  assert.deepEqual([point!.positive.offset, ...point!.positive.counts], [0, 3, 28]);
});

test('summaries pass while they have a name, and are dropped and counted where they would have to be added', () => {
  const limited = new Limited({ limits: [{ metric: '*', attributes: { path: 1 } }] });
  const interner = new SeriesInterner();
  const ids = ['/a', '/b'].map((path) => interner.intern(EMPTY_RESOURCE, EMPTY_SCOPE, attributeSet({ path })));
  const out = limited.metrics(
    metricBatch([
      summary({ name: 'wait', unit: 's', description: '' }, interner.table, {
        length: 2,
        ids: Uint32Array.from(ids),
        time: 2n,
        startTime: 1n,
        flags: 0,
        counts: Float64Array.of(3, 4),
        sums: Float64Array.of(1, 2),
        start: Uint32Array.of(0, 0, 0),
        quantiles: new Float64Array(0),
        values: new Float64Array(0),
      }),
    ]),
  );
  assert.deepEqual(shown(out), ['@ path=/a → 3']);
  assert.deepEqual(limited.scope.items.drops, [{ count: 1, reason: 'summary' }]);
});

test('a batch that is offered again is not counted again', () => {
  const limited = new Limited({ limits: [{ metric: '*', attributes: { path: 0 } }] });
  const batch = new Sender('requests').deltas([row('/a'), row('/b')]);
  assert.equal(limited.metrics(batch), limited.metrics(batch));
  assert.equal(limited.folded('requests', 'path'), 2);
});

test('what there is stands in the view and in the metrics', () => {
  const limited = new Limited({ limits: [{ metric: 'requests', max_series: 50, attributes: { path: 2 } }] });
  limited.metrics(new Sender('requests').deltas(['/a', '/b', '/c', '/d', '/e'].map((path) => row(path))));
  assert.deepEqual(limited.report, {
    series: 3,
    metrics: [
      {
        metric: 'requests',
        series: 3,
        maxSeries: 50,
        attributes: [{ attribute: 'path', values: 5, named: 2, folded: 3 }],
      },
    ],
    logs: [],
    spans: [],
  });
  const value = (name: string, labels: Record<string, string>): unknown =>
    limited.scope.meter.value(`bpflow_cardinality_limit_${name}`, { processor: 'cardinality_limit', ...labels });
  assert.equal(value('total_series', {}), 3);
  assert.equal(value('series', { metric: 'requests' }), 3);
  assert.equal(value('folded', { metric: 'requests', attribute: 'path' }), 3);
  assert.equal(value('attribute_values', { metric: 'requests', attribute: 'path' }), 5);
});

test('what is wrong with a rule is told', () => {
  const message = (rule: unknown): string =>
    cardinalityLimitConfig.safeParse({ logs: { attributes: { a: rule } } }).error!.issues[0]!.message;
  assert.match(message({ regex: '(' }), /^regex: no regular expression: /);
  assert.equal(message({ buckets: [2, 1] }), 'buckets: bounds must ascend');
  assert.equal(message({ buckets: [1], routes: 'auto' }), 'routes: "routes" cannot stand beside "buckets"');
  assert.equal(
    message({ replacement: 'x' }),
    'max_values: the map says nothing; replacement: "replacement" needs "regex"',
  );
  assert.match(message('keep'), /^expected a number of values, drop, or a map/);
});
