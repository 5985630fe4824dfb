import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { presentBatch } from 'bpflow/sdk';
import { metricsOf, type PointRow } from 'bpflow/testing';
import { config } from './config.ts';
import { encodeFlowFilter } from './filters.ts';
import { FlowIntake } from './flow-intake.ts';
import { Namespaces } from './namespaces.ts';
import { encodeFlowsRequest } from './requests.ts';
import { cart, decode, encode, flowMessage, frontend, type Message, payments } from './test/messages.ts';

function intakeOf(options: Message = {}): FlowIntake {
  return new FlowIntake({
    config: config.parse({ endpoint: 'a:1', exclude_namespaces: [], max_flows_per_second: 0, ...options }),
    version: '0',
  });
}

function rowsOf(intake: FlowIntake): readonly PointRow[] {
  const batch = intake.takeMetrics(2_000_000_000n, 1_000_000_000n);
  return batch === undefined ? [] : metricsOf(presentBatch(batch, 'seed'));
}

function total(rows: readonly PointRow[], name: string): number {
  return rows.reduce((sum, row) => (row.name === name ? sum + Number(row.value ?? row.count) : sum), 0);
}

let nextId = 0;
const flow = (more: Message = {}): Uint8Array =>
  flowMessage({
    uuid: `00000000-0000-4000-8000-${String(++nextId).padStart(12, '0')}`,
    verdict: 1,
    Type: 1,
    event_type: { type: 4 },
    traffic_direction: 1,
    is_reply: { value: false },
    source: frontend,
    destination: cart,
    IP: { source: '10.0.0.1', destination: '10.0.0.2', ipVersion: 1 },
    l4: { TCP: { source_port: 40_000, destination_port: 8080, flags: { ACK: true } } },
    ...more,
  });
const tcp = (flags: Message, seconds: number, more: Message = {}): Uint8Array =>
  flow({ time: { seconds }, l4: { TCP: { source_port: 40_000, destination_port: 8080, flags } }, ...more });
const reply = (flags: Message, seconds: number): Uint8Array =>
  flow({
    time: { seconds },
    is_reply: { value: true },
    source: cart,
    destination: frontend,
    IP: { source: '10.0.0.2', destination: '10.0.0.1' },
    l4: { TCP: { source_port: 8080, destination_port: 40_000, flags } },
  });

describe('TCP connections', () => {
  test('begin with the first SYN, wherever it is traced again, and end with the second FIN', () => {
    const intake = intakeOf();
    for (const message of [
      tcp({ SYN: true }, 100),
      tcp({ SYN: true }, 100),
      reply({ SYN: true, ACK: true }, 101),
      tcp({ FIN: true, ACK: true }, 109),
      tcp({ FIN: true, ACK: true }, 109),
      reply({ FIN: true, ACK: true }, 110),
      reply({ FIN: true, ACK: true }, 111),
      tcp({ RST: true }, 112),
    ]) {
      intake.take(message);
    }
    const rows = rowsOf(intake);
    assert.equal(total(rows, 'hubble_tcp_connections_total'), 1);
    const [duration] = rows.filter(({ name }) => name === 'hubble_tcp_connection_duration_seconds');
    assert.deepEqual([duration?.count, duration?.sum], [1, 10]);
    assert.deepEqual(duration?.attributes, {
      source_namespace: 'shop',
      source_workload: 'frontend',
      destination_namespace: 'shop',
      destination_workload: 'cart',
      reporter: 'server',
    });
  });

  test('without a begin have no duration; dropped SYNs and those of unknown direction are none', () => {
    const intake = intakeOf();
    intake.take(tcp({ FIN: true }, 100));
    intake.take(reply({ RST: true }, 101));
    intake.take(tcp({ SYN: true }, 102, { verdict: 2, event_type: { type: 1 }, drop_reason_desc: 133 }));
    intake.take(tcp({ SYN: true }, 103, { is_reply: undefined }));
    const rows = rowsOf(intake);
    assert.equal(total(rows, 'hubble_tcp_connections_total'), 0);
    assert.equal(total(rows, 'hubble_tcp_connection_duration_seconds'), 0);
    assert.equal(total(rows, 'hubble_drop_total'), 1);
  });

  test('beyond the limit make room, and those that are silent are given up; both are counted', () => {
    const intake = intakeOf({ max_connections: 64, connection_timeout: '1m' });
    for (let port = 1; port <= 200; port++) {
      intake.take(flow({ l4: { TCP: { source_port: port, destination_port: 80, flags: { SYN: true } } } }));
    }
    const connections = intake.metrics.connections!;
    assert.ok(connections.size <= 64);
    assert.equal(connections.evicted + connections.size, 200);
    intake.tick(61_000);
    assert.equal(total(rowsOf(intake), 'hubble_tcp_connections_total'), 200);
    assert.equal(connections.size, 0);
    assert.equal(connections.evicted + connections.expired, 200);
  });
});

