import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { AgentProcess, admin, bpflow, temporaryFolder, until } from './agent-process.ts';

const METRIC = 'http_server_requests_total';

describe('a flood of label values', () => {
  it('stays within the budget, loses no count on the page, and survives a reload with another budget', async () => {
    using folder = temporaryFolder();
    const file = folder.write('config.yaml', config(folder.path, 40));
    await using agent = new AgentProcess(['run', '--config', file], folder.path);
    await agent.says('Everything is ready.');
    const { otlp, page } = await addresses(agent);

    let sent = 0;
    const flood = async (from: number, count: number): Promise<void> => {
      await send(otlp, from, count);
      sent += count;
    };
    for (let i = 0; i < 5; i++) await flood(i * 400, 1000);
    const first = await shown(page);
    assert.equal(first.total, sent);
    assert.ok(first.lines <= 40, `${first.lines} series`);
    assert.ok(first.methods.has('GET') && first.methods.has('POST'));

    folder.write('config.yaml', config(folder.path, 200));
    agent.signal('SIGHUP');
    await until(
      async () => {
        await flood(0, 1);
        return (await budget(agent)) === 200;
      },
      () => agent.log,
    );
    for (let i = 0; i < 5; i++) await flood(i * 400, 1000);
    assert.equal((await shown(page)).total, sent);

    const ledger = bpflow(['ledger', '--admin', agent.adminPath]);
    assert.equal(ledger.status, 0, ledger.stdout + ledger.stderr);
  });

  it('can be looked at before anything is exported', () => {
    using folder = temporaryFolder();
    const file = folder.write('config.yaml', config(folder.path, 40));
    const run = bpflow(['estimate', '--config', file, '--for', '100ms', '--format', 'json']);
    assert.equal(run.status, 0, run.stderr);
    const { pipelines } = JSON.parse(run.stdout) as { readonly pipelines: readonly unknown[] };
    const none = { before: 0, now: 0, half: 0 };
    assert.deepEqual(pipelines, [
      { pipeline: 'metrics', processor: 'cardinality_limit', points: 0, series: none, metrics: [] },
    ]);
  });

  it('is looked at for a time that is one', () => {
    const run = bpflow(['estimate', '--config', 'yaml:{}', '--for', 'soon']);
    assert.equal(run.status, 1);
    assert.equal(run.stderr, 'Error: invalid argument "soon" for "--for" flag: use a duration such as 30s\n');
  });
});

function config(folder: string, maxSeries: number): string {
  return `
receivers: { otlp: { protocols: { http: { endpoint: "127.0.0.1:0" } } } }
processors: { cardinality_limit: { max_series: ${maxSeries} } }
exporters: { prometheus: { endpoint: "127.0.0.1:0" } }
service:
  admin: { endpoint: ${join(folder, 'admin.sock')} }
  telemetry: { metrics: { level: none } }
  pipelines: { metrics: { receivers: [otlp], processors: [cardinality_limit], exporters: [prometheus] } }
`;
}

async function addresses(agent: AgentProcess): Promise<{ readonly otlp: string; readonly page: string }> {
  const { components } = (await admin(agent.adminPath, '/v1/health')) as {
    components: { readonly id: string; readonly summary: string }[];
  };
  const summary = (id: string): string => components.find((component) => component.id === id)?.summary ?? '';
  return {
    otlp: `http://${/at (\S+) \(HTTP\)/.exec(summary('otlp'))![1]}/v1/metrics`,
    page: /http:\S+metrics/.exec(summary('prometheus'))![0],
  };
}

/** Budget of the metric as the view of the running processor shows it; undefined before the first point. */
async function budget(agent: AgentProcess): Promise<number | undefined> {
  const path = '/v1/views/processor/cardinality_limit/cardinality?pipeline=metrics';
  const { metrics } = (await admin(agent.adminPath, path)) as { metrics: { readonly maxSeries: number }[] };
  return metrics[0]?.maxSeries;
}

/** Deltas of one: of so many paths, each by one of two methods. */
async function send(url: string, from: number, count: number): Promise<void> {
  const now = BigInt(Date.now()) * 1_000_000n;
  const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });
  const dataPoints = Array.from({ length: count }, (_, i) => ({
    attributes: [text('method', i % 2 === 0 ? 'GET' : 'POST'), text('path', `/item/${from + i}`)],
    startTimeUnixNano: String(now - 1_000_000n),
    timeUnixNano: String(now),
    asInt: '1',
  }));
  const metric = { name: 'http.server.requests', sum: { aggregationTemporality: 1, isMonotonic: true, dataPoints } };
  const body = { resourceMetrics: [{ resource: {}, scopeMetrics: [{ scope: {}, metrics: [metric] }] }] };
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  assert.equal(response.status, 200, await response.text());
}

async function shown(page: string) {
  const text = await (await fetch(page)).text();
  const lines = text.split('\n').filter((line) => line.startsWith(METRIC));
  return {
    lines: lines.length,
    total: lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0),
    methods: new Set(lines.map((line) => /method="([^"]*)"/.exec(line)?.[1])),
  };
}
