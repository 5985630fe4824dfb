import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WireError } from 'bpflow/sdk';
import fc from 'fast-check';
import { EVENT, PROTOCOL, RECORD } from './enums.ts';
import { FlowReader } from './flow-reader.ts';
import { readLostEvents, readNodeStatus, readServerStatus } from './messages.ts';
import { cart, encode, flowMessage, frontend, type Message } from './test/messages.ts';

function read(flow: Message, reader = new FlowReader()): FlowReader {
  assert.equal(reader.read(flowMessage(flow)), 'flow');
  return reader;
}

test('numbers are read as they were written', () => {
  const uint = fc.nat({ max: 2 ** 31 - 1 });
  const port = fc.nat({ max: 65_535 });
  const flows = fc.record({
    time: fc.record({ seconds: fc.nat({ max: 2 ** 40 }), nanos: fc.nat({ max: 999_999_999 }) }),
    verdict: uint,
    Type: uint,
    traffic_direction: uint,
    policy_match_type: uint,
    trace_observation_point: uint,
    drop_reason_desc: uint,
    trace_reason: uint,
    event_type: fc.record({ type: uint, sub_type: uint }),
    l4: fc.record({ TCP: fc.record({ source_port: port, destination_port: port }) }),
    is_reply: fc.record({ value: fc.boolean() }),
    l7: fc.record({
      type: uint,
      latency_ns: fc.nat({ max: 2 ** 52 }),
      http: fc.record({ code: port, method: fc.string({ maxLength: 20 }) }),
    }),
  });
  const reader = new FlowReader();
  fc.assert(
    fc.property(flows, (written) => {
      const { flow } = read(written, reader);
      assert.deepEqual(
        {
          time: { seconds: flow.seconds, nanos: flow.nanos },
          verdict: flow.verdict,
          Type: flow.type,
          traffic_direction: flow.direction,
          policy_match_type: flow.policyMatch,
          trace_observation_point: flow.point,
          drop_reason_desc: flow.dropReason,
          trace_reason: flow.traceReason,
          event_type: { type: flow.eventType, sub_type: flow.eventSubType },
          l4: { TCP: { source_port: flow.sourcePort, destination_port: flow.destinationPort } },
          is_reply: { value: flow.isReply === 2 },
          l7: {
            type: flow.l7Type,
            latency_ns: flow.latency,
            http: { code: flow.httpCode, method: reader.words.text(flow.httpMethod) },
          },
        },
        structuredClone(written),
      );
    }),
    { numRuns: 300 },
  );
});

test('strings, names, services and the trace are read', () => {
  const reader = read({
    IP: { source: '10.0.0.1', destination: 'fd00::1', ipVersion: 2 },
    source_names: ['a.example', 'b.example'],
    destination_names: ['c.example'],
    source_service: { name: 'kube-dns', namespace: 'kube-system' },
    destination_service: { name: 'cart', namespace: 'shop' },
    trace_context: { parent: { trace_id: '0af7651916cd43dd8448eb211c80319c' } },
    uuid: '5b1f0f2e-6b1c-4e9b-9c61-0a1b2c3d4e5f',
  });
  const { flow, words } = reader;
  assert.deepEqual(
    [
      reader.text(flow.sourceIp),
      reader.text(flow.destinationIp),
      reader.names.text(flow.sourceNames),
      reader.names.text(flow.destinationNames),
      words.text(flow.sourceService),
      words.text(flow.sourceServiceNamespace),
      words.text(flow.destinationService),
      reader.text(flow.traceId),
      words.text(flow.nodeName),
    ],
    [
      '10.0.0.1',
      'fd00::1',
      'a.example,b.example',
      'c.example',
      'kube-dns',
      'kube-system',
      'cart',
      '0af7651916cd43dd8448eb211c80319c',
      'node-a',
    ],
  );
  assert.ok(flow.uuidLow !== 0 && flow.uuidHigh !== 0);
});

test('an endpoint is the same object for the same bytes, wherever they lie in a message', () => {
  const reader = new FlowReader();
  const first = read({ source: frontend, destination: cart }, reader).flow.source;
  const second = read({ uuid: 'longer than before', source: cart, destination: frontend }, reader).flow.destination;
  assert.equal(second, first);
  const { identity, cluster, namespace, pod, labels, reserved, workload, workloadKind } = first;
  assert.deepEqual(
    { identity, cluster, namespace, pod, labels, reserved, workload, workloadKind },
    {
      identity: 11001,
      cluster: 'demo',
      namespace: 'shop',
      pod: 'frontend-7d9fb6c5d4-abcde',
      labels: frontend['labels'],
      reserved: '',
      workload: 'frontend',
      workloadKind: 'Deployment',
    },
  );
  const other = { ...frontend, labels: ['k8s:app=Frontend', 'k8s:io.kubernetes.pod.namespace=shop'] };
  assert.notEqual(read({ source: other }, reader).flow.source, first);
});