describe('series', () => {
  test('an answer has the source and destination of its request', () => {
    const intake = intakeOf();
    const http = { method: 'GET', url: 'http://cart/', protocol: 'HTTP/1.1' };
    const l7 = { Type: 2, event_type: { type: 129 } };
    intake.take(flow({ ...l7, l7: { type: 1, http } }));
    intake.take(
      flow({
        ...l7,
        source: cart,
        destination: frontend,
        l7: { type: 2, latency_ns: 7_000_000, http: { ...http, code: 503 } },
      }),
    );
    const rows = rowsOf(intake);
    const ends = {
      source_namespace: 'shop',
      source_workload: 'frontend',
      destination_namespace: 'shop',
      destination_workload: 'cart',
    };
    const responses = rows.find(({ name }) => name === 'hubble_http_responses_total');
    assert.deepEqual(responses?.attributes, { ...ends, method: 'GET', status: '503', reporter: 'server' });
    const duration = rows.find(({ name }) => name === 'hubble_http_request_duration_seconds');
    assert.deepEqual([duration?.count, duration?.sum], [1, 0.007]);
    assert.equal(total(rows, 'hubble_service_errors_total'), 1);
    const edge = rows.find(({ name }) => name === 'traces_service_graph_request_failed_total');
    assert.deepEqual(edge?.attributes, { client: 'shop/frontend', server: 'shop/cart', connection_type: 'http' });
  });

  test('a duration leads to its trace', () => {
    const intake = intakeOf();
    const trace = '0af7651916cd43dd8448eb211c80319c';
    intake.take(
      flow({
        Type: 2,
        event_type: { type: 129 },
        l7: { type: 2, latency_ns: 5, http: { method: 'GET', code: 200 } },
        trace_context: { parent: { trace_id: trace } },
      }),
    );
    const batch = intake.takeMetrics(2n, 1n)!;
    const metric = batch.metrics.find(({ name }) => name === 'hubble.http.request.duration')!;
    assert.equal(Buffer.from(metric.points.exemplars!.traceIds).toString('hex'), trace);
  });

  test('gRPC is told by its path where headers are not shown, and is not where a content type says otherwise', () => {
    const call = (headers: readonly Message[], url: string): Uint8Array =>
      flow({
        Type: 2,
        event_type: { type: 129 },
        l7: { type: 1, http: { method: 'POST', protocol: 'HTTP/2', url, headers } },
      });
    const intake = intakeOf();
    intake.take(call([{ key: 'Content-Type', value: 'HUBBLE_REDACTED' }], 'http://pay:1/shop.Payments/Charge?x'));
    intake.take(call([], '/shop.Payments/Charge'));
    intake.take(call([{ key: 'Content-Type', value: 'application/json' }], '/shop.Payments/Charge'));
    intake.take(call([], '/api/charge'));
    const rows = rowsOf(intake);
    assert.equal(total(rows, 'hubble_http_requests_total'), 4);
    const grpc = rows.filter(({ name }) => name === 'hubble_grpc_requests_total');
    assert.deepEqual(
      grpc.map(({ attributes, value }) => [attributes['rpc_service'], attributes['rpc_method'], value]),
      [['shop.Payments', 'Charge', 2]],
    );
  });

  test('the workload of a pod on another node is read out of its name', () => {
    const intake = intakeOf();
    intake.take(flow({ destination: payments }));
    const flows = rowsOf(intake).find(({ name }) => name === 'hubble_flows_total');
    assert.equal(flows?.attributes['destination_workload'], 'payments');
  });

  test('end when they are idle, come again as new ones, and leave nothing behind: 20,000 pods in turn', () => {
    const intake = intakeOf({
      context: { labels: ['source_pod'] },
      aggregation_window: '10s',
      idle_timeout: '30s',
      max_series: 20_000,
    });
    let ended = 0;
    let counted = 0;
    for (let round = 0; round < 40; round++) {
      for (let i = 0; i < 500; i++) intake.take(flow({ source: { ...frontend, pod_name: `pod-${round}-${i}` } }));
      for (const { name, flags, value } of rowsOf(intake)) {
        if (name !== 'hubble_flows_total') continue;
        if (flags === 1) ended++;
        else counted += Number(value);
      }
    }
    assert.equal(counted, 20_000);
    assert.equal(ended, 20_000 - 3 * 500);
    const flows = intake.metrics.metrics[0]!;
    assert.ok(flows.series.size <= 4 * 500 + 1, `${flows.series.size} series`);
    assert.ok(intake.contexts.size < 5000, `${intake.contexts.size} contexts`);
    assert.equal(flows.series.overflowed, 0);
    intake.take(flow({ source: { ...frontend, pod_name: 'pod-0-0' } }));
    const again = rowsOf(intake).find(({ attributes }) => attributes['source_pod'] === 'pod-0-0');
    assert.equal(again?.value, 1);
  });

  test('beyond the limit are added up in one that says so: no count is lost', () => {
    const intake = intakeOf({ context: { labels: ['source_pod'] }, max_series: 100 });
    for (let i = 0; i < 1000; i++) intake.take(flow({ source: { ...frontend, pod_name: `pod-${i}` } }));
    const rows = rowsOf(intake).filter(({ name }) => name === 'hubble_flows_total');
    assert.equal(total(rows, 'hubble_flows_total'), 1000);
    assert.ok(rows.length <= 102);
    const other = rows.filter(({ attributes }) => attributes['otel.metric.overflow'] === true);
    assert.equal(
      other.reduce((sum, { value }) => sum + Number(value), 0),
      900,
    );
  });
});

