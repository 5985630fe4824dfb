import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  attributeSet,
  createScope,
  EMPTY_RESOURCE,
  HistogramPointsBuilder,
  histogram,
  type MetricBatch,
  metricBatch,
  NO_RECORDED_VALUE,
  NumberPointsBuilder,
  SeriesInterner,
  sum,
} from 'bpflow/sdk';
import { definitions } from './definitions.ts';
import { ServiceMap } from './service-map.ts';

const own = definitions({ context: {}, sampleRate: 1 });
const interner = new SeriesInterner();
const scope = createScope('test', '0');

type Row = readonly [client: string, server: string, count: number, flags?: number];

function batchOf(requests: readonly Row[], failed: readonly Row[] = []): MetricBatch {
  const metric = (definition: typeof own.flows, rows: readonly Row[]) => {
    const builder = new NumberPointsBuilder({ integer: true });
    for (const [client, server, count, flags] of rows) {
      const attributes = attributeSet({ client, server, connection_type: 'http' });
      builder.add(interner.intern(EMPTY_RESOURCE, scope, attributes), count, undefined, undefined, flags);
    }
    return sum(definition, interner.table, builder.take(2n, 1n), { monotonic: true, temporality: 'delta' });
  };
  const other = metric(own.flows, [['x', 'y', 1_000_000]]);
  return metricBatch([other, metric(own.serviceGraphRequests, requests), metric(own.serviceGraphFailed, failed)]);
}

function latenciesOf(...ms: readonly number[]): MetricBatch {
  const builder = new HistogramPointsBuilder([10e6, 100e6]);
  const attributes = attributeSet({ client: 'a', server: 'b', connection_type: 'http' });
  const id = interner.intern(EMPTY_RESOURCE, scope, attributes);
  const counts = [0, 0, 0];
  for (const each of ms) counts[each <= 10 ? 0 : each <= 100 ? 1 : 2]!++;
  builder.add(
    id,
    Float64Array.from(counts),
    ms.reduce((sum, each) => sum + each * 1e6, 0),
  );
  const { serviceGraphServer } = own;
  return metricBatch([histogram(serviceGraphServer, interner.table, builder.take(2n, 1n), { temporality: 'delta' })]);
}

describe('the service map', () => {
  test('has the latencies of an edge of the last minute or two', () => {
    const map = new ServiceMap({ startMs: 0, maxEdges: 10, idleMs: 600_000 });
    map.add(latenciesOf(4, 60, 200), 10_000);
    map.add(latenciesOf(60), 20_000);
    assert.deepEqual(map.view.edges[0]!.latency, {
      seenBy: 'server',
      answers: 4,
      seconds: 0.324,
      buckets: [
        { above: 0, upTo: 0.01, answers: 1 },
        { above: 0.01, upTo: 0.1, answers: 2 },
        { above: 0.1, answers: 1 },
      ],
    });
    for (let ms = 30_000; ms <= 140_000; ms += 10_000) map.add(undefined, ms);
    map.add(latenciesOf(5), 150_000);
    assert.equal(map.view.edges[0]!.latency?.answers, 1);
    for (let ms = 160_000; ms <= 300_000; ms += 10_000) map.add(undefined, ms);
    assert.equal(map.view.edges[0]!.latency, undefined);
  });

  test('adds up edges, with the rate of the last minute', () => {
    const map = new ServiceMap({ startMs: 1000, maxEdges: 10, idleMs: 300_000 });
    for (let second = 1; second <= 120; second++) {
      const isLate = second > 60;
      map.add(batchOf([['a', 'b', isLate ? 30 : 10]], isLate ? [['a', 'b', 3]] : []), 1000 + second * 1000);
    }
    const { seconds, edges, overflow } = map.view;
    assert.equal(overflow, 0);
    assert.equal(edges.length, 1);
    const [edge] = edges;
    assert.equal(edge!.requests, 60 * 10 + 60 * 30);
    assert.equal(edge!.failed, 180);
    assert.ok(seconds >= 60 && seconds <= 70, String(seconds));
    const early = seconds - 60;
    assert.equal(edge!.requestsPerSecond, (60 * 30 + early * 10) / seconds);
    assert.equal(edge!.failedPerSecond, 180 / seconds);
  });

  test('a rate is right from the first batch on, and ends at nothing when nothing comes', () => {
    const map = new ServiceMap({ startMs: 0, maxEdges: 10, idleMs: 300_000 });
    map.add(batchOf([['a', 'b', 50]]), 5000);
    assert.equal(map.view.edges[0]!.requestsPerSecond, 10);
    for (let ms = 15_000; ms <= 115_000; ms += 10_000) map.add(undefined, ms);
    assert.equal(map.view.edges[0]!.requestsPerSecond, 0);
    assert.equal(map.view.edges[0]!.requests, 50);
  });

  test('the end of a series is no request, and an idle edge is forgotten', () => {
    const map = new ServiceMap({ startMs: 0, maxEdges: 10, idleMs: 30_000 });
    map.add(batchOf([['a', 'b', 1]]), 10_000);
    map.add(batchOf([['a', 'b', 7, NO_RECORDED_VALUE]]), 20_000);
    assert.equal(map.view.edges[0]!.requests, 1);
    for (let ms = 30_000; ms <= 60_000; ms += 10_000) map.add(batchOf([['c', 'd', 1]]), ms);
    assert.deepEqual(
      map.view.edges.map(({ client, server, requests }) => [client, server, requests]),
      [['c', 'd', 4]],
    );
  });

  test('is bounded: what finds no room is counted', () => {
    const map = new ServiceMap({ startMs: 0, maxEdges: 2, idleMs: 300_000 });
    const rows = Array.from({ length: 5 }, (_, i): Row => ['a', `b${i}`, 2]);
    map.add(batchOf(rows, rows), 1000);
    assert.equal(map.view.edges.length, 2);
    assert.equal(map.view.overflow, 6);
  });
});
