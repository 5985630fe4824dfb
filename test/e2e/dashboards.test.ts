import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { cart, flowMessage, frontend } from '../../receivers/hubble/test/messages.ts';
import { type DashboardJson, problemsOf } from '../../scripts/dashboards/problems.ts';
import { AgentProcess, admin, root, temporaryFolder } from './agent-process.ts';
import { registryOfFakes, registryOfPage } from './agent-registry.ts';
import { HubbleService } from './hubble-service.ts';
import { missing, PrometheusServer } from './prometheus-server.ts';

const read = (name: string): DashboardJson =>
  JSON.parse(readFileSync(join(root, 'deploy', 'grafana', `${name}.json`), 'utf8')) as DashboardJson;

describe('the dashboard of the agent', () => {
  it('asks for metrics and labels that a running agent has', async () => {
    await using hubble = await HubbleService.start(flows(3));
    using folder = temporaryFolder();
    await using agent = await AgentProcess.run(everything(folder.path, hubble.address), folder.path);
    const receiver = await addressOf(agent, 'otlp');
    const scraped = await addressOf(agent, 'prometheus');
    let problems: readonly string[] = [];
    for (const end = Date.now() + 20_000; Date.now() < end; await wait(200)) {
      await send(receiver);
      await (await fetch(`http://${scraped}/metrics`)).text();
      const page = registryOfPage(await agent.page());
      problems = problemsOf(read('agent'), new Map([...registryOfFakes(), ...page]));
      if (problems.length === 0) return;
    }
    assert.deepEqual(problems, [], agent.log);
  });

  it('would be refused with a metric that there is not', async () => {
    const page = '# TYPE otelcol_process_uptime counter\notelcol_process_uptime{a="b,c=\\"d\\""} 1\n';
    const registry = registryOfPage(page);
    assert.deepEqual(
      [...registry.keys(), ...registry.get('otelcol_process_uptime')!.labels],
      ['otelcol_process_uptime', 'a'],
    );
    assert.ok(problemsOf(read('agent'), registry).length > 50);
  });
});

describe('the dashboard of flows', () => {
  it('shows what a real Prometheus has scraped', { skip: missing('prometheus') }, async () => {
    await using hubble = await HubbleService.start(flows(50));
    using folder = temporaryFolder();
    await using agent = await AgentProcess.run(everything(folder.path, hubble.address), folder.path);
    const target = await addressOf(agent, 'prometheus');
    const prometheus = await PrometheusServer.start([target]);
    try {
      await prometheus.query('hubble_flows_total');
      for (const { title, targets = [], type } of read('hubble').panels!.flatMap((panel) => [
        panel,
        ...(panel.panels ?? []),
      ])) {
        if (type === 'row') continue;
        for (const { expr } of targets) {
          // All is chosen in every variable, and Grafana's interval is a minute.
          const asked = expr.replaceAll(/\$__rate_interval/g, '1m').replaceAll(/\$\w+/g, '.*');
          assert.ok(await prometheus.takes(asked), `${title}: ${asked}`);
        }
      }
      assert.ok(!(await prometheus.takes('sum by verdict (hubble_flows_total)')));
      const [shown] = await prometheus.query('sum by (verdict) (rate(hubble_flows_total{job=~".*"}[1m]))');
      assert.equal(shown!.metric['verdict'], 'FORWARDED');
    } finally {
      await prometheus.stop();
    }
  });
});

function flows(count: number): readonly Uint8Array[] {
  return Array.from({ length: count }, (_, i) =>
    flowMessage({
      uuid: `00000000-0000-4000-9000-${String(i).padStart(12, '0')}`,
      time: { seconds: Math.floor(Date.now() / 1000) },
      verdict: 1,
      Type: 1,
      event_type: { type: 4 },
      traffic_direction: 1,
      source: frontend,
      destination: cart,
      l4: { UDP: { source_port: 40_000, destination_port: 53 } },
    }),
  );
}

/** host:port that a component serves, as its health tells. */
async function addressOf(agent: AgentProcess, component: string): Promise<string> {
  const { components } = (await admin(agent.adminPath, '/v1/health')) as {
    readonly components: readonly { readonly id: string; readonly summary: string }[];
  };
  const { summary = '' } = components.find(({ id }) => id === component) ?? {};
  const [, address] = /(127\.0\.0\.1:\d+)/.exec(summary) ?? [];
  assert.ok(address !== undefined, `${component}: ${JSON.stringify(components)}`);
  return address;
}

/** A little of every signal. */
async function send(address: string): Promise<void> {
  const time = String(BigInt(Date.now()) * 1_000_000n);
  const log = { timeUnixNano: time, body: { stringValue: 'x' } };
  const span = {
    traceId: 'a'.repeat(32),
    spanId: 'b'.repeat(16),
    name: 'x',
    startTimeUnixNano: time,
    endTimeUnixNano: time,
  };
  const metric = { name: 'x', gauge: { dataPoints: [{ timeUnixNano: time, asDouble: 1 }] } };
  const bodies = {
    logs: { resourceLogs: [{ scopeLogs: [{ logRecords: [log] }] }] },
    traces: { resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] },
    metrics: { resourceMetrics: [{ scopeMetrics: [{ metrics: [metric] }] }] },
  };
  for (const [signal, body] of Object.entries(bodies)) {
    const request = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    await (await fetch(`http://${address}/v1/${signal}`, request)).arrayBuffer();
  }
}

function everything(folder: string, hubble: string): string {
  return `
receivers:
  otlp: { protocols: { http: { endpoint: "127.0.0.1:0" } } }
  hubble: { endpoint: "${hubble}", hubble_tls_enabled: false, aggregation_window: 200ms }
processors:
  batch: { timeout: 100ms }
exporters:
  prometheus: { endpoint: "127.0.0.1:0" }
  otlp_http:
    endpoint: "http://127.0.0.1:1"
    sending_queue: { queue_size: 100, storage: file_storage }
    retry_on_failure: { initial_interval: 50ms, max_interval: 50ms, max_elapsed_time: 100ms }
extensions:
  file_storage: { directory: ${folder}/storage, create_directory: true }
service:
  extensions: [file_storage]
  admin: { endpoint: ${folder}/admin.sock }
  telemetry: { metrics: { level: detailed, readers: [{ pull: { exporter: { prometheus: { host: 127.0.0.1, port: 0 } } } }] } }
  pipelines:
    metrics: { receivers: [otlp, hubble], processors: [batch], exporters: [prometheus, otlp_http] }
    logs: { receivers: [otlp, hubble], processors: [batch], exporters: [otlp_http] }
    traces: { receivers: [otlp], processors: [batch], exporters: [otlp_http] }
`;
}
