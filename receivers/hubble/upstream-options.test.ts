import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { presentBatch } from 'bpflow/sdk';
import { metricsOf } from 'bpflow/testing';
import { config } from './config.ts';
import { FlowIntake } from './flow-intake.ts';
import { cart, flowMessage, frontend, type Message } from './test/messages.ts';

const world: Message = { identity: 2, labels: ['reserved:world'] };
let nextId = 0;
const flow = (more: Message): Uint8Array =>
  flowMessage({
    uuid: `00000000-0000-4000-8000-${String(++nextId).padStart(12, '0')}`,
    verdict: 1,
    Type: 1,
    event_type: { type: 4 },
    traffic_direction: 2,
    is_reply: { value: false },
    source: frontend,
    destination: world,
    ...more,
  });
const tcp = (flags: Message, more: Message = {}): Uint8Array =>
  flow({ l4: { TCP: { source_port: 40_000, destination_port: 443, flags } }, ...more });
const dropped = (reason: number): Message => ({ verdict: 2, event_type: { type: 1 }, drop_reason_desc: reason });

/** Counts of a metric by these labels. */
function counted(upstream: Message, messages: readonly Uint8Array[], metric: string, ...labels: readonly string[]) {
  const keys = { endpoint: 'a:1', exclude_namespaces: [], names: 'hubble_upstream', upstream_options: upstream };
  const intake = new FlowIntake({ config: config.parse(keys), version: '0' });
  for (const message of messages) assert.ok(intake.take(message));
  const batch = intake.takeMetrics(2n, 1n);
  const rows = batch === undefined ? [] : metricsOf(presentBatch(batch, 'seed'));
  return rows
    .filter(({ name }) => name === metric)
    .map(({ attributes, value }) => [...labels.map((label) => attributes[label]), value].join(' '))
    .sort();
}

describe("options of Cilium's metrics", () => {
  const messages = [
    tcp({ SYN: true }),
    tcp({ ACK: true }),
    tcp({ SYN: true, ACK: true }, { is_reply: { value: true } }),
    tcp({ SYN: true }, dropped(133)),
    tcp({ SYN: true }, dropped(181)),
    flow({ l4: { UDP: { source_port: 1, destination_port: 53 } } }),
    flow({ l4: { ICMPv4: { type: 8 } } }),
  ];
  const toWorld = (options: readonly string[], ...labels: readonly string[]) =>
    counted({ flows_to_world: options }, messages, 'hubble_flows_to_world_total', 'protocol', 'verdict', ...labels);

  test('without any, drops by policies count, and answers do not', () => {
    assert.deepEqual(toWorld([]), ['ICMPv4 FORWARDED 1', 'TCP DROPPED 1', 'TCP FORWARDED 2', 'UDP FORWARDED 1']);
  });

  test('any-drop: drops of every reason', () => {
    assert.ok(toWorld(['any-drop']).includes('TCP DROPPED 2'));
  });

  test('port: the destination port, where the protocol has ports', () => {
    assert.deepEqual(toWorld(['port'], 'port'), [
      'ICMPv4 FORWARDED  1',
      'TCP DROPPED 443 1',
      'TCP FORWARDED 443 2',
      'UDP FORWARDED 53 1',
    ]);
  });

  test('syn-only: first SYNs and nothing else', () => {
    assert.deepEqual(toWorld(['syn-only']), ['TCP DROPPED 1', 'TCP FORWARDED 1']);
  });

  test('ignoreAAAA: what asks for AAAA alone does not count', () => {
    const asks = (qtypes: readonly string[]): Uint8Array =>
      flow({
        Type: 2,
        event_type: { type: 129 },
        destination: cart,
        l7: { type: 1, dns: { query: 'a.b.', qtypes } },
      });
    const queries = [asks(['A']), asks(['AAAA']), asks(['A', 'AAAA'])];
    const of = (dns: readonly string[]) => counted({ dns }, queries, 'hubble_dns_queries_total', 'qtypes');
    assert.deepEqual(of([]), ['A 1', 'A,AAAA 1', 'AAAA 1']);
    assert.deepEqual(of(['ignoreAAAA']), ['A 1', 'A,AAAA 1']);
    const named = counted({ dns: ['query'] }, queries.slice(0, 1), 'hubble_dns_queries_total', 'query');
    assert.deepEqual(named, ['a.b. 1']);
  });
});
