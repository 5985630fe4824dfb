import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  type Attributes,
  createResource,
  createScope,
  defineMetric,
  EMPTY_RESOURCE,
  EMPTY_SCOPE,
  ExponentialHistogramPointsBuilder,
  exponentialHistogram,
  gauge,
  HistogramPointsBuilder,
  histogram,
  type InstrumentationScope,
  type Metric,
  type MetricDefinition,
  metricBatch,
  NO_RECORDED_VALUE,
  NumberPointsBuilder,
  type Resource,
  SeriesInterner,
  sum,
  summary,
} from 'bpflow/sdk';
import fc from 'fast-check';
import { writePage } from './page.ts';
import { type PageRules, PageStore } from './page-store.ts';
import { TextWriter } from './text-writer.ts';
import type { View } from './values.ts';

const CLASSIC: View = { openMetrics: false, protobuf: false, utf8: false };

const RULES: PageRules = {
  names: 'seed',
  strategy: 'UnderscoreEscapingWithSuffixes',
  namespace: '',
  constLabels: [],
  resourceToTelemetry: false,
  withoutScopeInfo: true,
  utf8: false,
  targetInfo: true,
  openMetrics: false,
  expirationMs: 300_000,
  sendTimestamps: false,
  maxSeries: 1_000_000,
};

const CALLS = defineMetric({
  name: 'ebpf.syscall.count',
  unit: '{syscall}',
  seedName: 'ebpf_syscall_count',
  kind: 'counter',
  description: 'System calls that returned.',
  exactness: 'exact',
  attributes: { 'process.executable.name': 'process', 'ebpf.syscall.name': 'syscall' },
});

const LATENCY = defineMetric({
  name: 'ebpf.syscall.duration',
  unit: 'ns',
  otelUnit: 's',
  seedName: 'ebpf_syscall_latency_ns',
  kind: 'histogram',
  description: 'Time in the kernel.',
  exactness: 'exact',
  attributes: { 'ebpf.syscall.name': 'syscall' },
});

const ERRORS = defineMetric({
  ...CALLS,
  name: 'ebpf.syscall.errors',
  unit: '{error}',
  seedName: 'ebpf_syscall_errors',
});

/** A page under test: what goes in by short calls, what comes out as text. */
class Page {
  readonly events: string[] = [];
  readonly store: PageStore;
  interner = new SeriesInterner();

  constructor(rules: Partial<PageRules> = {}) {
    this.store = new PageStore(
      { ...RULES, ...rules },
      {
        dropped: (points, reason) => this.events.push(`${points} ${reason}`),
        collision: (count) => this.events.push(`${count} collision`),
        leftOut: (metric, reason) => this.events.push(`${metric}: ${reason}`),
      },
      { now: () => 0n },
    );
  }

  take(...metrics: Metric[]): this {
    return this.takeAt(0, ...metrics);
  }

  takeAt(now: number, ...metrics: Metric[]): this {
    this.store.apply(metricBatch(metrics), now);
    return this;
  }

  text(view: View = CLASSIC): string {
    const writer = new TextWriter(Buffer.alloc(16));
    writePage(this.store, view, writer);
    return writer.buffer.toString('utf8', 0, writer.length);
  }

  /** The lines without the heads of families. */
  samples(view: View = CLASSIC): string[] {
    return this.text(view)
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
  }

