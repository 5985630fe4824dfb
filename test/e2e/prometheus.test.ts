import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { after, describe, test } from 'node:test';
import {
  type Attributes,
  attributeSet,
  createResource,
  createScope,
  defineMetric,
  EMPTY_RESOURCE,
  EMPTY_SCOPE,
  type Exporter,
  gauge,
  HistogramPointsBuilder,
  histogram,
  type Metric,
  metricBatch,
  NumberPointsBuilder,
  SeriesInterner,
  sum,
} from 'bpflow/sdk';
import { fakeScope } from 'bpflow/testing';
import { prometheusConfig } from '../../exporters/prometheus/config.ts';
import { createPrometheusExporter } from '../../exporters/prometheus/exporter.ts';
import { missing, PrometheusServer, type Sample } from './prometheus-server.ts';

const EXECUTABLE = { 'process.executable.name': 'process' };
const SYSCALL = { 'ebpf.syscall.name': 'syscall' };

/** The agent's own metrics under the names that the receivers give them. */
const OWN = (
  [
    ['ebpf.syscall.count', 'ebpf_syscall_count', 'counter', '{syscall}', { ...EXECUTABLE, ...SYSCALL }],
    [
      'ebpf.syscall.errors',
      'ebpf_syscall_errors',
      'counter',
      '{error}',
      { ...EXECUTABLE, ...SYSCALL, 'error.type': 'errno' },
    ],
    ['ebpf.syscall.duration', 'ebpf_syscall_latency_ns', 'histogram', 'ns', SYSCALL],
    ['ebpf.process.runtime', 'ebpf_process_runtime_ns', 'counter', 'ns', EXECUTABLE],
    [
      'ebpf.context_switches',
      'ebpf_context_switches',
      'counter',
      '{context_switch}',
      { ...EXECUTABLE, 'process.context_switch.type': 'type' },
    ],
    ['ebpf.sched.runqueue.duration', 'ebpf_runqueue_latency_ns', 'histogram', 'ns', {}],
  ] as const
).map(([name, seedName, kind, unit, attributes]) =>
  defineMetric({
    name,
    seedName,
    kind,
    unit,
    ...(unit === 'ns' ? { otelUnit: 's' } : {}),
    description: 'What it counts.',
    exactness: 'exact',
    attributes,
  }),
);

const HOSTILE = 'a"} 1\nevil{x="\\ 2\0\x1bé😀';

const exporters: Exporter[] = [];
after(async () => {
  for (const exporter of exporters) await exporter.stop?.();
});

/** Serves one of each of the agent's own metrics, and foreign ones with hostile labels. Returns host:port. */
async function serve(config: Record<string, unknown>): Promise<string> {
  const scope = fakeScope('exporter', 'prometheus');
  const exporter = createPrometheusExporter(prometheusConfig.parse({ endpoint: '127.0.0.1:0', ...config }), scope, {
    pullable: false,
    collect: () => Promise.resolve('fresh'),
  });
  exporters.push(exporter);
  await exporter.start?.();
  await exporter.consume.metrics!(metricBatch([...ownMetrics(), ...foreignMetrics()]), new AbortController().signal);
  return /http:\/\/([^/]+)\/metrics/.exec(scope.lastHealth?.summary ?? '')![1]!;
}

function ownMetrics(): Metric[] {
  const interner = new SeriesInterner();
  return OWN.map((definition) => {
    const labels = Object.fromEntries(Object.keys(definition.attributes).map((key) => [key, HOSTILE]));
    const id = interner.intern(EMPTY_RESOURCE, EMPTY_SCOPE, attributeSet(labels));
    if (definition.kind === 'histogram') {
      const builder = new HistogramPointsBuilder([1024, 2048]);
      builder.add(id, [1, 2, 3], 9_000);
      return histogram(definition, interner.table, builder.take(1n, 0n), { temporality: 'cumulative' });
    }
    const builder = new NumberPointsBuilder({ integer: true });
    builder.add(id, 9007199254740991);
    const points = builder.take(1n, 0n);
    return definition.kind === 'gauge'
      ? gauge(definition, interner.table, points)
      : sum(definition, interner.table, points, {
          monotonic: definition.kind === 'counter',
          temporality: 'cumulative',
        });
  });
}

function foreignMetrics(): Metric[] {
  const interner = new SeriesInterner();
  const resource = createResource({ 'service.name': 'shop', 'service.instance.id': 'i-1', 'host.name': HOSTILE });
  const scope = createScope('lib', '1');
  const attributes: Attributes = { [HOSTILE]: HOSTILE, __name__: 'evil', 'a.b': '1', a_b: '2', job: 'other' };
  const builder = new NumberPointsBuilder({ integer: false });
  builder.add(interner.intern(resource, scope, attributeSet(attributes)), 0.25);
  const names = { name: `foreign.${HOSTILE}`, unit: 'By', description: HOSTILE };
  return [gauge(names, interner.table, builder.take(1n, 0n))];
}

async function page(address: string): Promise<string> {
  const [response] = await once(get(`http://${address}/metrics`), 'response');
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return text;
}

/** What promtool has to say about a page, sorted. */
function lint(text: string): string[] {
  const { stderr, status, error } = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
  assert.equal(error, undefined);
  assert.ok(status === 0 || status === 3, `promtool could not read the page: ${stderr}`);
  return stderr
    .split('\n')
    .filter((line) => line !== '')
    .sort();
}

describe('promtool', { skip: missing('promtool') }, () => {
  test('has nothing against our translated names', async () => {
    assert.deepEqual(lint(await page(await serve({ names: 'otel' }))), []);
  });

  test('objects to the seed names exactly where they break the rules', async () => {
    assert.deepEqual(lint(await page(await serve({}))), [
      'ebpf_context_switches counter metrics should have "_total" suffix',
      'ebpf_process_runtime_ns counter metrics should have "_total" suffix',
      'ebpf_process_runtime_ns metric names should not contain abbreviated units',
      'ebpf_runqueue_latency_ns metric names should not contain abbreviated units',
      'ebpf_syscall_count counter metrics should have "_total" suffix',
      'ebpf_syscall_count non-histogram and non-summary metrics should not have "_count" suffix',
      'ebpf_syscall_errors counter metrics should have "_total" suffix',
      'ebpf_syscall_latency_ns metric names should not contain abbreviated units',
    ]);
  });
});

describe('a real Prometheus', { skip: missing('prometheus') }, () => {
  test('scrapes the seed page, the translated page and the OpenMetrics page without a warning', async () => {
    const targets = [await serve({}), await serve({ names: 'otel' }), await serve({ enable_open_metrics: true })];
    const server = await PrometheusServer.start(targets);
    try {
      for (const instance of targets) {
        const only = async (selector: string): Promise<Sample> =>
          (await server.query(`{instance="${instance}",${selector}}`))[0]!;
        assert.equal((await only('__name__="up"')).value, '1');
        const own = await only('__name__=~"ebpf_syscall_count(_total)?"');
        assert.equal(own.value, '9007199254740991');
        assert.ok(Object.values(own.metric).includes(HOSTILE));
        const foreign = await only('__name__=~"foreign.+"');
        assert.equal(foreign.value, '0.25');
        assert.equal(foreign.metric['a_b'], '1;2');
        assert.equal(foreign.metric['key__name__'], 'evil');
        assert.equal((await only('__name__="target_info"')).metric['host_name'], HOSTILE);
      }
      assert.deepEqual(
        server.log.filter((line) => /level=(warn|error)/.test(line)),
        [],
      );
    } finally {
      await server.stop();
    }
  });
});
