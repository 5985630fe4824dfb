import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import limiter from '../../processors/cardinality-limit/index.ts';
import type { ComponentSpec, Outlets } from '../../sdk/component.ts';
import { defineExporter, defineReceiver } from '../../sdk/define.ts';
import {
  attributeSet,
  createResource,
  createScope,
  type MetricBatch,
  metricBatch,
  NumberPointsBuilder,
  SeriesInterner,
  sum,
} from '../../sdk/index.ts';
import { componentId } from '../component-id.ts';
import { BUILT_IN } from '../errors.ts';
import type { GraphPlan, PlannedComponent } from '../graph/plan.ts';
import { halved } from './estimate/halved.ts';
import { estimateText } from './estimate/text.ts';
import { estimatePlan } from './estimate.ts';

const CONFIG = { max_series: 20, limits: [{ metric: 'http.*', attributes: { 'url.path': 4 } }] };

test('what comes, what the budgets let out and what half of them would are counted, and nothing is exported', async () => {
  const exported: MetricBatch[] = [];
  const [estimate, ...others] = await estimatePlan(planOf(exported, [limiterOf(CONFIG)]), {
    logs: { level: 'error', encoding: 'console' },
    until: Promise.resolve(),
  });
  assert.deepEqual(others, []);
  assert.deepEqual(exported, []);
  assert.deepEqual(estimate, {
    pipeline: 'metrics',
    processor: 'cardinality_limit',
    points: 200,
    series: { before: 100, now: 6, half: 4 },
    metrics: [
      {
        metric: 'http.requests',
        points: 200,
        series: { before: 100, now: 6, half: 4 },
        attributes: [
          { attribute: 'url.path', values: { before: 100, now: 5, half: 3 }, folded: { now: 192, half: 196 } },
          { attribute: 'method', values: { before: 2, now: 2, half: 2 }, folded: { now: 0, half: 0 } },
        ],
      },
    ],
  });
  assert.equal(
    estimateText([estimate!], 60_000),
    [
      'Pipeline metrics: 200 points in 1m.',
      'What comes to cardinality_limit, what it lets out now, and what it would with half of each budget.',
      '               series  now  half  folded now    half',
      'http.requests     100    6     4',
      '  url.path        100    5     3      96.0 %  98.0 %',
      '  method            2    2     2',
      'total             100    6     4',
      '',
    ].join('\n'),
  );
});

test('a pipeline without limits is counted at its end', async () => {
  const [estimate] = await estimatePlan(planOf([], []), {
    logs: { level: 'error', encoding: 'console' },
    until: Promise.resolve(),
  });
  assert.equal(estimate!.processor, null);
  assert.deepEqual(estimate!.series, { before: 100, now: 100, half: 100 });
});

test('half of a budget is at least one, and nothing else changes', () => {
  const config = limiter.config.parse({
    max_series: 1,
    max_total_series: 501,
    idle_timeout: '10m',
    limits: [
      { metric: 'a', max_series: 9, attributes: { a: 7, b: 'drop', c: { max_values: 5, buckets: [10, 20] }, d: 0 } },
    ],
    logs: { attributes: { e: 3 } },
  });
  assert.deepEqual(halved(config), {
    ...config,
    max_total_series: 250,
    limits: [
      { metric: 'a', max_series: 4, attributes: { a: 3, b: 'drop', c: { max_values: 2, buckets: [10, 20] }, d: 0 } },
    ],
    logs: { attributes: { e: 1 } },
  });
});

/** A receiver that sends 100 paths twice when it is first asked, the processors, and an exporter that nothing should reach. */
function planOf(exported: MetricBatch[], processors: readonly PlannedComponent[]): GraphPlan {
  const receiver = defineReceiver({
    type: 'requests',
    stability: 'development',
    description: 'Sends requests.',
    config: z.strictObject({}),
    produces: ['metrics'],
    create(_, _scope, next: Outlets<'metrics'>) {
      let sent = false;
      return {
        async collect(abort) {
          if (sent) return;
          sent = true;
          await next.metrics!.consume(requests(), abort);
        },
      };
    },
  });
  const exporter = defineExporter({
    type: 'out',
    stability: 'development',
    description: 'Keeps what comes.',
    config: z.strictObject({}),
    consumes: ['metrics'],
    create: () => ({ consume: { metrics: (batch) => void exported.push(batch) } }),
  });
  return {
    extensions: [],
    pipelines: [
      {
        id: 'metrics',
        signal: 'metrics',
        receivers: [planned(receiver, {})],
        processors,
        exporters: [planned(exporter, {})],
      },
    ],
  };
}

function limiterOf(config: unknown): PlannedComponent {
  return planned(limiter, limiter.config.parse(config));
}

function planned(spec: unknown, config: unknown): PlannedComponent {
  const { kind, type } = spec as ComponentSpec;
  return { id: componentId(kind, type), entry: { spec: spec as ComponentSpec, plugin: BUILT_IN }, config };
}

function requests(): MetricBatch {
  const interner = new SeriesInterner();
  const builder = new NumberPointsBuilder({ integer: true });
  for (let i = 0; i < 200; i++) {
    const attributes = attributeSet({ method: i % 2 === 0 ? 'GET' : 'POST', 'url.path': `/item/${i % 100}` });
    builder.add(interner.intern(createResource({}), createScope('test'), attributes), 1);
  }
  const time = 1_700_000_000_000_000_000n;
  return metricBatch([
    sum({ name: 'http.requests', unit: '1', description: '' }, interner.table, builder.take(time, time - 1n), {
      monotonic: true,
      temporality: 'delta',
    }),
  ]);
}
