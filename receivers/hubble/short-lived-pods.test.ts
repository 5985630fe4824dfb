import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type MetricBatch, presentBatch } from 'bpflow/sdk';
import { manualClock, metricsOf } from 'bpflow/testing';
import { config } from './config.ts';
import { FlowIntake } from './flow-intake.ts';
import { cart, encode, type Message } from './test/messages.ts';

const isFull = process.env['BPFLOW_SUITE'] === 'full';
const PODS = isFull ? 100_000 : 5000;
const MINUTES = isFull ? 60 : 10;
const WINDOW_MS = 10_000;
/** Every pod has a connection from its first to its last window. */
const LIFE_WINDOWS = 3;
const IDLE_MS = 60_000;
const ENDED = 1;
/** Names of services that may lie there before they are forgotten. */
const FORGOTTEN_TOGETHER = 1024;
/** Memory is looked at every 2 minutes. */
const SAMPLED_WINDOWS = 12;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('globalThis.gc') as () => void;

describe('pods that live half a minute each', () => {
  test(`${PODS} of them in ${MINUTES} minutes: each series ends, each flow counts, and memory stays as it is`, () => {
    const clock = manualClock();
    const intake = new FlowIntake({
      config: config.parse({
        endpoint: 'a:1',
        exclude_namespaces: [],
        max_flows_per_second: 0,
        context: { labels: ['source_namespace', 'source_pod', 'destination_workload'] },
        aggregation_window: `${WINDOW_MS}ms`,
        idle_timeout: `${IDLE_MS}ms`,
      }),
      version: '0',
    });
    const windows = (MINUTES * 60_000) / WINDOW_MS;
    const begun = clock.now();
    let sent = 0;
    let counted = 0;
    let connections = 0;
    let durations = 0;
    let made = 0;
    let ended = 0;
    let mostSeries = 0;
    let edges = 0;
    let mostServices = 0;
    const isClient = new Uint8Array(PODS);
    const memory: number[] = [];
    const take = (batch: MetricBatch | undefined): void => {
      if (batch === undefined) return;
      for (const { name, flags, value, count, attributes } of metricsOf(presentBatch(batch, 'seed'))) {
        if (name === 'hubble_flows_total') {
          if (flags === ENDED) ended++;
          else counted += Number(value);
        } else if (flags === ENDED) continue;
        else if (name === 'hubble_tcp_connections_total') connections += Number(value);
        else if (name === 'hubble_tcp_connection_duration_seconds') durations += Number(count);
        else if (name === 'traces_service_graph_request_total') {
          edges += Number(value);
          isClient[Number(/^batch\/report-(\d+)-x$/.exec(String(attributes['client']))?.[1])] = 1;
        }
      }
    };
    const perWindow = Math.ceil(PODS / windows);
    const podsAlive = (window: number): readonly number[] => {
      const first = Math.max(0, (window - LIFE_WINDOWS + 1) * perWindow);
      const last = Math.min(PODS, (window + 1) * perWindow);
      return Array.from({ length: Math.max(0, last - first) }, (_, i) => first + i);
    };
    // Some windows more, in which nothing comes.
    for (let window = 0; window < windows + LIFE_WINDOWS + IDLE_MS / WINDOW_MS + 1; window++) {
      for (const pod of podsAlive(window)) {
        const age = window - Math.floor(pod / perWindow);
        if (age === 0) made++;
        const flags = age === 0 ? [{ SYN: true }] : age === LIFE_WINDOWS - 1 ? [{ RST: true }] : [{ ACK: true }];
        for (const flag of flags) intake.take(flow(pod, flag, clock.now(), ++sent));
      }
      clock.advance(WINDOW_MS);
      intake.tick(clock.monotonic());
      take(intake.takeMetrics(clock.now(), begun));
      mostServices = Math.max(mostServices, intake.services.size);
      mostSeries = Math.max(mostSeries, intake.metrics.metrics[0]!.series.size);
      if (window < windows && window % SAMPLED_WINDOWS === SAMPLED_WINDOWS - 1) {
        collectGarbage();
        const { heapUsed, arrayBuffers } = process.memoryUsage();
        memory.push((heapUsed + arrayBuffers) / 2 ** 20);
      }
    }
    assert.equal(made, PODS);
    assert.equal(counted, sent);
    assert.equal(connections, PODS);
    assert.equal(durations, PODS);
    // One series of flows for each pod: all flows of one look alike.
    assert.equal(ended, PODS);
    assert.equal(intake.metrics.metrics[0]!.series.size, 1);
    const alive = perWindow * (LIFE_WINDOWS + IDLE_MS / WINDOW_MS + 1);
    assert.ok(mostSeries <= alive + 1, `${mostSeries} series of ${alive} pods`);
    // Every pod is a service of its own: more than there are numbers for services at any one time.
    assert.equal(edges, PODS);
    assert.equal(isClient.indexOf(0), -1);
    assert.ok(mostServices <= 2 * alive + FORGOTTEN_TOGETHER, `${mostServices} services of ${alive} pods`);
    assert.equal(intake.metrics.connections?.size, 0);
    const { contexts, reader, services, metrics } = intake;
    assert.deepEqual([contexts.refused, reader.words.refused, services.refused, metrics.refused], [0, 0, 0, 0]);
    // Endpoints are remembered until there are 32,768, then forgotten at once: memory goes up and down, and not beyond what it was.
    const half = memory.length >> 1;
    const [before, after] = [Math.max(...memory.slice(0, half)), Math.max(...memory.slice(half))];
    assert.ok(after - before < 8, `MiB in use: ${memory.map((mib) => mib.toFixed(1)).join(' ')}`);
  });
});

function flow(pod: number, flags: Message, now: bigint, id: number): Uint8Array {
  return encode('GetFlowsResponse', {
    flow: {
      time: { seconds: Number(now / 1_000_000_000n), nanos: Number(now % 1_000_000_000n) },
      uuid: `00000000-0000-4000-8000-${String(id).padStart(12, '0')}`,
      node_name: 'node-a',
      verdict: 1,
      Type: 1,
      event_type: { type: 4 },
      traffic_direction: 1,
      is_reply: { value: false },
      source: {
        ID: 1 + (pod % 60_000),
        identity: 20_000 + (pod % 200),
        namespace: 'batch',
        labels: [`k8s:job-name=report-${pod}`, 'k8s:io.kubernetes.pod.namespace=batch'],
        pod_name: `report-${pod}-x7k2p`,
        workloads: [{ name: `report-${pod}-x`, kind: 'Job' }],
      },
      destination: cart,
      IP: { source: `10.${pod >>> 16}.${(pod >>> 8) & 255}.${pod & 255}`, destination: '10.200.0.2', ipVersion: 1 },
      l4: { TCP: { source_port: 40_000, destination_port: 8080, flags } },
    },
  });
}
