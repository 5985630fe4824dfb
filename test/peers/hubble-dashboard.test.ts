import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { DashboardJson, PanelJson } from '../../scripts/dashboards/problems.ts';
import { AgentProcess, admin, root } from '../e2e/agent-process.ts';
import { missing as missingCommand, PrometheusServer } from '../e2e/prometheus-server.ts';
import { HubbleServer } from './hubble-server.ts';
import { temporaryFolder } from './program.ts';
import { missing } from './programs.ts';

const folder = temporaryFolder();
after(() => folder[Symbol.dispose]());

describe('the dashboard of flows', { skip: missing('hubble-server') || missingCommand('prometheus') }, () => {
  test("shows something in every panel, of the flows of Cilium's server in a real Prometheus", async () => {
    await using server = await HubbleServer.start({ folder: folder.path, ring: 65_535 });
    await using agent = await AgentProcess.run(config(server.plain), folder.path);
    await server.hasStreams(1);
    const prometheus = await PrometheusServer.start([await pageOf(agent)]);
    try {
      // A rate needs two scrapes with the same series, and something in between.
      await server.feed(40);
      await prometheus.query('hubble_flows_total');
      await server.feed(40);
      await prometheus.query('rate(hubble_flows_total[1m]) > 0');
      const { panels = [] } = JSON.parse(
        readFileSync(join(root, 'deploy', 'grafana', 'hubble.json'), 'utf8'),
      ) as DashboardJson;
      const all = panels.flatMap((panel): readonly PanelJson[] => [panel, ...(panel.panels ?? [])]);
      let shown = 0;
      for (const { title, targets = [] } of all) {
        for (const { expr } of targets) {
          // The flows of this server have no sockets: test/kernel/hubble-join.test.ts.
          if (expr.includes('hubble_flow_bytes_total')) continue;
          // All is chosen in every variable.
          const asked = expr.replaceAll('$__rate_interval', '1m').replaceAll(/\$\w+/g, '.*');
          const samples = await prometheus.query(asked);
          assert.ok(samples.length > 0, title);
          shown++;
        }
      }
      assert.ok(shown > 30, `${shown} queries`);
    } finally {
      await prometheus.stop();
    }
  });
});

/** host:port of the page for Prometheus. */
async function pageOf(agent: AgentProcess): Promise<string> {
  const { components } = (await admin(agent.adminPath, '/v1/health')) as {
    readonly components: readonly { readonly id: string; readonly summary: string }[];
  };
  const [, address] = /\/\/(127\.0\.0\.1:\d+)/.exec(components.find(({ id }) => id === 'prometheus')!.summary) ?? [];
  assert.ok(address !== undefined);
  return address;
}

function config(endpoint: string): string {
  return `
receivers:
  hubble: { endpoint: "${endpoint}", hubble_tls_enabled: false, exclude_namespaces: [], max_flows_per_second: 0 }
exporters: { prometheus: { endpoint: "127.0.0.1:0" } }
service:
  admin: { endpoint: ${folder.path}/admin.sock }
  telemetry: { metrics: { readers: [{ pull: { exporter: { prometheus: { host: 127.0.0.1, port: 0 } } } }] } }
  pipelines: { metrics: { receivers: [hubble], exporters: [prometheus] } }
`;
}
