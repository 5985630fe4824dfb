import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { type Agent, bpflow, otelcol, start } from './agents.ts';
import { freeAddresses, temporaryFolder } from './program.ts';
import { isFull, missing } from './programs.ts';
import { telemetryMetrics } from './relay-configuration.ts';
import { logsRequest, spansRequest } from './sampled-items.ts';

const skip = missing('otelcol');
const folder = temporaryFolder();
after(() => folder[Symbol.dispose]());

const ITEMS = isFull ? 20_000 : 1000;

/** Configurations of `probabilistic_sampler`, which decide on items whose sampling information is right, wrong and missing. */
const samplers: Readonly<Record<string, object>> = {
  proportional: { mode: 'proportional', sampling_percentage: 37.5 },
  'proportional, fail open': { mode: 'proportional', sampling_percentage: 10, fail_closed: false },
  'proportional, 14 digits': { mode: 'proportional', sampling_percentage: 33.3, sampling_precision: 14 },
  'proportional, 1 digit': { mode: 'proportional', sampling_percentage: 99.9, sampling_precision: 1 },
  'proportional, a small share': { sampling_percentage: 0.01, sampling_precision: 3 },
  equalizing: { mode: 'equalizing', sampling_percentage: 25 },
  'equalizing, fail open': { mode: 'equalizing', sampling_percentage: 70.1, fail_closed: false },
  'hash_seed, from the trace id': { hash_seed: 22, sampling_percentage: 40 },
  'hash_seed, fail open': { mode: 'hash_seed', sampling_percentage: 40, fail_closed: false },
  'hash_seed, from an attribute': {
    attribute_source: 'record',
    from_attribute: 'request.id',
    hash_seed: 4_000_000_000,
    sampling_percentage: 50,
  },
  'hash_seed, trace id or attribute': {
    mode: 'hash_seed',
    from_attribute: 'request.id',
    sampling_percentage: 50,
    fail_closed: false,
  },
  'hash_seed, rounded to nothing': { hash_seed: 1, sampling_percentage: 0.001 },
  'priority of log records': { sampling_percentage: 5, sampling_priority: 'priority' },
  'priority of log records, fail open': { sampling_percentage: 5, sampling_priority: 'priority', fail_closed: false },
  nothing: { sampling_percentage: 0 },
  'nothing, fail open': { sampling_percentage: 0, fail_closed: false },
  everything: { sampling_percentage: 100 },
  'more than everything': { sampling_percentage: 250, fail_closed: false },
};

describe('probabilistic_sampler decides and writes what the one of the Collector does', { skip }, () => {
  for (const [name, sampler] of Object.entries(samplers)) {
    test(name, async () => {
      const [expected, got] = [await kept(otelcol, sampler), await kept(bpflow, sampler)];
      assert.deepEqual(got, expected);
    });
  }
});

/** Every kept item, as the `file` exporter writes it. */
async function kept(agent: Agent, sampler: object): Promise<readonly string[]> {
  const path = join(folder.path, `${agent.name}.json`);
  rmSync(path, { force: true });
  const [listen] = (await freeAddresses(1)) as [string];
  const pipeline = { receivers: ['otlp'], processors: ['probabilistic_sampler'], exporters: ['file'] };
  await using running = await start(agent, {
    receivers: { otlp: { protocols: { http: { endpoint: listen } } } },
    processors: { probabilistic_sampler: sampler },
    exporters: { file: { path } },
    service: { telemetry: { metrics: telemetryMetrics(undefined) }, pipelines: { logs: pipeline, traces: pipeline } },
  });
  for (const [signal, request] of [
    ['traces', spansRequest(ITEMS)],
    ['logs', logsRequest(ITEMS)],
  ] as const) {
    const response = await fetch(`http://${listen}/v1/${signal}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request),
    });
    assert.equal(response.status, 200, await response.text());
  }
  await running.stop();
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8').split('\n').filter(Boolean).toSorted().flatMap(itemsOf);
}

function itemsOf(line: string): string[] {
  const { resourceSpans = [], resourceLogs = [] } = JSON.parse(line);
  return [
    ...resourceSpans.flatMap((r: { scopeSpans: { spans: unknown[] }[] }) => r.scopeSpans.flatMap((s) => s.spans)),
    ...resourceLogs.flatMap((r: { scopeLogs: { logRecords: unknown[] }[] }) =>
      r.scopeLogs.flatMap((s) => s.logRecords),
    ),
  ].map(({ attributes = [], ...item }) => JSON.stringify({ ...item, attributes: attributes.toSorted(byKey) }));
}

/** Taking an attribute away changes the order of the others in the Collector, which says nothing. */
function byKey(a: { readonly key: string }, b: { readonly key: string }): number {
  return a.key < b.key ? -1 : 1;
}
