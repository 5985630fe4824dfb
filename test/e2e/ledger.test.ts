import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { AgentProcess, root, temporaryFolder } from './agent-process.ts';
import { askAgent } from './ask-agent.ts';

const fixtures = join(root, 'test', 'fixtures');

describe('bpflow ledger', () => {
  it('prints the books of a running agent, what was dropped with its reason, and that they balance', async () => {
    using folder = equipped();
    await using agent = await AgentProcess.run(config(folder.path, 'misbehaving: { consume: throw }'), folder.path);
    const { status, stdout, stderr } = await ledger(agent.adminPath);
    assert.equal(stderr, '');
    assert.equal(
      stdout,
      `component             in  created  out  dropped  merged  held  balance  refused
receiver beat         10        0   10        0       0     0        0        0
exporter misbehaving  10        0    0       10       0     0        0        0
    dropped: failed                          10
exporter tally        10        0   10        0       0     0        0        0
total                 30        0   20       10       0     0        0        0

Every balance is 0: in + created = out + dropped + merged + held.
`,
    );
    assert.equal(status, 0);
    const json = await ledger(agent.adminPath, '--format', 'json');
    const report = JSON.parse(json.stdout) as { balanced: boolean; components: object[]; others: object };
    assert.equal(report.balanced, true);
    assert.deepEqual(report.others, {});
    assert.deepEqual(report.components[1], {
      kind: 'exporter',
      id: 'misbehaving',
      in: 10,
      out: 0,
      dropped: { failed: 10 },
      created: {},
      merged: 0,
      held: 0,
      refused: 0,
      imbalance: 0,
    });
    assert.match(
      await agent.page(),
      /^bpflow_ledger_dropped_items\{component="misbehaving",kind="exporter",reason="failed"\} 10$/m,
    );
  });

  it('ends with 2 when a component lets items vanish', async () => {
    using folder = equipped();
    folder.write('leaky.js', LEAKY);
    await using agent = await AgentProcess.run(config(folder.path, 'debug:', 'processors: [leaky]'), folder.path);
    const { status, stdout } = await ledger(agent.adminPath);
    assert.match(stdout, /^processor leaky \(logs\) +10 +0 +0 +0 +0 +0 +10 +0$/m);
    assert.match(stdout, /^A balance is not 0: /m);
    assert.equal(status, 2);
  });

  it('shows the books of another kind that a component keeps', async () => {
    using folder = equipped();
    folder.write(
      'leaky.js',
      LEAKY.replace('create: () => ({', "create: (_, scope) => (scope.inspect('ledger', () => ({ runs: 3 })), {"),
    );
    await using agent = await AgentProcess.run(config(folder.path, 'debug:', 'processors: [leaky]'), folder.path);
    const { stdout } = await ledger(agent.adminPath, '--format', 'json');
    assert.deepEqual((JSON.parse(stdout) as { others: object }).others, { 'processor leaky (logs)': { runs: 3 } });
  });

  it('says what to do where no agent answers', async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'none.sock');
    const { status, stderr } = await ledger(path);
    assert.equal(status, 1);
    assert.match(stderr, /^Error: no agent answers at .*none\.sock \(connect ENOENT .*\): start one, or name its /);
  });
});

const LEAKY = `
import { defineProcessor, z } from 'bpflow/sdk';
export default defineProcessor({
  type: 'leaky', stability: 'alpha', description: 'Loses what it takes.', config: z.strictObject({}), consumes: ['logs'],
  create: () => ({ consume: { logs: () => {} } }),
});
`;

const ledger = (path: string, ...more: readonly string[]) => askAgent('ledger', path, ...more);

function equipped() {
  const folder = temporaryFolder();
  cpSync(join(fixtures, 'plugin-npm'), join(folder.path, 'node_modules', 'bpflow-plugin-tally'), { recursive: true });
  cpSync(join(fixtures, 'plugin-misbehaving.js'), join(folder.path, 'misbehaving.js'));
  folder.write('leaky.js', LEAKY);
  return folder;
}

function config(folder: string, exporter: string, processors = 'processors: []'): string {
  return `
plugins: [bpflow-plugin-tally, ./misbehaving.js, ./leaky.js]
receivers: { beat: }
processors: { leaky: }
exporters:
  tally: { path: ${folder}/totals.json }
  ${exporter}
service:
  shutdown_timeout: 1s
  admin: { endpoint: ${folder}/admin.sock }
  pipelines:
    logs: { receivers: [beat], ${processors}, exporters: [tally, ${exporter.split(':', 1)[0]}] }
  telemetry:
    metrics: { readers: [{ pull: { exporter: { prometheus: { host: 127.0.0.1, port: 0 } } } }] }
`;
}
