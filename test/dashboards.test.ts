import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type DashboardJson, metricsIn, type PanelJson, problemsOf } from '../scripts/dashboards/problems.ts';
import { hubbleRegistry, kernelRegistry, type Registry } from '../scripts/dashboards/registry.ts';

const folder = join(import.meta.dirname, '..', 'deploy', 'grafana');
const read = (name: string): DashboardJson => JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'));
const registries: Readonly<Record<string, Registry>> = { hubble: hubbleRegistry(), kernel: kernelRegistry() };

describe('the dashboards', () => {
  it('are those that are tested here, and that of the agent, which is tested with a running one', () => {
    const files = readdirSync(folder).filter((file) => file.endsWith('.json'));
    assert.deepEqual(files.sort(), ['agent.json', 'hubble.json', 'kernel.json']);
  });

  for (const [name, registry] of Object.entries(registries)) {
    it(`${name} asks for metrics and labels that there are`, () => {
      assert.deepEqual(problemsOf(read(name), registry), []);
    });

    it(`${name} shows every metric of the registry`, () => {
      const shown = metricsIn(read(name), registry);
      assert.deepEqual(
        [...registry.keys()].filter((metric) => !shown.has(metric)),
        [],
      );
    });
  }

  it('have titles and addresses of their own', () => {
    const all = ['agent', ...Object.keys(registries)].map((name) => read(name) as DashboardJson & { uid: string });
    assert.equal(new Set(all.map(({ uid }) => uid)).size, all.length);
    assert.equal(new Set(all.map(({ title }) => title)).size, all.length);
  });
});

describe('a dashboard is refused', () => {
  const panel = (expr: string, more: Partial<PanelJson> = {}, legendFormat = ''): PanelJson => ({
    id: 1,
    type: 'timeseries',
    title: 'x',
    description: 'What it is.',
    datasource: { uid: '${datasource}' },
    gridPos: { x: 0, y: 0, w: 12, h: 8 },
    targets: [{ expr, legendFormat }],
    fieldConfig: { defaults: { unit: 's' } },
    ...more,
  });
  const source = { name: 'datasource', type: 'datasource', query: 'prometheus' };
  const dashboard = (...panels: readonly PanelJson[]): DashboardJson => ({
    schemaVersion: 39,
    templating: { list: [source] },
    panels,
  });
  const registry = hubbleRegistry();
  const cases: Readonly<Record<string, readonly [PanelJson, RegExp]>> = {
    'for a metric that nobody has': [
      panel('sum(rate(hubble_drop_bytes_total[5m]))'),
      /asks for hubble_drop_bytes_total, which nobody has\./,
    ],
    'for one under its name in OpenTelemetry': [panel('rate(hubble_flows[5m])'), /hubble_flows, which nobody has/],
    'for a label in a matcher': [
      panel('rate(hubble_flows_total{reporter="server"}[5m])'),
      /asks for hubble_flows_total by reporter, which it has not\./,
    ],
    'for a label in a grouping': [
      panel('sum by (verdict, status) (rate(hubble_flows_total[5m]))'),
      /groups hubble_flows_total by status, which it has not\./,
    ],
    'for a label of one side of a division': [
      panel('rate(hubble_drop_total[5m]) / on (reason) rate(hubble_flows_total[5m])'),
      /groups hubble_flows_total by reason/,
    ],
    'for a label in a legend': [
      panel('sum by (verdict) (rate(hubble_flows_total[5m]))', {}, '{{protocol}}'),
      /shows protocol in its legend/,
    ],
    'for the buckets of what is no histogram': [panel('rate(hubble_flows_total_bucket[5m])'), /which nobody has/],
    'for le where there are no buckets': [
      panel('sum by (le) (rate(hubble_http_request_duration_seconds_sum[5m]))'),
      /by le, which it has not/,
    ],
    'for a histogram without a suffix': [
      panel('rate(hubble_http_request_duration_seconds[5m])'),
      /the histogram hubble_http_request_duration_seconds without a suffix/,
    ],
    'for a counter without a rate': [panel('sum(hubble_flows_total)'), /which only grows, without a rate/],
    'for a query that is none': [panel('sum by verdict (rate(hubble_flows_total[5m])'), /has no valid query/],
    'for a variable that there is not': [
      panel('rate(hubble_flows_total{verdict=~"$verdict"}[$__rate_interval])'),
      /uses the variable verdict, which there is not/,
    ],
    'for a panel without a unit': [
      panel('rate(hubble_flows_total[5m])', { fieldConfig: { defaults: {} } }),
      /has no unit/,
    ],
    'for a panel without a description': [panel('rate(hubble_flows_total[5m])', { description: '' }), /no description/],
  };
  for (const [name, [wrong, message]] of Object.entries(cases)) {
    it(name, () => {
      const problems = problemsOf(dashboard(wrong), registry);
      assert.equal(problems.length, 1, problems.join('\n'));
      assert.match(problems[0]!, message);
    });
  }

  it('for a variable of a label that there is not, and none for the data source', () => {
    const list = [{ name: 'pod', type: 'query', query: { query: 'label_values(hubble_flows_total, pod)' } }];
    assert.deepEqual(problemsOf({ schemaVersion: 39, templating: { list } }, registry), [
      'There is no variable for the data source.',
      'Variable pod: hubble_flows_total has no label pod.',
    ]);
  });

  it('for panels that lie over each other', () => {
    const good = panel('rate(hubble_flows_total[5m])');
    assert.deepEqual(problemsOf(dashboard(good, { ...good, id: 2, gridPos: { x: 11, y: 7, w: 2, h: 2 } }), registry), [
      'Panel "x" lies over "x".',
    ]);
    assert.deepEqual(problemsOf(dashboard(good), registry), []);
  });
});