  counter(names: Names, points: readonly Point[]): Metric {
    return sum(describeMetric(names), this.interner.table, this.#numbers(points, true), {
      monotonic: true,
      temporality: 'cumulative',
    });
  }

  upDown(names: Names, points: readonly Point[]): Metric {
    return sum(describeMetric(names), this.interner.table, this.#numbers(points, true), {
      monotonic: false,
      temporality: 'cumulative',
    });
  }

  gauge(names: Names, points: readonly Point[]): Metric {
    return gauge(describeMetric(names), this.interner.table, this.#numbers(points, false));
  }

  histogram(
    names: Names,
    bounds: readonly number[],
    points: readonly (Series & { counts: number[]; sum?: number })[],
  ): Metric {
    const builder = new HistogramPointsBuilder(bounds);
    for (const point of points) {
      builder.add(
        this.id(point),
        point.counts,
        point.sum ?? Number.NaN,
        point.time,
        0n,
        point.ended ? NO_RECORDED_VALUE : 0,
      );
    }
    return histogram(describeMetric(names), this.interner.table, builder.take(1n, 0n), { temporality: 'cumulative' });
  }

  id({ attributes = {}, resource = EMPTY_RESOURCE, scope = EMPTY_SCOPE }: Series): number {
    return this.interner.intern(resource, scope, setOf(attributes));
  }

  #numbers(points: readonly Point[], integer: boolean): ReturnType<NumberPointsBuilder['take']> {
    const builder = new NumberPointsBuilder({ integer });
    for (const point of points) {
      builder.add(this.id(point), point.value, point.time, 0n, point.ended ? NO_RECORDED_VALUE : 0);
    }
    return builder.take(1n, 0n);
  }
}

interface Series {
  readonly attributes?: Attributes;
  readonly resource?: Resource;
  readonly scope?: InstrumentationScope;
  readonly time?: bigint;
  readonly ended?: boolean;
}
interface Point extends Series {
  readonly value: number | bigint;
}
type Names = MetricDefinition | string | { name: string; unit: string; description: string };

