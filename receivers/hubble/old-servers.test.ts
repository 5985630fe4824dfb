import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { presentBatch } from 'bpflow/sdk';
import { metricsOf, type PointRow } from 'bpflow/testing';
import { config } from './config.ts';
import { DIRECTIONS, nameOf, VERDICTS } from './enums.ts';
import { unknownFilters } from './filter-versions.ts';
import { FlowIntake } from './flow-intake.ts';
import { FlowReader } from './flow-reader.ts';
import { readServerStatus } from './messages.ts';
import { encode } from './test/messages.ts';

/** One message as the parser of Cilium 1.12.19 made it (test/peers/hubble-old), and what its own libraries read in it. */
interface Recorded {
  readonly name: string;
  readonly message: string;
  readonly text: { readonly flow?: Text };
}
interface Text {
  readonly verdict: string;
  readonly traffic_direction: string;
  readonly is_reply?: boolean;
  readonly IP: { readonly source: string; readonly destination: string };
  readonly source: { readonly identity: number; readonly namespace: string; readonly pod_name: string };
  readonly drop_reason?: number;
  readonly uuid?: string;
}

const path = join(import.meta.dirname, 'test', 'cilium-1.12.json');
const recorded = JSON.parse(readFileSync(path, 'utf8')) as readonly Recorded[];
const bytesOf = ({ message }: Recorded): Uint8Array => Buffer.from(message, 'base64');

function intakeOf(): FlowIntake {
  const options = { endpoint: 'a:1', exclude_namespaces: [], max_flows_per_second: 0, dns_query_label: true };
  return new FlowIntake({ config: config.parse(options), version: '0' });
}

function rowsOf(intake: FlowIntake): readonly PointRow[] {
  const batch = intake.takeMetrics(2_000_000_000n, 1_000_000_000n);
  return batch === undefined ? [] : metricsOf(presentBatch(batch, 'seed'));
}