describe('what is looked at', () => {
  test('a flow that came before the connection was lost does not count twice', () => {
    const intake = intakeOf();
    const messages = Array.from({ length: 10 }, (_, i) => tcp({ ACK: true }, 100 + i));
    for (const message of messages) intake.take(message);
    assert.deepEqual(intake.resume.begin(false), { seconds: 109, nanos: 0 });
    for (const message of messages.slice(5)) intake.take(message);
    intake.take(tcp({ ACK: true }, 109));
    assert.deepEqual([intake.counts.accepted, intake.counts.duplicate], [11, 5]);
  });

  test('after a relay was lost it goes on at the node that is furthest behind', () => {
    const intake = intakeOf();
    intake.take(tcp({}, 200, { node_name: 'a' }));
    intake.take(tcp({}, 150, { node_name: 'b' }));
    assert.deepEqual(intake.resume.begin(true), { seconds: 148, nanos: 0 });
    intake.take(tcp({}, 199, { node_name: 'a' }));
    intake.take(tcp({}, 199, { node_name: 'b' }));
    assert.deepEqual([intake.counts.accepted, intake.counts.duplicate], [3, 1]);
  });

  test('one connection in N, both directions together, counting N times', () => {
    const intake = intakeOf({ flow_sample_rate: 10 });
    for (let port = 1; port <= 5000; port++) {
      const l4 = { TCP: { source_port: port, destination_port: 80, flags: { ACK: true } } };
      const back = { TCP: { source_port: 80, destination_port: port, flags: { ACK: true } } };
      intake.take(flow({ l4 }));
      const before = intake.counts.accepted;
      const sampledOut = intake.counts.sampledOut;
      intake.take(flow({ l4: back, IP: { source: '10.0.0.2', destination: '10.0.0.1' } }));
      const isPair = before + sampledOut === 2 * port - 1;
      assert.ok(isPair);
      assert.equal(intake.counts.accepted % 2, 0);
    }
    const counted = total(rowsOf(intake), 'hubble_flows_total');
    assert.equal(counted, intake.counts.accepted * 10);
    assert.ok(counted > 7000 && counted < 13_000, `${counted}`);
  });

  test('no more than max_flows_per_second in a second; the rest is counted', () => {
    const intake = intakeOf({ max_flows_per_second: 5 });
    for (let i = 0; i < 8; i++) intake.take(flow());
    intake.tick(1000);
    intake.take(flow());
    assert.deepEqual([intake.counts.accepted, intake.counts.rateLimited], [6, 3]);
  });

  test('the side that reporter says, and flows without a side', () => {
    const intake = intakeOf({ reporter: 'server' });
    for (const direction of [0, 1, 2]) intake.take(flow({ traffic_direction: direction }));
    assert.deepEqual([intake.counts.accepted, intake.counts.filtered], [2, 1]);
  });

  test('flows between excluded namespaces do not count, those of an application to the DNS do', () => {
    const intake = intakeOf({ exclude_namespaces: ['kube-system'] });
    const dns = { namespace: 'kube-system', pod_name: 'coredns-76f75df574-pqrst' };
    const node = { labels: ['reserved:host'] };
    intake.take(flow({ destination: dns }));
    intake.take(flow({ source: dns, destination: { ...dns, pod_name: 'other' } }));
    intake.take(flow({ source: node, destination: dns }));
    intake.take(flow({ source: node, destination: { labels: ['reserved:world'] } }));
    assert.deepEqual([intake.counts.accepted, intake.counts.filtered], [2, 2]);
  });

  test('garbage is counted; a sender of nothing else is left', () => {
    const intake = intakeOf();
    assert.equal(intake.take(Uint8Array.of(0x0a, 0x7f)), true);
    assert.equal(intake.take(flow()), true);
    let taken = 0;
    while (intake.take(Uint8Array.of(0x0a, 0x7f))) taken++;
    assert.equal(taken, 99);
    assert.equal(intake.counts.malformed, 101);
  });

  test('lost events are data', () => {
    const intake = intakeOf();
    intake.take(encode('GetFlowsResponse', { lost_events: { source: 3, num_events_lost: 8379 } }));
    intake.take(encode('GetFlowsResponse', { lost_events: { source: 99, num_events_lost: 1 } }));
    intake.gap(5);
    const lost = rowsOf(intake).map(({ name, attributes, value }) => [name, attributes['source'], value]);
    assert.deepEqual(lost, [
      ['hubble_lost_events_total', 'hubble_ring_buffer', 8379],
      ['hubble_lost_events_total', 'unknown', 1],
      ['hubble_lost_events_total', 'reconnect', 5],
    ]);
  });
});