test('a word is the same number in every message', () => {
  const reader = new FlowReader();
  const http = { type: 1, http: { method: 'GET', url: '/a', protocol: 'HTTP/1.1' } };
  const first = read({ l7: http }, reader).flow.httpMethod;
  assert.equal(read({ uuid: 'moved', l7: { ...http, latency_ns: 123_456_789 } }, reader).flow.httpMethod, first);
});

test('each kind of packet and record is told', () => {
  const tcp = read({ l4: { TCP: { flags: { SYN: true, ACK: true, NS: true } } } }).flow;
  assert.deepEqual([tcp.protocol, tcp.hasTcpFlags, tcp.tcpFlags], [PROTOCOL.TCP, true, 0b1_0001_0010]);
  const icmp = read({ l4: { ICMPv6: { type: 128, code: 3 } } }).flow;
  assert.deepEqual([icmp.protocol, icmp.icmpType, icmp.icmpCode], [PROTOCOL.ICMPv6, 128, 3]);
  const sctp = read({ l4: { SCTP: { source_port: 9, destination_port: 10, chunk_type: 6 } } }).flow;
  assert.deepEqual([sctp.protocol, sctp.sourcePort, sctp.destinationPort, sctp.sctpChunk], [PROTOCOL.SCTP, 9, 10, 6]);
  const dns = read({
    l7: { type: 2, dns: { query: 'a.', ips: ['1', '2'], rcode: 3, qtypes: ['A', 'AAAA'], rrtypes: ['CNAME'] } },
  });
  assert.deepEqual(
    [
      dns.flow.record,
      dns.text(dns.flow.dnsQuery),
      dns.flow.dnsIps,
      dns.flow.dnsRcode,
      dns.words.text(dns.flow.dnsQtypes),
    ],
    [RECORD.DNS, 'a.', 2, 3, 'A,AAAA'],
  );
  const kafka = read({ l7: { type: 2, kafka: { error_code: -1, api_key: 'fetch', topic: 'orders' } } });
  assert.deepEqual(
    [kafka.flow.record, kafka.flow.kafkaError, kafka.words.text(kafka.flow.kafkaApiKey)],
    [RECORD.KAFKA, -1, 'fetch'],
  );
});

test('the content type and the status of gRPC are found in headers of any case, redacted ones are not known', () => {
  const headers = (...list: [string, string][]): Message => ({
    l7: { type: 2, http: { headers: list.map(([key, value]) => ({ key, value })) } },
  });
  assert.equal(read(headers(['Content-Type', 'application/grpc+proto'])).flow.contentType, 2);
  assert.equal(read(headers(['content-type', 'text/html'])).flow.contentType, 1);
  assert.equal(read(headers(['Content-Type', 'HUBBLE_REDACTED'])).flow.contentType, 0);
  assert.equal(read(headers(['Grpc-Status', '14'])).flow.grpcStatus, 14);
  assert.equal(read(headers(['Grpc-Status', '1e9'])).flow.grpcStatus, -1);
  assert.equal(read(headers()).flow.grpcStatus, -1);
});

test('nothing of a flow is left in the next one', () => {
  const reader = new FlowReader();
  read(
    {
      verdict: 1,
      source: frontend,
      l4: { TCP: { source_port: 1, flags: { SYN: true } } },
      l7: { type: 1, http: { code: 200, headers: [{ key: 'grpc-status', value: '1' }] } },
      is_reply: { value: true },
      event_type: { type: EVENT.TRACE },
      IP: { source: '1.1.1.1' },
    },
    reader,
  );
  const empty = new FlowReader();
  empty.read(encode('GetFlowsResponse', { flow: {} }));
  reader.read(encode('GetFlowsResponse', { flow: {} }));
  assert.deepEqual({ ...reader.flow }, { ...empty.flow });
});

