import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { type Agent, bpflow, otelcol, start } from './agents.ts';
import { type Signal, sendEverything, signals } from './everything.ts';
import { freeAddresses, temporaryFolder } from './program.ts';
import { missing } from './programs.ts';
import { telemetryMetrics } from './relay-configuration.ts';

const skip = missing('otelcol');
const folder = temporaryFolder();
after(() => folder[Symbol.dispose]());

/** What each processor makes of every field that OTLP has. */
const processors: Readonly<Record<string, { readonly of?: readonly Signal[]; readonly processor: object }>> = {
  'none: the file alone': { processor: {} },
  'attributes: every action': {
    processor: {
      attributes: {
        actions: [
          { key: 's', action: 'hash' },
          { key: 'int', action: 'hash' },
          { key: 'double', action: 'hash' },
          { key: 'yes', action: 'hash' },
          { key: 'max', action: 'convert', converted_type: 'string' },
          { key: 'series', action: 'convert', converted_type: 'int' },
          { key: 'double', action: 'convert', converted_type: 'int' },
          { key: 'yes', action: 'convert', converted_type: 'double' },
          { key: 'list', action: 'delete' },
          // Not `novalue`: series that become equal, of which one ends, are a difference by intent (docs/collector.md).
          { pattern: '^no(bytes)?$', action: 'delete' },
          { key: 'copy', from_attribute: 'map', action: 'insert' },
          { key: 'zero', from_attribute: 'bytes', action: 'update' },
          { key: 'int', value: 5, action: 'insert' },
          { key: 'new', value: 2.5, action: 'upsert' },
          { key: 'flag', value: true, action: 'upsert' },
          { key: 'text', value: 'ab-cd', action: 'upsert' },
          { key: 'text', pattern: '^(?P<left>.*)-(?P<right>.*)$', action: 'extract' },
          { key: 'absent', value: 'x', action: 'update' },
        ],
      },
    },
  },
  'attributes: of some metrics': {
    of: ['metrics'],
    processor: {
      attributes: {
        include: { match_type: 'regexp', metric_names: ['^gauge', 'hist'] },
        exclude: { match_type: 'strict', metric_names: ['gauge.double'] },
        actions: [{ key: 'mark', value: 'here', action: 'insert' }],
      },
    },
  },
  'attributes: of some spans': {
    of: ['traces'],
    processor: {
      attributes: {
        include: { match_type: 'regexp', span_names: ['GET', 'bare'], services: ['ri.*'] },
        actions: [{ key: 'mark', value: 'here', action: 'insert' }],
      },
    },
  },
  'attributes: of some logs': {
    of: ['logs'],
    processor: {
      attributes: {
        include: { match_type: 'strict', log_bodies: ['hello'], log_severity_texts: ['INFO'] },
        actions: [{ key: 'mark', value: 'here', action: 'insert' }],
      },
    },
  },
  resource: {
    processor: {
      resource: {
        attributes: [
          { key: 'service.name', value: 'other', action: 'update' },
          { key: 'site', value: 'a', action: 'insert' },
          { key: 'map', action: 'delete' },
          { key: 'from', from_attribute: 's', action: 'upsert' },
        ],
      },
    },
  },
  'filter: metrics by name': {
    of: ['metrics'],
    processor: {
      filter: { metrics: { include: { match_type: 'strict', metric_names: ['sum.delta', 'exp', 'no.data'] } } },
    },
  },
  'filter: metrics not by pattern': {
    of: ['metrics'],
    processor: { filter: { metrics: { exclude: { match_type: 'regexp', metric_names: ['^sum', 'g$'] } } } },
  },
  'filter: metrics by resource': {
    of: ['metrics'],
    processor: {
      filter: {
        metrics: { exclude: { match_type: 'strict', resource_attributes: [{ key: 'service.name', value: 'rich' }] } },
      },
    },
  },
  'filter: logs by severity': {
    of: ['logs'],
    processor: { filter: { logs: { include: { match_type: 'strict', severity_number: { min: 'WARN' } } } } },
  },
  'filter: logs by body': {
    of: ['logs'],
    processor: { filter: { logs: { exclude: { match_type: 'regexp', bodies: ['hel+o', 'without'] } } } },
  },
  'filter: logs by attribute': {
    of: ['logs'],
    processor: {
      filter: { logs: { include: { match_type: 'strict', record_attributes: [{ key: 'series', value: '1' }] } } },
    },
  },
  'filter: spans by name': {
    of: ['traces'],
    processor: { filter: { spans: { include: { match_type: 'regexp', span_names: ['^GET', 'scope$'] } } } },
  },
  'filter: spans by service': {
    of: ['traces'],
    processor: { filter: { spans: { exclude: { match_type: 'strict', services: ['rich'] } } } },
  },
};

