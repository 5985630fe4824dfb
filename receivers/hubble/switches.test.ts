import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { presentBatch } from 'bpflow/sdk';
import { collectingConsumer, fakeScope, metricsOf } from 'bpflow/testing';
import { addressOf, config } from './config.ts';
import { FlowIntake } from './flow-intake.ts';
import spec from './index.ts';

/** One message of each kind, as an agent sent them. */
const messages = JSON.parse(readFileSync(join(import.meta.dirname, 'test', 'cilium-1.12.json'), 'utf8')) as readonly {
  readonly message: string;
}[];

/** Names on the page after one message of each kind. */
function namesWith(options: Readonly<Record<string, unknown>>): ReadonlySet<string> {
  const parsed = config.parse({ exclude_namespaces: [], ...options });
  const intake = new FlowIntake({ config: parsed, version: '0' });
  for (const { message } of messages) intake.take(Buffer.from(message, 'base64'));
  const batch = intake.takeMetrics(2n, 1n);
  return new Set(batch === undefined ? [] : metricsOf(presentBatch(batch, 'seed')).map(({ name }) => name));
}

const FAMILIES: Readonly<Record<string, RegExp>> = {
  collect_flows: /^hubble_(flows|udp_flows|tcp_connections)_total$|^hubble_tcp_connection_duration_seconds$/,
  collect_l7_flows: /^hubble_(http|grpc|dns|kafka)_/,
  collect_drops: /^hubble_(drop|l7_denied)_total$/,
  collect_policies: /^hubble_policy_/,
  collect_services: /^hubble_service_|^traces_service_graph_/,
};

describe('the short keys', () => {
  test('are those of the page of the product, with its values', () => {
    const parsed = config.parse({});
    assert.equal(addressOf(parsed), 'hubble-relay.kube-system.svc:4245');
    const { enabled, watch_namespaces, exclude_namespaces, kubernetes_enabled } = parsed;
    const { flow_buffer_size, flow_sample_rate, max_flows_per_second, aggregation_window } = parsed;
    assert.deepEqual([enabled, kubernetes_enabled], [true, true]);
    assert.deepEqual([watch_namespaces, exclude_namespaces], [[], ['kube-system', 'cilium']]);
    assert.deepEqual(
      [flow_buffer_size, flow_sample_rate, max_flows_per_second, aggregation_window],
      [4096, 1, 10_000, 10_000],
    );
  });

  for (const [key, family] of Object.entries(FAMILIES)) {
    test(`${key} is on by default, and switches its metrics off and no others`, () => {
      const all = namesWith({});
      const without = namesWith({ [key]: false });
      const own = [...all].filter((name) => family.test(name));
      assert.ok(own.length >= 2, own.join(' '));
      assert.deepEqual([...without].sort(), [...all].filter((name) => !family.test(name)).sort());
    });
  }

  test('enabled: false asks nobody for anything', async () => {
    const scope = fakeScope('receiver', 'hubble');
    const parsed = spec.config.parse({ endpoint: '127.0.0.1:1', enabled: false });
    const receiver = spec.create(parsed, scope, { metrics: collectingConsumer() });
    await receiver.start?.();
    assert.deepEqual(scope.lastHealth, { state: 'ok', summary: 'Switched off: enabled is false.' });
    await receiver.stop?.();
  });
});