test('fields that are not known are passed over', () => {
  const known = flowMessage({ verdict: 2 });
  // Field 1 is the flow; 21007 and 150000 are later additions of Cilium, 5000 is nothing.
  const flow = known.subarray(2);
  const unknown = Uint8Array.of(
    0xfa,
    0xa1,
    0x0a,
    2,
    8,
    1,
    0xc5,
    0xb8,
    2,
    1,
    2,
    3,
    4,
    0xc1,
    0xb8,
    2,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
  );
  const reader = new FlowReader();
  assert.equal(reader.read(Buffer.concat([Uint8Array.of(0x0a, flow.length + unknown.length), flow, unknown])), 'flow');
  assert.equal(reader.flow.verdict, 2);
});

test('other messages of the stream are told and read', () => {
  const reader = new FlowReader();
  assert.equal(
    reader.read(encode('GetFlowsResponse', { lost_events: { source: 3, num_events_lost: 12_345 } })),
    'lost_events',
  );
  assert.deepEqual(readLostEvents(reader.bytes, reader.content.start, reader.content.end), {
    source: 3,
    count: 12_345,
  });
  const status = { state_change: 2, node_names: ['a', 'b'], message: 'gone away' };
  assert.equal(reader.read(encode('GetFlowsResponse', { node_status: status })), 'node_status');
  assert.deepEqual(readNodeStatus(reader.bytes, reader.content.start, reader.content.end), {
    state: 2,
    nodes: ['a', 'b'],
    message: 'gone away',
  });
  assert.equal(reader.read(new Uint8Array(0)), 'none');
  const server = encode('ServerStatusResponse', {
    num_flows: 7,
    max_flows: 4095,
    seen_flows: 2 ** 40,
    uptime_ns: 5,
    num_connected_nodes: { value: 3 },
    num_unavailable_nodes: {},
    version: 'v1',
  });
  assert.deepEqual(readServerStatus(Buffer.from(server)), {
    entries: 7,
    capacity: 4095,
    seen: 2 ** 40,
    uptimeNs: 5,
    version: 'v1',
    connectedNodes: 3,
    unavailableNodes: 0,
  });
});

test('a message that is cut off anywhere is refused or read as what is left, and never as more', () => {
  const message = flowMessage({
    verdict: 1,
    source: frontend,
    destination: cart,
    l4: { TCP: { source_port: 1, destination_port: 2, flags: { SYN: true } } },
    l7: { type: 1, http: { method: 'GET', url: 'http://a/', headers: [{ key: 'a', value: 'b' }] } },
  });
  const reader = new FlowReader();
  let refused = 0;
  for (let length = 1; length < message.length; length++) {
    try {
      reader.read(message.subarray(0, length));
    } catch (error) {
      assert.ok(error instanceof WireError);
      refused++;
    }
  }
  assert.ok(refused > message.length / 2);
});

test('garbage is refused or read, and nothing else happens', () => {
  const reader = new FlowReader();
  const message = flowMessage({ source: frontend, destination: cart, l7: { dns: { query: 'a.', qtypes: ['A'] } } });
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.array(fc.tuple(fc.nat({ max: message.length - 1 }), fc.nat({ max: 255 })), { maxLength: 5 }),
      (garbage, changes) => {
        const changed = message.slice();
        for (const [at, byte] of changes) changed[at] = byte;
        for (const bytes of [garbage, changed]) {
          try {
            reader.read(bytes);
          } catch (error) {
            assert.ok(error instanceof WireError, String(error));
          }
        }
      },
    ),
    { numRuns: 2000 },
  );
});

test('words and endpoints without end take bounded room', () => {
  const reader = new FlowReader();
  for (let i = 0; i < 40_000; i++) {
    read({ source: { pod_name: `pod-${i}` }, l7: { http: { method: `M${i}` } } }, reader);
  }
  assert.ok(reader.words.size <= 4096);
  assert.equal(reader.words.text(reader.flow.httpMethod), 'other');
  assert.ok(reader.words.refused > 30_000);
  assert.ok(reader.endpoints.size <= 32_768 && reader.endpoints.evicted > 0);
});

test('endpoints as large as any take no more than 16 MiB together, and larger ones none', () => {
  const reader = new FlowReader();
  const large = 'x'.repeat(15_000);
  for (let i = 0; i < 2000; i++) read({ source: { pod_name: `pod-${i}`, labels: [large] } }, reader);
  assert.ok(reader.endpoints.size * large.length <= 16 * 1024 * 1024, `${reader.endpoints.size}`);
  assert.equal(reader.endpoints.size + reader.endpoints.evicted, 2000);
  const { size } = reader.endpoints;
  const { source } = read({ source: { pod_name: 'huge', labels: [large, large] } }, reader).flow;
  assert.deepEqual([source.pod, source.labels.length, reader.endpoints.size], ['huge', 2, size]);
});
