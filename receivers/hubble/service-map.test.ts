import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  attributeSet,
  createScope,
  EMPTY_RESOURCE,
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

describe('the service map', () => {
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
