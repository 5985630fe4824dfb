import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Kubernetes, presentBatch } from 'bpflow/sdk';
import { metricsOf } from 'bpflow/testing';
import { config } from './config.ts';
import { FlowIntake } from './flow-intake.ts';
import { PodWorkloads } from './pod-workloads.ts';
import { flowMessage, frontend } from './test/messages.ts';

type Watcher = Parameters<Kubernetes['watch']>[0];
type Pod = Parameters<Watcher>[0];

/** The API, which knows what it is told. */
function api() {
  let told: Watcher | undefined;
  const watch: Kubernetes['watch'] = (watcher) => {
    told = watcher;
    return () => (told = undefined);
  };
  const tell = (change: Parameters<Watcher>[1]): void => {
    told?.(
      { namespace: 'shop', name: 'db-0', workload: { kind: 'Cluster', name: 'postgres', uid: '1' } } as Pod,
      change,
    );
  };
  return { workloads: new PodWorkloads({ watch }), tell, isWatched: () => told !== undefined };
}

let nextId = 0;
const flow = (): Uint8Array =>
  flowMessage({
    uuid: `00000000-0000-4000-8000-${String(++nextId).padStart(12, '0')}`,
    verdict: 1,
    Type: 1,
    event_type: { type: 4 },
    traffic_direction: 2,
    is_reply: { value: false },
    source: frontend,
    destination: { identity: 9, namespace: 'shop', pod_name: 'db-0' },
    l4: { TCP: { source_port: 40_000 + nextId, destination_port: 5432, flags: { SYN: true } } },
  });

describe('workloads from the Kubernetes API', () => {
  test('a pod that comes late is named from then on; what was counted keeps its name', () => {
    const { workloads, tell } = api();
    const keys = config.parse({ endpoint: 'a:1', exclude_namespaces: [] });
    const intake = new FlowIntake({ config: keys, version: '0', workloadOf: (endpoint) => workloads.of(endpoint) });
    intake.take(flow());
    assert.equal(workloads.takeNews(), false);
    tell('set');
    assert.equal(workloads.takeNews(), true);
    assert.equal(workloads.takeNews(), false);
    intake.nameAnew();
    intake.take(flow());
    intake.take(flow());
    const rows = metricsOf(presentBatch(intake.takeMetrics(2n, 1n)!, 'seed'));
    const counted = (metric: string, label: string) =>
      rows.filter(({ name }) => name === metric).map(({ attributes, value }) => `${attributes[label]} ${value}`);
    assert.deepEqual(counted('hubble_flows_total', 'destination_workload'), ['db 1', 'postgres 2']);
    assert.deepEqual(counted('traces_service_graph_request_total', 'server'), ['shop/db 1', 'shop/postgres 2']);
  });

  test('a pod that nobody has looked for is no news, nor is one that changes', () => {
    const { workloads, tell } = api();
    tell('set');
    tell('set');
    assert.equal(workloads.takeNews(), false);
  });

  test('a pod that is gone is named by its name again, and nothing is watched after the end', () => {
    const { workloads, tell, isWatched } = api();
    const endpoint = { namespace: 'shop', pod: 'db-0', workload: '' } as Parameters<PodWorkloads['of']>[0];
    tell('set');
    assert.equal(workloads.of(endpoint).name, 'postgres');
    tell('removed');
    assert.equal(workloads.of(endpoint).name, 'db');
    workloads.close();
    assert.equal(isWatched(), false);
  });
});
