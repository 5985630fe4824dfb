import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createScope, type LogBatch, logRecords } from 'bpflow/sdk';
import { collectingConsumer, fakeScope, refusingConsumer } from 'bpflow/testing';
import { FlowLogs } from './flow-logs.ts';
import { FlowReader } from './flow-reader.ts';
import { cart, flowMessage, frontend, type Message } from './test/messages.ts';

const drop: Message = {
  time: { seconds: 1_700_000_000, nanos: 5 },
  verdict: 2,
  Type: 1,
  event_type: { type: 1 },
  drop_reason_desc: 133,
  traffic_direction: 2,
  source: frontend,
  destination: cart,
  IP: { source: '10.0.0.1', destination: '10.0.0.2' },
  l4: { TCP: { source_port: 40_000, destination_port: 8080, flags: { SYN: true } } },
};

function logsTo(next: ReturnType<typeof collectingConsumer<LogBatch>>, limit = 100) {
  const reader = new FlowReader();
  const logs = new FlowLogs({
    next,
    scope: fakeScope('receiver', 'hubble'),
    reader,
    instrumentation: createScope('test'),
    limit,
    sampleRate: 1,
  });
  const add = (flow: Message): void => {
    reader.read(flowMessage(flow));
    logs.add(reader.flow);
  };
  return { logs, add };
}

describe('one log record for each flow', () => {
  test('says who, to whom, and what became of it', async () => {
    const next = collectingConsumer<LogBatch>();
    const { logs, add } = logsTo(next);
    add(drop);
    add({
      ...drop,
      verdict: 1,
      event_type: { type: 129 },
      l7: { type: 2, latency_ns: 7, http: { code: 200, method: 'GET', url: 'http://cart/', protocol: 'HTTP/1.1' } },
      trace_context: { parent: { trace_id: '0af7651916cd43dd8448eb211c80319c' } },
    });
    await logs.flush();
    const [first, second] = [...logRecords(next.batches[0]!)];
    assert.equal(first?.time, 1_700_000_000_000_000_005n);
    assert.deepEqual([first?.severityText, first?.eventName], ['WARN', 'hubble.flow']);
    assert.equal(
      first?.body,
      'shop/frontend-7d9fb6c5d4-abcde:40000 -> shop/cart-6c5b7f8d9b-fghij:8080 TCP DROPPED (POLICY_DENIED)',
    );
    assert.deepEqual(first?.attributes.toObject(), {
      'hubble.verdict': 'DROPPED',
      'hubble.flow.type': 'L3_L4',
      'hubble.direction': 'egress',
      'k8s.node.name': 'node-a',
      'source.address': '10.0.0.1',
      'destination.address': '10.0.0.2',
      'source.port': 40_000,
      'destination.port': 8080,
      'network.protocol': 'TCP',
      'network.tcp.flags': 'SYN',
      'hubble.source.namespace': 'shop',
      'hubble.source.pod': 'frontend-7d9fb6c5d4-abcde',
      'hubble.source.workload': 'frontend',
      'hubble.source.workload_kind': 'Deployment',
      'hubble.source.cluster': 'demo',
      'hubble.source.identity': 11_001,
      'hubble.destination.namespace': 'shop',
      'hubble.destination.pod': 'cart-6c5b7f8d9b-fghij',
      'hubble.destination.workload': 'cart',
      'hubble.destination.workload_kind': 'Deployment',
      'hubble.destination.identity': 11_002,
      'hubble.event': 'drop',
      'hubble.drop.reason': 'POLICY_DENIED',
    });
    assert.match(String(second?.body), /FORWARDED \(HTTP\/1\.1 GET http:\/\/cart\/ 200\)$/);
    assert.equal(second?.traceId, '0af7651916cd43dd8448eb211c80319c');
  });

  test('waits while nobody takes it, up to the limit; what comes then is dropped and counted', async () => {
    const next = refusingConsumer<LogBatch>({ times: 1000 });
    const { logs, add } = logsTo(next, 10);
    for (let i = 0; i < 25; i++) add(drop);
    assert.deepEqual([logs.waiting, logs.dropped], [10, 15]);
    await logs.stop();
    assert.equal(logs.dropped, 25);
  });

  test('is offered again when it was refused, and not lost', async () => {
    const next = refusingConsumer<LogBatch>({ how: 'surprise', times: 2 });
    const { logs, add } = logsTo(next, 10);
    for (let i = 0; i < 5; i++) add(drop);
    await logs.flush();
    assert.equal(logs.waiting, 5);
    await logs.flush();
    await logs.flush();
    assert.deepEqual([next.items, logs.waiting, logs.dropped], [5, 0, 0]);
  });

  test('refused for good is dropped and counted', async () => {
    const next = refusingConsumer<LogBatch>({ how: 'permanent', times: 1 });
    const { logs, add } = logsTo(next);
    add(drop);
    await logs.flush();
    assert.deepEqual([logs.dropped, logs.waiting], [1, 0]);
  });
});