test('what the agent lost does not count again when it comes again; what the stream lost does', () => {
  const intake = intakeOf();
  const lost = (source: number, seconds: number): Uint8Array =>
    encode('GetFlowsResponse', { lost_events: { source, num_events_lost: 7 }, node_name: 'a', time: { seconds } });
  intake.take(lost(1, 100));
  intake.take(lost(1, 101));
  intake.take(lost(3, 101));
  intake.resume.begin(false);
  intake.take(lost(1, 100));
  intake.take(lost(1, 102));
  intake.take(lost(3, 101));
  assert.equal(intake.counts.lost, 5 * 7);
});

describe('requests', () => {
  test('carry filters, the begin and the mask', () => {
    const request = encodeFlowsRequest({
      whitelist: [{ source_pod: ['shop/'], verdict: ['DROPPED'] }],
      blacklist: [{ protocol: ['icmp'] }],
      since: { seconds: 1_700_000_000, nanos: 5 },
      fieldMask: ['time', 'IP.source'],
    });
    assert.deepEqual(decode('GetFlowsRequest', request), {
      follow: true,
      whitelist: [{ sourcePod: ['shop/'], verdict: [2] }],
      blacklist: [{ protocol: ['icmp'] }],
      since: { seconds: 1_700_000_000, nanos: 5 },
      fieldMask: { paths: ['time', 'IP.source'] },
    });
  });

  test('every field of a filter is written under its number', () => {
    const written = config.parse({
      include: [
        {
          source_ip: ['10.0.0.0/8'],
          destination_port: ['80'],
          drop_reason_desc: ['POLICY_DENIED'],
          event_type: [{ type: 'trace', sub_type: 3 }, { type: 'l7' }],
          tcp_flags: [['SYN'], ['FIN', 'ACK']],
          source_workload: [{ name: 'cart', kind: 'Deployment' }],
          traffic_direction: ['EGRESS'],
          reply: [false, true],
          source_identity: [1, 300],
          http_header: [{ key: 'a', value: 'b' }],
          ip_version: ['IPv6'],
          node_labels: ['a=b'],
          encrypted: [true],
          cel_expression: ['true'],
        },
      ],
    }).include[0]!;
    assert.deepEqual(decode('FlowFilter', encodeFlowFilter(written)), {
      sourceIp: ['10.0.0.0/8'],
      destinationPort: ['80'],
      dropReasonDesc: [133],
      eventType: [{ type: 4, matchSubType: true, subType: 3 }, { type: 129 }],
      tcpFlags: [{ SYN: true }, { FIN: true, ACK: true }],
      sourceWorkload: [{ name: 'cart', kind: 'Deployment' }],
      trafficDirection: [2],
      reply: [false, true],
      sourceIdentity: [1, 300],
      httpHeader: [{ key: 'a', value: 'b' }],
      ipVersion: [2],
      nodeLabels: ['a=b'],
      encrypted: [true],
      experimental: { celExpression: ['true'] },
    });
  });

  test('watched namespaces become filters of the server', () => {
    const namespaces = new Namespaces({ watch: ['shop'], exclude: ['kube-system'] });
    assert.deepEqual(namespaces.whitelist([{ verdict: ['DROPPED'] }]), [
      { verdict: ['DROPPED'], source_pod: ['shop/'] },
      { verdict: ['DROPPED'], destination_pod: ['shop/'] },
    ]);
    assert.deepEqual(namespaces.blacklist, [{ source_pod: ['kube-system/'], destination_pod: ['kube-system/'] }]);
  });
});