describe('an agent of Cilium 1.12', () => {
  test('is read as its own libraries read it: no ids, no reason of a trace, no name of the cluster', () => {
    const reader = new FlowReader();
    let flows = 0;
    for (const each of recorded) {
      const { flow: text } = each.text;
      if (reader.read(bytesOf(each)) !== 'flow' || text === undefined) continue;
      flows++;
      const { flow } = reader;
      assert.deepEqual(
        {
          verdict: nameOf(VERDICTS, flow.verdict),
          direction: nameOf(DIRECTIONS, flow.direction).toUpperCase(),
          isReply: [undefined, false, true][flow.isReply],
          ends: [reader.text(flow.sourceIp), reader.text(flow.destinationIp)],
          source: [flow.source.identity, flow.source.namespace, flow.source.pod],
          dropReason: flow.dropReason,
        },
        {
          verdict: text.verdict,
          direction: text.traffic_direction,
          isReply: text.is_reply,
          ends: [text.IP.source, text.IP.destination],
          source: [text.source.identity, text.source.namespace, text.source.pod_name],
          dropReason: text.drop_reason ?? 0,
        },
        each.name,
      );
      assert.deepEqual([flow.uuidLow, flow.uuidHigh, text.uuid], [0, 0, undefined]);
      assert.deepEqual([flow.traceReason, flow.source.cluster], [0, '']);
    }
    assert.equal(flows, recorded.length - 1);
  });

  test('is counted like a newer one, Kafka too', () => {
    const intake = intakeOf();
    for (const each of recorded) assert.equal(intake.take(bytesOf(each)), true);
    const rows = rowsOf(intake);
    const of = (metric: string, ...labels: readonly string[]): Readonly<Record<string, number>> => {
      const found: Record<string, number> = {};
      for (const { name, attributes, value, sum } of rows) {
        if (name !== metric) continue;
        const key = labels.map((label) => attributes[label]).join(' ');
        found[key] = (found[key] ?? 0) + Number(value ?? sum);
      }
      return found;
    };
    assert.deepEqual(
      {
        flows: of('hubble_flows_total', 'type', 'protocol', 'verdict'),
        connections: of('hubble_tcp_connections_total', 'source_workload', 'destination_workload', 'reporter'),
        seconds: of('hubble_tcp_connection_duration_seconds', 'reporter'),
        drops: of('hubble_drop_total', 'reason', 'direction'),
        verdicts: of('hubble_policy_verdicts_total', 'action', 'direction'),
        matches: of('hubble_policy_match_total', 'match', 'action'),
        requests: of('hubble_http_requests_total', 'method', 'source_workload'),
        answers: of('hubble_http_responses_total', 'status', 'source_workload'),
        latency: of('hubble_http_request_duration_seconds', 'method'),
        edge: of('traces_service_graph_request_server_seconds', 'client', 'server'),
        queries: of('hubble_dns_queries_total', 'qtype', 'query'),
        dns: of('hubble_dns_responses_total', 'qtype', 'rcode'),
        kafka: of('hubble_kafka_requests_total', 'api_key', 'topic'),
        denied: of('hubble_l7_denied_total', 'protocol'),
        lost: of('hubble_lost_events_total', 'source'),
      },
      {
        flows: {
          'L3_L4 TCP FORWARDED': 5,
          'L3_L4 UDP FORWARDED': 1,
          'L3_L4 TCP DROPPED': 2,
          'L7 TCP FORWARDED': 3,
          'L7 UDP FORWARDED': 2,
          'L7 TCP DROPPED': 1,
        },
        connections: { 'frontend cart server': 1 },
        seconds: { server: 0.0045 },
        drops: { 'POLICY_DENIED ingress': 1 },
        verdicts: { 'DENIED ingress': 1, 'ALLOWED ingress': 1 },
        matches: {
          'l3-l4 DENIED': 1,
          'l3-l4 ALLOWED': 1,
          'l7/http ALLOWED': 1,
          'l7/dns ALLOWED': 1,
          'l7/kafka ALLOWED': 1,
          'l7/kafka DENIED': 1,
        },
        requests: { 'GET frontend': 1 },
        answers: { '503 frontend': 1 },
        latency: { GET: 0.0085 },
        edge: { 'shop/frontend shop/cart': 0.0085 },
        queries: { 'A api.example.com.': 1 },
        dns: { 'A NXDOMAIN': 1 },
        kafka: { 'produce orders': 1, 'fetch secrets': 1 },
        denied: { kafka: 1 },
        lost: { perf_event_ring_buffer: 7 },
      },
    );
  });

  test('sends flows without ids, and none counts twice after a reconnect', () => {
    const intake = intakeOf();
    const flows = recorded.filter(({ text }) => text.flow !== undefined);
    const [last] = flows.slice(-1);
    for (const each of flows.slice(0, -1)) intake.take(bytesOf(each));
    intake.resume.begin(false);
    for (const each of flows) intake.take(bytesOf(each));
    assert.deepEqual([intake.counts.accepted, intake.counts.duplicate], [flows.length, flows.length - 1]);
    intake.resume.begin(false);
    intake.take(bytesOf(last!));
    assert.equal(intake.counts.duplicate, flows.length);
  });

  test('leaves out filters that came later, and these are named', () => {
    const filters = [
      { source_pod: ['shop/'], source_workload: [{ name: 'x' }] },
      { encrypted: [true], uuid: ['1'] },
    ];
    assert.deepEqual(unknownFilters(filters, 'cilium v1.12.19+g1234'), ['encrypted', 'source_workload', 'uuid']);
    assert.deepEqual(unknownFilters(filters, '1.18.6'), ['encrypted']);
    assert.deepEqual(unknownFilters(filters, '1.20.2'), []);
    assert.deepEqual(unknownFilters(filters, ''), []);
  });

  test('says of itself what newer ones do; one that is no relay says nothing of nodes', () => {
    const of = { num_flows: 5, max_flows: 4095, seen_flows: 7, uptime_ns: 9, version: 'cilium v1.12.19+g1234' };
    assert.deepEqual(readServerStatus(Buffer.from(encode('ServerStatusResponse', of))), {
      entries: 5,
      capacity: 4095,
      seen: 7,
      uptimeNs: 9,
      version: 'cilium v1.12.19+g1234',
      connectedNodes: undefined,
      unavailableNodes: undefined,
    });
  });
});
