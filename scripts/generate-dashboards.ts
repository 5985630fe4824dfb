/**
 * generate-dashboards.ts [FOLDER]: writes deploy/grafana/*.json (or FOLDER/*.json) from the registry of metrics. A panel for a
 * metric or with a label that there is not is refused.
 */
import { writeFileSync } from 'node:fs';
import { agentDashboard } from './dashboards/agent.ts';
import { grafanaJson } from './dashboards/grafana.ts';
import { hubbleDashboard } from './dashboards/hubble.ts';
import { kernelDashboard } from './dashboards/kernel.ts';
import { hubbleRegistry, kernelRegistry } from './dashboards/registry.ts';

const folder = process.argv[2] ?? 'deploy/grafana';
const dashboards = {
  hubble: hubbleDashboard(hubbleRegistry()),
  kernel: kernelDashboard(kernelRegistry()),
  agent: agentDashboard(),
};
for (const [name, dashboard] of Object.entries(dashboards)) {
  writeFileSync(`${folder}/${name}.json`, `${JSON.stringify(grafanaJson(dashboard), undefined, 2)}\n`);
}