/** In a turn of its own, because a WeakRef holds its target for the turn that made it. */
async function collectGarbage(): Promise<void> {
  await setImmediate();
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

function describeMetric(names: Names): MetricDefinition | { name: string; unit: string; description: string } {
  return typeof names === 'string' ? { name: names, unit: '', description: 'Text.' } : names;
}

function setOf(attributes: Attributes): ReturnType<typeof createResource>['attributes'] {
  return createResource(attributes).attributes;
}

describe('our own metrics', () => {
  test('appear under seed names and short labels, and exactly', () => {
    const page = new Page();
    const at = (process: string, syscall: string): Attributes => ({
      'process.executable.name': process,
      'ebpf.syscall.name': syscall,
    });
    page.take(
      page.counter(CALLS, [
        { attributes: at('nginx', 'read'), value: 9007199254740991 },
        { attributes: at('cat', 'openat'), value: 200_000 },
      ]),
    );
    assert.equal(
      page.text(),
      `# HELP ebpf_syscall_count System calls that returned.
# TYPE ebpf_syscall_count counter
ebpf_syscall_count{process="cat",syscall="openat"} 200000
ebpf_syscall_count{process="nginx",syscall="read"} 9007199254740991
`,
    );
  });

  test('show histograms with their bounds as integers in the unit of the name', () => {
    const page = new Page();
    page.take(
      page.histogram(
        LATENCY,
        [1024, 1048576],
        [{ attributes: { 'ebpf.syscall.name': 'read' }, counts: [2, 3, 5], sum: 123456789 }],
      ),
    );
    assert.deepEqual(page.samples(), [
      'ebpf_syscall_latency_ns_bucket{syscall="read",le="1024"} 2',
      'ebpf_syscall_latency_ns_bucket{syscall="read",le="1048576"} 5',
      'ebpf_syscall_latency_ns_bucket{syscall="read",le="+Inf"} 10',
      'ebpf_syscall_latency_ns_sum{syscall="read"} 123456789',
      'ebpf_syscall_latency_ns_count{syscall="read"} 10',
    ]);
  });

  test('follow the translation with names: otel, in seconds', () => {
    const page = new Page({ names: 'otel' });
    page.take(
      page.counter(CALLS, [{ attributes: { 'ebpf.syscall.name': 'read' }, value: 3 }]),
      page.histogram(LATENCY, [1024], [{ counts: [2, 3], sum: 123456789 }]),
    );
    assert.deepEqual(page.samples(), [
      'ebpf_syscall_count_total{ebpf_syscall_name="read"} 3',
      'ebpf_syscall_duration_seconds_bucket{le="1.024e-06"} 2',
      'ebpf_syscall_duration_seconds_bucket{le="+Inf"} 5',
      'ebpf_syscall_duration_seconds_sum 0.123456789',
      'ebpf_syscall_duration_seconds_count 5',
    ]);
  });

  test('show of the resource only where they run', () => {
    const page = new Page();
    const resource = createResource({
      'container.id': 'c0ffee',
      'host.name': 'h1',
      'k8s.container.name': 'web',
      'k8s.namespace.name': 'shop',
      'k8s.node.name': 'n1',
      'k8s.pod.name': 'web-1',
      'service.name': 'bpflow',
    });
    page.take(page.counter(CALLS, [{ resource, value: 1 }]));
    assert.deepEqual(page.samples(), ['ebpf_syscall_count{container="web",namespace="shop",node="n1",pod="web-1"} 1']);
  });

  test('are added up when they differ in nothing that is printed', () => {
    const page = new Page();
    const inContainer = (id: string, value: number): Point => ({
      resource: createResource({ 'container.id': id }),
      value,
    });
    page.take(page.counter(CALLS, [inContainer('a', 5), inContainer('b', 7)]));
    assert.deepEqual(page.samples(), ['ebpf_syscall_count 12']);
    page.take(page.counter(CALLS, [inContainer('b', 9)]));
    assert.deepEqual(page.samples(), ['ebpf_syscall_count 14']);
  });

  test('do not fall when one of several added ones ends', () => {
    const page = new Page();
    const point = (id: string, value: number, ended = false): Point => ({
      resource: createResource({ 'container.id': id }),
      value,
      ended,
    });
    page.take(page.counter(CALLS, [point('a', 5), point('b', 7), point('c', 1)]));
    page.take(page.counter(CALLS, [point('a', 0, true)]));
    assert.deepEqual(page.samples(), ['ebpf_syscall_count 13']);
    page.take(page.counter(CALLS, [point('b', 0, true), point('c', 2)]));
    assert.deepEqual(page.samples(), ['ebpf_syscall_count 14']);
    page.take(page.counter(CALLS, [point('c', 0, true)]));
    assert.equal(page.text(), '');
  });

  test('add integers beyond 2^53 exactly', () => {
    const page = new Page();
    page.take(
      page.counter(CALLS, [
        { resource: createResource({ 'container.id': 'a' }), value: 9007199254740991 },
        { resource: createResource({ 'container.id': 'b' }), value: 2 },
      ]),
    );
    assert.deepEqual(page.samples(), ['ebpf_syscall_count 9007199254740993']);
  });

  test('do not expire while any own metric comes', () => {
    const page = new Page();
    page.takeAt(0, page.counter(CALLS, [{ value: 1 }]));
    page.takeAt(299_000, page.histogram(LATENCY, [1], [{ counts: [1, 0], sum: 1 }]));
    page.store.expire(400_000);
    assert.ok(page.samples().includes('ebpf_syscall_count 1'));
    page.store.expire(700_000);
    assert.equal(page.text(), '');
  });
});

describe('foreign metrics', () => {
  const resource = createResource({
    'service.namespace': 'shop',
    'service.name': 'checkout',
    'service.instance.id': 'i-1',
    'host.name': 'h1',
    'k8s.pod.name': 'p-1',
  });
  const scope = createScope('my.scope', '1.2', { sa: 'sv' }, 'https://opentelemetry.io/schemas/1.27.0');

  test('are translated as the Collector does', () => {
    const page = new Page({ withoutScopeInfo: false });
    page.take(
      page.counter({ name: 'http.server.requests', unit: '1', description: 'Number of "requests" \\ served' }, [
        { attributes: { 'http.method': 'GET', code: 200, ok: true, esc: 'a"b\\c\nd' }, resource, scope, value: 42 },
      ]),
      page.histogram(
        { name: 'http.duration', unit: 's', description: 'lat' },
        [0.5, 1],
        [{ attributes: { route: '/a' }, resource, scope, counts: [2, 3, 5], sum: 12.5 }],
      ),
    );
    const otel =
      'otel_scope_name="my.scope",otel_scope_sa="sv",otel_scope_schema_url="https://opentelemetry.io/schemas/1.27.0",otel_scope_version="1.2"';
    const labels = `instance="i-1",job="shop/checkout",${otel},route="/a"`;
    assert.equal(
      page.text(),
      `# HELP http_duration_seconds lat
# TYPE http_duration_seconds histogram
http_duration_seconds_bucket{${labels},le="0.5"} 2
http_duration_seconds_bucket{${labels},le="1"} 5
http_duration_seconds_bucket{${labels},le="+Inf"} 10
http_duration_seconds_sum{${labels}} 12.5
http_duration_seconds_count{${labels}} 10
# HELP http_server_requests_total Number of "requests" \\\\ served
# TYPE http_server_requests_total counter
http_server_requests_total{code="200",esc="a\\"b\\\\c\\nd",http_method="GET",instance="i-1",job="shop/checkout",ok="true",${otel}} 42
# HELP target_info Target metadata
# TYPE target_info gauge
target_info{host_name="h1",instance="i-1",job="shop/checkout",k8s_pod_name="p-1"} 1
`,
    );
  });

  test('have empty scope labels without a scope, and no target without a resource', () => {
    const page = new Page({ withoutScopeInfo: false });
    page.take(page.gauge('x', [{ value: 0.25 }]));
    assert.deepEqual(page.samples(), ['x{otel_scope_name="",otel_scope_schema_url="",otel_scope_version=""} 0.25']);
  });

  test('turn every resource attribute into a label when asked', () => {
    const page = new Page({ resourceToTelemetry: true });
    page.take(page.gauge('x', [{ resource, attributes: { 'host.name': 'other' }, value: 1 }]));
    assert.deepEqual(page.samples(), [
      'x{host_name="h1",instance="i-1",job="shop/checkout",k8s_pod_name="p-1",service_instance_id="i-1",service_name="checkout",service_namespace="shop"} 1',
    ]);
  });

  test('take the namespace and const labels, which no attribute can replace', () => {
    const page = new Page({ namespace: 'my-ns', constLabels: [['dc', 'x']] });
    page.take(page.gauge('x', [{ resource, attributes: { dc: 'y', job: 'z' }, value: 1 }]));
    assert.deepEqual(page.samples(), [
      'my_ns_target_info{host_name="h1",instance="i-1",job="shop/checkout",k8s_pod_name="p-1"} 1',
      'my_ns_x{dc="x",exported_dc="y",exported_job="z",instance="i-1",job="shop/checkout"} 1',
    ]);
  });

  test('forget a target with its last series', () => {
    const page = new Page();
    page.take(page.gauge('x', [{ resource, value: 1 }]));
    page.take(page.gauge('x', [{ resource, value: 1, ended: true }]));
    assert.equal(page.text(), '');
  });

  test('print gauges, up-down counters and all float values', () => {
    const page = new Page();
    const values = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e21, 1234567.5, -0.25, 0];
    page.take(
      page.gauge(
        'g',
        values.map((value, i) => ({ attributes: { i }, value })),
      ),
    );
    page.take(page.upDown('u', [{ value: -5 }]));
    page.take(page.upDown('v', [{ value: 9223372036854775807n }]));
    assert.deepEqual(page.samples(), [
      'g{i="0"} NaN',
      'g{i="1"} +Inf',
      'g{i="2"} -Inf',
      'g{i="3"} 1e+21',
      'g{i="4"} 1.2345675e+06',
      'g{i="5"} -0.25',
      'g{i="6"} 0',
      'u -5',
      'v 9223372036854775807',
    ]);
  });

  test('print summaries with sorted quantiles', () => {
    const page = new Page();
    page.take(
      summary({ name: 's', unit: '', description: '' }, page.interner.table, {
        length: 1,
        ids: Uint32Array.of(page.id({ attributes: { a: 'b' } })),
        time: 1n,
        startTime: 0n,
        flags: 0,
        counts: Float64Array.of(3),
        sums: Float64Array.of(1.5),
        start: Uint32Array.of(0, 2),
        quantiles: Float64Array.of(0.99, 0.5),
        values: Float64Array.of(9, Number.NaN),
      }),
    );
    assert.deepEqual(page.samples(), [
      's{a="b",quantile="0.5"} NaN',
      's{a="b",quantile="0.99"} 9',
      's_sum{a="b"} 1.5',
      's_count{a="b"} 3',
    ]);
  });

  test('print exponential histograms as count and sum', () => {
    const page = new Page();
    const builder = new ExponentialHistogramPointsBuilder();
    builder.add(page.id({}), {
      scale: 0,
      zeroCount: 1,
      sum: 6,
      positive: { offset: 0, counts: [2, 3] },
      negative: { offset: 0, counts: [4] },
    });
    page.take(
      exponentialHistogram({ name: 'e', unit: '', description: '' }, page.interner.table, builder.take(1n, 0n), {
        temporality: 'cumulative',
      }),
    );
    assert.deepEqual(page.samples(), ['e_bucket{le="+Inf"} 10', 'e_sum 6', 'e_count 10']);
  });

  test('leave out a sum that is not known', () => {
    const page = new Page();
    page.take(page.histogram('h', [1], [{ counts: [1, 2] }]));
    assert.deepEqual(page.samples(), ['h_bucket{le="1"} 1', 'h_bucket{le="+Inf"} 3', 'h_count 3']);
  });
});

