import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type Attributes,
  attributeSet,
  countItems,
  createResource,
  createScope,
  gauge,
  LogBuilder,
  logRecords,
  type MetricBatch,
  metricBatch,
  NumberPointsBuilder,
  SeriesInterner,
  SpanBuilder,
  spanRecords,
  type TransformProcessor,
} from 'bpflow/sdk';
import { fakeScope } from 'bpflow/testing';
import { filterConfig } from './config.ts';
import spec from './index.ts';

/** Items by name, with what each carries; every second one on its resource. */
const ITEMS: readonly (readonly [string, Attributes])[] = [
  ['production', { 'k8s.namespace.name': 'production' }],
  ['prod-eu', { 'k8s.namespace.name': 'prod-eu' }],
  ['app-1', { 'k8s.container.name': 'app-1' }],
  ['sidecar', { 'container.name': 'sidecar' }],
  ['nginx', { 'process.executable.name': 'nginx' }],
  ['redis-server', { 'process.command': 'redis-server' }],
  ['https', { 'destination.port': 443, 'network.transport': 'TCP' }],
  ['dns', { 'server.port': 53, 'network.transport': 'udp' }],
  ['text port', { 'network.peer.port': '443', 'network.protocol.name': 'http' }],
  ['nothing', {}],
];
const names = ITEMS.map(([name]) => name);

const CASES: readonly (readonly [string, object, readonly string[]])[] = [
  ['namespaces by glob', { namespaces: ['production', 'prod-*'] }, ['production', 'prod-eu']],
  ['containers by glob', { containers: ['app-*', 'service-*'] }, ['app-1']],
  ['container.name too', { containers: ['side*'] }, ['sidecar']],
  ['processes', { processes: ['nginx', 'postgres', 'redis*'] }, ['nginx', 'redis-server']],
  ['processes by a regular expression', { process_regex: '^(nginx|redis-.*)$' }, ['nginx', 'redis-server']],
  ['ports, as numbers and texts', { ports: [443, 8443] }, ['https', 'text port']],
  ['protocols in any case', { protocols: ['Tcp', 'HTTP'] }, ['https', 'text port']],
  ['ports and a protocol', { ports: [443, 53], protocols: ['udp'] }, ['dns']],
  ['names', { names: ['*s'] }, ['https', 'dns']],
  ['attributes', { attributes: [{ key: 'server.port', value: 53 }] }, ['dns']],
  ['no condition', {}, names],
];

function transform(config: object): TransformProcessor['transform'] {
  const scope = fakeScope('processor', 'filter');
  return (spec.create(filterConfig.parse(config), scope, {}) as TransformProcessor).transform;
}

describe('a rule matches by', () => {
  for (const [name, rule, wanted] of CASES) {
    test(name, () => {
      const keep = transform({ rules: [{ name: 'rule', ...rule }], unmatched: 'drop' });
      const drop = transform({ rules: [{ name: 'rule', action: 'drop', ...rule }] });
      const others = names.filter((item) => !wanted.includes(item));
      assert.deepEqual(keptBy(keep), [wanted, wanted, wanted]);
      assert.deepEqual(keptBy(drop), [others, others, others]);
    });
  }

  test('the severity of log records', () => {
    const { logs, traces } = transform({ rules: [{ name: 'rule', min_severity: 'info' }], unmatched: 'drop' });
    const builder = new LogBuilder();
    for (const severity of [0, 5, 9, 17]) builder.add({ time: 1n, severity });
    const kept = logs!(builder.take()!)!;
    assert.deepEqual([...kept.severity], [9, 17]);
    assert.equal(traces!(spans())?.length, ITEMS.length);
  });
});

test('the first rule that matches decides, after include and exclude', () => {
  const config = {
    spans: { exclude: { match_type: 'strict', span_names: ['nginx'] } },
    rules: [
      { name: 'not this one', action: 'drop', namespaces: ['prod-*'] },
      { name: 'namespaces', namespaces: ['*'] },
      { name: 'processes', process_regex: '.' },
    ],
    unmatched: 'drop',
  };
  const kept = transform(config).traces!(spans())!;
  assert.deepEqual(
    [...spanRecords(kept)].map(({ name }) => name),
    ['production', 'redis-server'],
  );
});

test('what rules drop is counted', () => {
  const scope = fakeScope('processor', 'filter');
  const config = filterConfig.parse({ rules: [{ name: 'one', ports: [443] }], unmatched: 'drop' });
  const { transform: its } = spec.create(config, scope, {}) as TransformProcessor;
  its.logs!(logs());
  its.metrics!(metrics());
  its.traces!(spans());
  for (const items of ['logs', 'datapoints', 'spans']) {
    assert.equal(scope.meter.value(`otelcol_processor_filter_${items}_filtered`, { filter: 'filter' }), 8);
  }
});

/** Names of what is kept of metrics, records and spans. */
function keptBy({ metrics: ofMetrics, logs: ofLogs, traces }: TransformProcessor['transform']): readonly string[][] {
  const points = ofMetrics!(metrics());
  const records = ofLogs!(logs());
  const kept = traces!(spans());
  if (points !== undefined) assert.equal(countItems(points), points.metrics.length);
  return [
    points?.metrics.map(({ name }) => name) ?? [],
    records === undefined ? [] : [...logRecords(records)].map(({ eventName }) => eventName),
    kept === undefined ? [] : [...spanRecords(kept)].map(({ name }) => name),
  ];
}

function carried(index: number): {
  readonly attributes: Attributes;
  readonly resource: ReturnType<typeof createResource>;
} {
  const attributes = ITEMS[index]![1];
  return index % 2 === 0
    ? { attributes, resource: createResource({}) }
    : { attributes: {}, resource: createResource(attributes) };
}

function metrics(): MetricBatch {
  const interner = new SeriesInterner();
  const ids = ITEMS.map((_, i) => {
    const { attributes, resource } = carried(i);
    return interner.intern(resource, createScope('test'), attributeSet(attributes));
  });
  return metricBatch(
    ITEMS.map(([name], i) => {
      const points = new NumberPointsBuilder({ integer: true });
      points.add(ids[i]!, 1);
      return gauge({ name, unit: '1', description: '' }, interner.table, points.take(1n, 0n));
    }),
  );
}

function logs() {
  const builder = new LogBuilder();
  for (const [i, [eventName]] of ITEMS.entries()) builder.add({ time: 1n, eventName, ...carried(i) });
  return builder.take()!;
}

function spans() {
  const builder = new SpanBuilder();
  for (const [i, [name]] of ITEMS.entries()) {
    const ids = { traceId: '1'.repeat(32), spanId: '1'.repeat(16) };
    builder.add({ name, ...ids, startTime: 1n, endTime: 2n, ...carried(i) });
  }
  return builder.take()!;
}
