import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ComponentPlan, PlannedMetric, PlanScope } from 'bpflow/sdk';
import { fakeScope } from 'bpflow/testing';
import spec from './index.ts';
import { SOURCES } from './plan/sources.ts';

interface Given {
  readonly signals?: PlanScope['signals'];
  /** Other components that are in use. */
  readonly others?: readonly string[];
}

async function plan(keys: Readonly<Record<string, unknown>>, given: Given = {}): Promise<ComponentPlan> {
  const { signals = new Set(['metrics'] as const), others = [] } = given;
  const config = spec.config.parse({ endpoint: 'hubble-relay:80', hubble_tls_enabled: false, ...keys });
  return spec.plan!(config, {
    ...fakeScope('receiver', 'hubble'),
    signals,
    used: new Set(['receiver/hubble', ...others]),
  });
}

function metric({ metrics }: ComponentPlan, seedName: string): PlannedMetric {
  const found = metrics.find((each) => each.seedName === seedName);
  assert.ok(found, seedName);
  return found;
}

describe('bpflow plan of hubble', () => {
  test('tells of every metric what the server has to offer, and asks no server', async () => {
    const told = await plan({});
    assert.equal(metric(told, 'hubble_flows_total').state, 'exact');
    assert.match(metric(told, 'hubble_http_requests_total').from!, /a policy with L7 rules/);
    assert.match(metric(told, 'hubble_kafka_requests_total').from!, /before 1\.20/);
    assert.equal(metric(told, 'hubble_lost_events_total').state, 'exact');
    assert.equal(told.metrics.length, Object.keys(SOURCES).length + 1 + 3);
    assert.deepEqual(
      told.checks.map(({ name, ok, found }) => [name, ok, found]),
      [
        ['address', true, 'hubble-relay:80'],
        ['TLS', true, 'without'],
      ],
    );
    assert.match(told.method, /The server was not asked/);
  });

  test('what is switched off is off, by its key', async () => {
    const told = await plan({ collect_l7_flows: false, collect_drops: false });
    assert.equal(metric(told, 'hubble_http_requests_total').reason, 'collect_l7_flows is off.');
    assert.equal(metric(told, 'hubble_drop_total').state, 'off');
    assert.equal(metric(told, 'hubble_flows_total').state, 'exact');
    const idle = await plan({ enabled: false });
    assert.ok(idle.metrics.every(({ state, reason }) => state === 'off' && reason === 'enabled is off.'));
    assert.deepEqual((await plan({}, { signals: new Set(['logs']) })).metrics, []);
  });

  test('bytes of flows: off without join, absent without the receiver, by its sockets with it', async () => {
    const bytes = async (keys: Readonly<Record<string, unknown>>, others: readonly string[]) => {
      const told = await plan(keys, { others });
      const { state, reason, from } = metric(told, 'hubble_flow_bytes_total');
      return { state, reason, from, check: told.checks.find(({ name }) => name === 'join') };
    };
    const off = await bytes({}, ['receiver/ebpf']);
    assert.deepEqual([off.state, off.check], ['off', undefined]);
    assert.match(off.reason, /no count of bytes .* join: ebpf counts those of this node's sockets/);
    const alone = await bytes({ join: 'ebpf/node' }, ['receiver/ebpf', 'exporter/ebpf/node']);
    assert.deepEqual([alone.state, alone.check?.ok], ['absent', false]);
    assert.match(alone.reason, /no pipeline has the receiver ebpf\/node/);
    assert.match(alone.check!.advice, /^Put ebpf\/node into a metrics pipeline/);
    const joined = await bytes({ join: 'ebpf' }, ['receiver/ebpf']);
    assert.deepEqual([joined.state, joined.from, joined.check?.ok], ['exact', 'sockets of this node', true]);
  });

  test('what cannot be had is told with its reason, and is not something that this machine lacks', async () => {
    const told = await plan({ join: 'ebpf' }, { others: ['receiver/ebpf'] });
    const dropped = metric(told, 'hubble_drop_bytes_total');
    assert.equal(dropped.state, 'off');
    assert.match(
      dropped.reason,
      /^not available: a flow of Hubble carries no count of bytes .* in none of their counters\.$/,
    );
    assert.match(metric(told, 'hubble_endpoint_count').reason, /the extension kubernetes does/);
    assert.ok(told.metrics.every(({ state }) => state !== 'absent'));
  });

  test('a sample is inexact, and says how', async () => {
    const { state, reason } = metric(await plan({ flow_sample_rate: 10 }), 'hubble_flows_total');
    assert.deepEqual([state, reason], ['inexact', 'one connection in 10 is counted, with the weight 10.']);
  });

  test("Cilium's own set", async () => {
    const told = await plan({ names: 'hubble_upstream' });
    assert.equal(metric(told, 'hubble_flows_processed_total').state, 'exact');
    assert.ok(told.metrics.every(({ from }) => from === "flows, as in Cilium's own agent"));
  });

  test('a socket that is not there, and files of TLS that cannot be read', async () => {
    const check = async (keys: Readonly<Record<string, unknown>>, name: string) =>
      (await plan(keys)).checks.find((each) => each.name === name)!;
    const socket = await check({ endpoint: 'unix:///nowhere/hubble.sock' }, 'address');
    assert.deepEqual([socket.ok, socket.found], [false, 'there is no socket /nowhere/hubble.sock']);
    const tls = await check({ hubble_tls_enabled: undefined, tls: { ca_file: '/nowhere/ca.crt' } }, 'TLS');
    assert.equal(tls.ok, false);
    assert.match(tls.found, /\/nowhere\/ca\.crt/);
  });
});