describe('a processor does what the one of the same name does in the Collector', { skip }, () => {
  for (const [name, { of = signals, processor }] of Object.entries(processors)) {
    test(name, async () => {
      const [expected, got] = [await lines(otelcol, processor, of), await lines(bpflow, processor, of)];
      assert.ok(expected.length <= of.length);
      assert.deepEqual(got, expected);
    });
  }
});

test('batch with metadata_keys keeps senders apart as in the Collector', { skip }, async () => {
  const [expected, got] = [await batchesByTenant(otelcol), await batchesByTenant(bpflow)];
  assert.deepEqual(got, expected);
  assert.deepEqual(got, [['to-a', 'to-a again'], ['to-b'], ['to-nobody']]);
});

/** The bodies in each line that the `file` exporter writes of requests with and without a header. */
async function batchesByTenant(agent: Agent): Promise<readonly (readonly string[])[]> {
  const path = join(folder.path, `${agent.name}-tenants.json`);
  const [listen] = (await freeAddresses(1)) as [string];
  await using running = await start(agent, {
    receivers: { otlp: { protocols: { http: { endpoint: listen, include_metadata: true } } } },
    processors: {
      attributes: { actions: [{ key: 'new', value: 'x', action: 'insert' }] },
      batch: { metadata_keys: ['X-Tenant'], timeout: '1h' },
    },
    exporters: { file: { path } },
    service: {
      telemetry: { metrics: telemetryMetrics(undefined) },
      pipelines: { logs: { receivers: ['otlp'], processors: ['attributes', 'batch'], exporters: ['file'] } },
    },
  });
  for (const [body, tenant] of [['to-a', 'a'], ['to-b', 'b'], ['to-nobody'], ['to-a again', 'a']] as const) {
    const request = { resourceLogs: [{ scopeLogs: [{ logRecords: [{ body: { stringValue: body } }] }] }] };
    const response = await fetch(`http://${listen}/v1/logs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(tenant === undefined ? {} : { 'x-tenant': tenant }) },
      body: JSON.stringify(request),
    });
    assert.equal(response.status, 200);
  }
  await running.stop();
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  return lines
    .map((line) => [...line.matchAll(/"body":\{"stringValue":"([^"]*)"/g)].map(([, body]) => body!))
    .toSorted((a, b) => (a[0]! < b[0]! ? -1 : 1));
}

/** The lines of the `file` exporter, by signal, as far as they mean something. */
async function lines(agent: Agent, processor: object, of: readonly Signal[]): Promise<readonly unknown[]> {
  const path = join(folder.path, `${agent.name}.json`);
  const [listen] = (await freeAddresses(1)) as [string];
  const pipeline = { receivers: ['otlp'], processors: Object.keys(processor), exporters: ['file'] };
  await using running = await start(agent, {
    receivers: { otlp: { protocols: { http: { endpoint: listen } } } },
    processors: processor,
    exporters: { file: { path } },
    service: {
      telemetry: { metrics: telemetryMetrics(undefined) },
      pipelines: Object.fromEntries(of.map((signal) => [signal, pipeline])),
    },
  });
  await sendEverything(listen, of);
  await running.stop();
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter(Boolean)
    .toSorted()
    .map((line) => meaning(JSON.parse(line)));
}

/**
 * What is left out says nothing. Attributes are a map: their order is the order in which the Collector's actions ran, ours is that
 * of their keys. A metric without points, and a resource or scope without items, hold no telemetry: as soon as something is
 * changed, our columns have no row for them, while the Collector carries their names along.
 */
function meaning(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(meaning);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      if (!Array.isArray(inner)) return [key, meaning(inner)];
      if (key === 'attributes') return [key, inner.map(meaning).toSorted(byKey)];
      return [key, inner.filter((item) => !containers.has(key) || holdsItems(item)).map(meaning)];
    }),
  );
}

const containers = new Set([
  'resourceMetrics',
  'scopeMetrics',
  'metrics',
  'resourceLogs',
  'scopeLogs',
  'resourceSpans',
  'scopeSpans',
]);

/** Whether data points, log records or spans are in it. */
function holdsItems(value: unknown): boolean {
  return /"(dataPoints|logRecords|spans)":\[\{/.test(JSON.stringify(value));
}

function byKey(a: unknown, b: unknown): number {
  const [left, right] = [a, b].map((attribute) => (attribute as { readonly key?: string }).key ?? '');
  return left! < right! ? -1 : Number(left! > right!);
}