describe('hostile names and values', () => {
  test('cannot leave their place on the page', () => {
    const page = new Page();
    const nasty = 'a"} 1\nevil 2\n# HELP \\';
    page.take(
      page.gauge({ name: `n${nasty}`, unit: '', description: nasty }, [
        {
          attributes: { [nasty]: nasty, __name__: 'evil', '': 'empty', 'nul\0': '\0\r\t\u2028', lone: '\ud800' },
          value: 1,
        },
      ]),
    );
    assert.deepEqual(page.text().split('\n'), [
      '# HELP na_1_evil_2_HELP a"} 1\\nevil 2\\n# HELP \\\\',
      '# TYPE na_1_evil_2_HELP gauge',
      'na_1_evil_2_HELP{_="empty",a___1_evil_2___HELP__="a\\"} 1\\nevil 2\\n# HELP \\\\",key__name__="evil",lone="\ufffd",nul_="\0\r\t\u2028"} 1',
      '',
    ]);
  });

  test('whatever they are, make one well-formed line with every label once', () => {
    const text = fc.string({ unit: 'binary', maxLength: 12 });
    fc.assert(
      fc.property(fc.dictionary(text, text), text, (attributes, name) => {
        const page = new Page({ constLabels: [['a', 'const']] });
        page.take(page.gauge({ name, unit: '', description: name }, [{ attributes, value: 1 }]));
        const lines = page.text().split('\n');
        assert.equal(lines.length, 4);
        const [, labels] = /^[a-zA-Z_:][a-zA-Z0-9_:]*\{(.*)\} 1$/s.exec(lines[2]!)!;
        const names = [...labels!.matchAll(/([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\["\\n])*)"(?:,|$)/gs)];
        assert.equal(names.map(([whole]) => whole).join(''), labels);
        assert.equal(new Set(names.map(([, label]) => label)).size, names.length);
        assert.ok(names.every(([, label]) => !label!.startsWith('__')));
        assert.ok(labels!.includes('a="const"'));
      }),
    );
  });

  test('that share a label name are joined in the order of their keys', () => {
    const page = new Page();
    page.take(page.gauge('x', [{ attributes: { a_b: '2', 'a.b': '1', 'a-b': '0' }, value: 1 }]));
    assert.deepEqual(page.samples(), ['x{a_b="0;1;2"} 1']);
  });

  test('leave le and quantile to the format', () => {
    const page = new Page();
    page.take(page.histogram('h', [], [{ attributes: { le: 'x' }, counts: [1] }]));
    assert.equal(page.samples()[0], 'h_bucket{exported_le="x",le="+Inf"} 1');
  });

  test('may be long', () => {
    const page = new Page();
    const long = 'é'.repeat(1_000_000);
    page.take(page.gauge('x', [{ attributes: { long }, value: 1 }]));
    assert.deepEqual(page.samples(), [`x{long="${long}"} 1`]);
  });

  test('show arrays, maps and bytes as OTLP prints them', () => {
    const page = new Page();
    page.take(
      page.gauge('x', [
        { attributes: { a: [1, 'z'], b: new Uint8Array([1, 2]), c: { z: 1, a: true }, d: null, e: 1.5 }, value: 1 },
      ]),
    );
    assert.deepEqual(page.samples(), ['x{a="[1,\\"z\\"]",b="AQI=",c="{\\"a\\":true,\\"z\\":1}",d="",e="1.5"} 1']);
  });
});

describe('collisions', () => {
  test('of names with different types: the later one is left out, told once, and let in when the first is gone', () => {
    const page = new Page();
    page.take(page.counter('x', [{ value: 1 }]));
    for (const value of [1, 2]) page.take(page.gauge('x.total', [{ value }]));
    assert.deepEqual(page.samples(), ['x_total 1']);
    assert.deepEqual(page.events, [
      'x.total: as gauge x_total it would share the name x_total with counter x_total',
      '1 name_conflict',
      '1 name_conflict',
    ]);
    page.take(page.counter('x', [{ value: 1, ended: true }]));
    page.take(page.gauge('x.total', [{ value: 3 }]));
    assert.deepEqual(page.samples(), ['x_total 3']);
  });

  test('of a histogram with a counter named like one of its lines', () => {
    const page = new Page();
    page.take(page.counter(CALLS, [{ value: 1 }]), page.histogram('ebpf.syscall', [], [{ counts: [1], sum: 1 }]));
    assert.deepEqual(page.samples(), ['ebpf_syscall_count 1']);
    assert.equal(page.events.at(-1), '1 name_conflict');
  });

  test('of a metric with target_info', () => {
    const page = new Page();
    page.take(page.gauge('target.info', [{ value: 1 }]));
    assert.equal(page.text(), '');
    assert.equal(page.events.at(-1), '1 name_conflict');
  });

  test('of names that translate to one: the series share the family', () => {
    const page = new Page();
    page.take(
      page.gauge('a.b', [{ attributes: { n: '1' }, value: 1 }]),
      page.gauge('a_b', [{ attributes: { n: '2' }, value: 2 }]),
    );
    assert.deepEqual(page.samples(), ['a_b{n="1"} 1', 'a_b{n="2"} 2']);
  });

  test('of series: totals are added, of gauges the latest counts', () => {
    const page = new Page();
    const one = createResource({ a: '1' });
    const two = createResource({ a: '2' });
    page.take(
      page.counter('c', [
        { resource: one, value: 1 },
        { resource: two, value: 2 },
      ]),
      page.gauge('g', [
        { resource: one, value: 1, time: 5n },
        { resource: two, value: 2, time: 4n },
      ]),
      page.histogram(
        'h',
        [1],
        [
          { resource: one, counts: [1, 1], sum: 3 },
          { resource: two, counts: [1, 0], sum: 1 },
        ],
      ),
    );
    assert.deepEqual(page.samples(), [
      'c_total 3',
      'g 1',
      'h_bucket{le="1"} 2',
      'h_bucket{le="+Inf"} 3',
      'h_sum 4',
      'h_count 3',
    ]);
    assert.deepEqual(page.events, ['3 collision']);
  });

  test('of gauges end with the series that caused them', () => {
    const page = new Page();
    const [one, two] = [createResource({ a: '1' }), createResource({ a: '2' })];
    page.take(
      page.gauge('g', [
        { resource: one, value: 1, time: 5n },
        { resource: two, value: 2, time: 4n },
      ]),
    );
    page.take(page.gauge('g', [{ resource: one, value: 0, time: 6n, ended: true }]));
    assert.deepEqual(page.samples(), ['g 2']);
  });
});

describe('the life of a series', () => {
  test('goes on when its table is replaced', () => {
    const page = new Page();
    page.take(page.counter('c', [{ attributes: { a: '1' }, value: 1 }]));
    page.interner = new SeriesInterner();
    page.id({ attributes: { other: 'x' } });
    page.take(page.counter('c', [{ attributes: { a: '1' }, value: 5 }]));
    assert.deepEqual(page.samples(), ['c_total{a="1"} 5']);
    assert.deepEqual(page.events, []);
  });

  test('ends with the point that says so, also from another table', () => {
    const page = new Page();
    page.take(
      page.counter('c', [
        { attributes: { a: '1' }, value: 1 },
        { attributes: { a: '2' }, value: 2 },
      ]),
    );
    page.interner = new SeriesInterner();
    page.take(page.counter('c', [{ attributes: { a: '1' }, value: 0, ended: true }]));
    assert.deepEqual(page.samples(), ['c_total{a="2"} 2']);
  });

  test('ignores the end of what it never had', () => {
    const page = new Page();
    page.take(page.counter('c', [{ value: 0, ended: true }]));
    assert.equal(page.text(), '');
  });

  test('may begin anew', () => {
    const page = new Page();
    page.take(page.counter('c', [{ value: 5 }]));
    page.take(page.counter('c', [{ value: 0, ended: true }]));
    page.take(page.counter('c', [{ value: 1 }]));
    assert.deepEqual(page.samples(), ['c_total 1']);
  });

  test('ignores points older than what is shown', () => {
    const page = new Page();
    page.take(page.counter('c', [{ value: 5, time: 1_800_000_000_000_000_000n }]));
    page.take(page.counter('c', [{ value: 4, time: 1_799_999_999_000_000_000n }]));
    assert.deepEqual(page.samples(), ['c_total 5']);
    assert.deepEqual(page.events, ['1 older_timestamp']);
  });

  test('expires when nobody updates it', () => {
    const page = new Page({ expirationMs: 4000 });
    page.takeAt(
      0,
      page.counter('c', [
        { attributes: { a: '1' }, value: 1 },
        { attributes: { a: '2' }, value: 2 },
      ]),
    );
    page.takeAt(3000, page.counter('c', [{ attributes: { a: '2' }, value: 3, time: 2n }]));
    page.store.expire(4001);
    assert.deepEqual(page.samples(), ['c_total{a="2"} 3']);
    page.store.expire(8000);
    assert.equal(page.text(), '');
  });

  test('keeps a shared total from falling when one of its series goes quiet', () => {
    const page = new Page({ expirationMs: 4000 });
    const [one, two] = [createResource({ a: '1' }), createResource({ a: '2' })];
    page.takeAt(0, page.counter('c', [{ resource: one, value: 10 }]));
    for (let now = 0; now <= 60_000; now += 2000) {
      page.takeAt(now, page.counter('c', [{ resource: two, value: 1, time: BigInt(now + 1) }]));
      page.store.expire(now);
      assert.deepEqual(page.samples(), ['c_total 11']);
    }
  });

  test('is remembered while it is quiet, and its table is not', async () => {
    const page = new Page();
    const quiet = { attributes: { 'ebpf.syscall.name': 'reboot' }, resource: createResource({ 'container.id': 'c' }) };
    page.takeAt(0, page.counter(CALLS, [{ ...quiet, value: 1 }]));
    const table = new WeakRef(page.interner.table);
    page.interner = new SeriesInterner();
    page.takeAt(400_000, page.counter(ERRORS, [{ value: 1 }]));
    page.store.expire(400_000);
    await collectGarbage();
    assert.equal(table.deref(), undefined);
    page.takeAt(500_000, page.counter(CALLS, [{ ...quiet, value: 2 }]));
    assert.ok(page.samples().includes('ebpf_syscall_count{syscall="reboot"} 2'));
    assert.deepEqual(page.events, []);
  });

  test('leaves deltas out with a reason', () => {
    const page = new Page();
    const metric = page.counter('c', [{ value: 1 }]);
    page.take({ ...metric, temporality: 'delta' } as Metric);
    assert.equal(page.text(), '');
    assert.equal(page.events.at(-1), '1 delta_temporality');
  });

  test('leaves nothing behind when series come and go unseen', () => {
    const page = new Page();
    for (let round = 0; round < 50; round++) {
      page.interner = new SeriesInterner();
      const points = Array.from({ length: 100 }, (_, i) => ({ attributes: { i: round * 100 + i }, value: 1 }));
      page.take(page.counter('c', points));
      page.take(
        page.counter(
          'c',
          points.map((point) => ({ ...point, ended: true })),
        ),
      );
    }
    assert.equal(page.store.series, 0);
    page.take(page.counter('c', [{ attributes: { i: 1 }, value: 1 }]));
    assert.deepEqual(page.samples(), ['c_total{i="1"} 1']);
  });

  test('keeps its place in the sorted order whatever comes and goes', () => {
    const page = new Page();
    const names = (): string[] => page.samples().map((line) => /a="(\d+)"/.exec(line)![1]!);
    const present = new Set<string>();
    let seed = 1;
    for (let round = 0; round < 40; round++) {
      for (let k = 0; k < 7; k++) {
        seed = (seed * 48271) % 2147483647;
        const a = String(seed % 50).padStart(2, '0');
        const ended = present.has(a) && seed % 3 === 0;
        page.take(page.gauge('x', [{ attributes: { a }, value: 1, ended }]));
        if (ended) present.delete(a);
        else present.add(a);
      }
      assert.deepEqual(names(), [...present].sort());
    }
  });
});

describe('other forms of the page', () => {
  test('OpenMetrics: counters end in _total, floats have a point, the page has an end', () => {
    const page = new Page({ openMetrics: true });
    page.take(
      page.counter(CALLS, [{ attributes: { 'ebpf.syscall.name': 'read' }, value: 3 }]),
      page.histogram({ name: 'h', unit: '', description: 'say "x"' }, [1], [{ counts: [1, 0], sum: 1 }]),
    );
    assert.equal(
      page.text({ openMetrics: true, protobuf: false, utf8: false }),
      `# HELP ebpf_syscall_count System calls that returned.
# TYPE ebpf_syscall_count counter
ebpf_syscall_count_total{syscall="read"} 3
# HELP h say \\"x\\"
# TYPE h histogram
h_bucket{le="1.0"} 1
h_bucket{le="+Inf"} 1
h_sum 1
h_count 1
# EOF
`,
    );
    assert.ok(page.samples().includes('ebpf_syscall_count{syscall="read"} 3'), 'the classic page is as before');
  });

  test('UTF-8: names and labels stand in quotes for scrapers that read them, underscores for others', () => {
    const page = new Page({ strategy: 'NoTranslation', utf8: true });
    page.take(page.gauge('cpu.time', [{ attributes: { 'a.b': 'é', plain: 'x' }, value: 1 }]));
    page.take(page.gauge('no.labels', [{ value: 1 }]));
    page.take(page.histogram('h.é', [], [{ counts: [1], sum: 1 }]));
    assert.deepEqual(page.samples({ openMetrics: false, protobuf: false, utf8: true }), [
      '{"cpu.time","a.b"="é",plain="x"} 1',
      '{"h.é_bucket",le="+Inf"} 1',
      '{"h.é_sum"} 1',
      '{"h.é_count"} 1',
      '{"no.labels"} 1',
    ]);
    assert.deepEqual(page.samples(), [
      'cpu_time{a_b="é",plain="x"} 1',
      'h___bucket{le="+Inf"} 1',
      'h___sum 1',
      'h___count 1',
      'no_labels 1',
    ]);
  });
});
