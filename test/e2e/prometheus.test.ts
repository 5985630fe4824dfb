import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import {
  type Attributes,
  AuthError,
  attributeSet,
  createResource,
  createScope,
  defineMetric,
  EMPTY_RESOURCE,
  EMPTY_SCOPE,
  ExponentialHistogramPointsBuilder,
  type Exporter,
  exponentialHistogram,
  gauge,
  HistogramPointsBuilder,
  histogram,
  type Metric,
  metricBatch,
  NumberPointsBuilder,
  SERVER_AUTH,
  SeriesInterner,
  type ServerAuth,
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

/** When a value was measured that Prometheus still shows. */
const RECENT_MS = Date.now() - 2000;

/** Lets in who shows `scraper:secret`. */
const SCRAPER: ServerAuth = {
  authenticate({ authorization }) {
    if (authorization !== `Basic ${Buffer.from('scraper:secret').toString('base64')}`)
      throw new AuthError('Who are you?');
  },
};

const certificate = (name: string): string => join(import.meta.dirname, `../../sdk/transport/testdata/tls/${name}.pem`);

const exporters: Exporter[] = [];
after(async () => {
  for (const exporter of exporters) await exporter.stop?.();
});

/** Serves one of each of the agent's own metrics, and foreign ones with hostile labels. Returns host:port. */
async function serve(
  config: Record<string, unknown>,
  metrics: readonly Metric[] = [...ownMetrics(), ...foreignMetrics()],
): Promise<string> {
  const scope = fakeScope('exporter', 'prometheus', { extensions: [[SERVER_AUTH, 'basic_auth/scraper', SCRAPER]] });
  const exporter = createPrometheusExporter(prometheusConfig.parse({ endpoint: '127.0.0.1:0', ...config }), scope, {
    pullable: false,
    collect: () => Promise.resolve('fresh'),
  });
  exporters.push(exporter);
  await exporter.start?.();
  await exporter.consume.metrics!(metricBatch(metrics), new AbortController().signal);
  return /https?:\/\/([^/]+)\/metrics/.exec(scope.lastHealth?.summary ?? '')![1]!;
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

  test('scrapes native histograms, with their buckets, over protobuf', async () => {
    const target = await serve({}, [...foreignMetrics(), exponential(), ...ownMetrics()]);
    const server = await PrometheusServer.start([target], { features: ['native-histograms', 'exemplar-storage'] });
    try {
      const value = async (expression: string): Promise<number> => Number((await server.query(expression))[0]!.value);
      assert.equal(await value('histogram_count(foreign_exponential)'), 21);
      assert.equal(await value('histogram_sum(foreign_exponential)'), 30.5);
      assert.equal(await value('histogram_fraction(-Inf, 0, foreign_exponential) * 21'), 9 + 2);
      // (1, 2] holds 5 of those above zero, (4, 8] 3.
      assert.ok(Math.abs((await value('histogram_fraction(1, 2, foreign_exponential) * 21')) - 5) < 1e-9);
      assert.ok(Math.abs((await value('histogram_fraction(4, 8, foreign_exponential) * 21')) - 3) < 1e-9);
      assert.equal(await value('ebpf_syscall_latency_ns_bucket{le="+Inf"}'), 6);
      assert.equal(await value('ebpf_syscall_latency_ns_bucket{le="2048.0"}'), 3);
      assert.equal(await value('ebpf_syscall_count'), 9007199254740991);
      assert.equal(Object.values((await server.query('ebpf_syscall_count'))[0]!.metric).includes(HOSTILE), true);
      assert.deepEqual(
        server.log.filter((line) => /level=(warn|error)/.test(line)),
        [],
      );
    } finally {
      await server.stop();
    }
  });

  test('scrapes over TLS with a client certificate and a password, with timestamps', async () => {
    const target = await serve(
      {
        send_timestamps: true,
        auth: { authenticator: 'basic_auth/scraper' },
        tls: {
          cert_file: certificate('server'),
          key_file: certificate('server-key'),
          client_ca_file: certificate('ca'),
        },
      },
      [recent()],
    );
    const server = await PrometheusServer.start([target], {
      job: {
        scheme: 'https',
        basic_auth: { username: 'scraper', password: 'secret' },
        tls_config: {
          ca_file: certificate('ca'),
          cert_file: certificate('client'),
          key_file: certificate('client-key'),
          server_name: 'localhost',
        },
      },
    });
    try {
      const [sample] = await server.query('timestamp(recent)');
      assert.equal(Number(sample!.value), RECENT_MS / 1000);
    } finally {
      await server.stop();
    }
  });
});

/** Buckets: (1, 2] 5, (4, 8] 3, (-4, -2] 9, and 4 that are about zero. */
function exponential(): Metric {
  const interner = new SeriesInterner();
  const builder = new ExponentialHistogramPointsBuilder();
  const id = interner.intern(EMPTY_RESOURCE, EMPTY_SCOPE, attributeSet({ a: 'b' }));
  builder.add(id, {
    scale: 0,
    zeroCount: 4,
    zeroThreshold: 0.001,
    positive: { offset: 0, counts: [5, 0, 3] },
    negative: { offset: 1, counts: [9] },
    sum: 30.5,
  });
  const names = { name: 'foreign.exponential', unit: '', description: 'Text.' };
  return exponentialHistogram(names, interner.table, builder.take(1n, 0n), { temporality: 'cumulative' });
}

function recent(): Metric {
  const interner = new SeriesInterner();
  const builder = new NumberPointsBuilder({ integer: true });
  builder.add(interner.intern(EMPTY_RESOURCE, EMPTY_SCOPE, attributeSet({})), 1);
  const names = { name: 'recent', unit: '', description: 'Text.' };
  return gauge(names, interner.table, builder.take(BigInt(RECENT_MS) * 1_000_000n, 0n));
}
