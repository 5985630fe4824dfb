import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type MetricBatch, presentBatch } from 'bpflow/sdk';
import { metricsOf, type PointRow } from 'bpflow/testing';
import { config } from './config.ts';
import { FlowIntake } from './flow-intake.ts';
import { cart, flowMessage, frontend, type Message } from './test/messages.ts';

const EDGE = { client: 'shop/frontend', server: 'shop/cart', connection_type: 'http' };
const INGRESS = 1;
const EGRESS = 2;

let flows = 0;
const flow = (more: Message): Uint8Array =>
  flowMessage({
    uuid: `00000000-0000-4000-8000-${String(++flows).padStart(12, '0')}`,
    verdict: 1,
    Type: 2,
    event_type: { type: 129 },
    IP: { source: '10.0.0.1', destination: '10.0.0.2', ipVersion: 1 },
    ...more,
  });
const answer = (direction: number, latencyMs: number, code = 200, more: Message = {}): Uint8Array =>
  flow({
    traffic_direction: direction,
    source: cart,
    destination: frontend,
    l7: { type: 2, latency_ns: latencyMs * 1e6, http: { method: 'GET', url: '/', protocol: 'HTTP/1.1', code } },
    ...more,
  });
const syn = flow({
  Type: 1,
  event_type: { type: 4 },
  traffic_direction: INGRESS,
  is_reply: { value: false },
  source: frontend,
  destination: cart,
  l4: { TCP: { source_port: 40_000, destination_port: 80, flags: { SYN: true } } },
});

function batchOf(messages: readonly Uint8Array[], options: Message = {}): MetricBatch | undefined {
  const parsed = config.parse({ endpoint: 'a:1', exclude_namespaces: [], max_flows_per_second: 0, ...options });
  const intake = new FlowIntake({ config: parsed, version: '0' });
  for (const message of messages) intake.take(message);
  return intake.takeMetrics(2_000_000_000n, 1_000_000_000n);
}

function rowsOf(batch: MetricBatch | undefined): readonly PointRow[] {
  return batch === undefined ? [] : metricsOf(presentBatch(batch, 'seed'));
}

function edgeOf(rows: readonly PointRow[], name: string): PointRow | undefined {
  return rows.find((row) => row.name === `traces_service_graph_request_${name}`);
}

describe('the service graph', () => {
  test("has the latency of an edge as the server's node saw it, and as the client's did", () => {
    const unknown = answer(0, 1000);
    const none = answer(INGRESS, 0);
    const rows = rowsOf(batchOf([answer(INGRESS, 20), answer(INGRESS, 40), answer(EGRESS, 90), unknown, none]));
    const server = edgeOf(rows, 'server_seconds');
    const client = edgeOf(rows, 'client_seconds');
    assert.deepEqual([server?.attributes, server?.count, server?.sum], [EDGE, 2, 0.06]);
    assert.deepEqual([client?.attributes, client?.count, client?.sum], [EDGE, 1, 0.09]);
  });

  test('counts answers with an error of the server, and leads from a latency to its trace', () => {
    const trace = '0af7651916cd43dd8448eb211c80319c';
    const traced = answer(INGRESS, 7, 503, { trace_context: { parent: { trace_id: trace } } });
    const batch = batchOf([traced, answer(INGRESS, 7, 404)]);
    assert.equal(edgeOf(rowsOf(batch), 'failed_total')?.value, 1);
    const latency = batch?.metrics.find(({ name }) => name === 'hubble.service_graph.server.duration');
    assert.equal(Buffer.from(latency!.points.exemplars!.traceIds).toString('hex'), trace);
  });

  test("is there under Cilium's names, which have none of their own for it", () => {
    const rows = rowsOf(batchOf([syn, answer(INGRESS, 20, 500)], { names: 'hubble_upstream' }));
    const requests = rows.filter(({ name }) => name === 'traces_service_graph_request_total');
    assert.deepEqual(
      requests.map(({ attributes, value }) => [attributes, value]),
      [[{ ...EDGE, connection_type: 'tcp' }, 1]],
    );
    assert.equal(edgeOf(rows, 'failed_total')?.value, 1);
    assert.equal(edgeOf(rows, 'server_seconds')?.count, 1);
    const without = rowsOf(batchOf([syn, answer(INGRESS, 20)], { names: 'hubble_upstream', collect_services: false }));
    assert.ok(without.length > 0);
    assert.ok(!without.some(({ name }) => name.startsWith('traces_')));
  });

  test('knows 40,000 names of the outside world in turn: none is lost, and none stays', () => {
    const parsed = config.parse({
      endpoint: 'a:1',
      exclude_namespaces: [],
      max_flows_per_second: 0,
      idle_timeout: '20s',
      context: { labels: [], destination: ['dns'] },
    });
    const intake = new FlowIntake({ config: parsed, version: '0' });
    const [windows, names] = [40, 1000];
    const servers = new Set<unknown>();
    const destinations = new Set<unknown>();
    for (let window = 0; window < windows; window++) {
      for (let i = 0; i < names; i++) {
        const host = `host-${window}-${i}.example.com`;
        const request = { method: 'GET', url: '/', protocol: 'HTTP/1.1' };
        const world = { identity: 2, labels: ['reserved:world'] };
        intake.take(
          flow({
            traffic_direction: EGRESS,
            source: frontend,
            destination: world,
            destination_names: [host],
            l7: { type: 1, http: request },
          }),
        );
      }
      for (const { name, attributes } of rowsOf(intake.takeMetrics(2n, 1n))) {
        if (name === 'traces_service_graph_request_total') servers.add(attributes['server']);
        else if (name === 'hubble_flows_total') destinations.add(attributes['destination']);
      }
    }
    assert.deepEqual([servers.size, destinations.size], [windows * names, windows * names]);
    assert.deepEqual([intake.services.refused, intake.reader.names.refused, intake.contexts.refused], [0, 0, 0]);
    assert.ok(intake.services.size < 6 * names, `${intake.services.size} services`);
  });
});
