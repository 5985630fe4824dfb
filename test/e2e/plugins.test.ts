import assert from 'node:assert/strict';
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { version } from '../../sdk/version.ts';
import { AgentProcess, admin, bpflow, root, temporaryFolder } from './agent-process.ts';

const fixtures = join(root, 'test', 'fixtures');

describe('a plugin from npm', () => {
  for (const [how, place, plugin] of [
    ['installed as a package', 'node_modules/bpflow-plugin-tally', 'bpflow-plugin-tally'],
    ['by its path', 'my/plugins/tally', './my/plugins/tally'],
  ] as const) {
    it(`${how}, in a folder without our node_modules, works like a built-in`, async () => {
      using folder = temporaryFolder();
      cpSync(join(fixtures, 'plugin-npm'), join(folder.path, place), { recursive: true });
      const config = folder.write('agent.yaml', tallyConfig(plugin, folder.path));
      await using agent = new AgentProcess(['run', '--config', config], '/');
      await agent.says('Everything is ready.');

      const page = await agent.page();
      for (const line of [
        'otelcol_receiver_accepted_log_records{receiver="beat"} 30',
        'otelcol_processor_incoming_items{otel_signal="logs",processor="hold-back"} 30',
        'otelcol_processor_outgoing_items{otel_signal="logs",processor="hold-back"} 20',
        'bpflow_ledger_held_items{component="hold-back",kind="processor",pipeline="logs"} 10',
        'bpflow_ledger_imbalance_items{component="hold-back",kind="processor",pipeline="logs"} 0',
        'otelcol_exporter_sent_log_records{exporter="tally"} 20',
        'bpflow_component_health{component="tally",kind="exporter",state="ok"} 1',
      ]) {
        assert.ok(page.includes(`${line}\n`), `${line}\n\n${page}`);
      }
      assert.deepEqual(await admin(agent.adminPath, '/v1/views/processor/hold-back/held'), { batches: 1 });
      assert.match(agent.log, /\tinfo\texporter\/tally\tTallying\.\t/);
      const totals = (await admin(agent.adminPath, '/v1/views/exporter/tally/totals')) as { readonly beats: number };
      assert.equal(totals.beats, 3, 'the exporter finds what the receiver provides');

      agent.signal('SIGTERM');
      assert.equal(await agent.ended(), 0, agent.log);
      assert.deepEqual(JSON.parse(readFileSync(join(folder.path, 'totals.json'), 'utf8')), {
        started: true,
        metrics: 0,
        logs: 30,
        traces: 0,
        agent: version,
      });
    });
  }

  it('has its configuration checked like a built-in', () => {
    using folder = temporaryFolder();
    cpSync(join(fixtures, 'plugin-npm'), join(folder.path, 'node_modules', 'bpflow-plugin-tally'), { recursive: true });
    const config = folder.write(
      'agent.yaml',
      tallyConfig('bpflow-plugin-tally', folder.path).replace('batches: 2', 'batchez: 2'),
    );
    const { status, stderr, stdout } = bpflow(['validate', '--config', config]);
    assert.equal(status, 1);
    assert.equal(stdout, '');
    assert.match(stderr, /^Error: .*agent\.yaml:\d+:\d+: processors::hold-back.*batchez.*"batches"/);
  });

  it('is listed with the components', () => {
    using folder = temporaryFolder();
    cpSync(join(fixtures, 'plugin-npm'), join(folder.path, 'node_modules', 'bpflow-plugin-tally'), { recursive: true });
    const config = folder.write('agent.yaml', tallyConfig('bpflow-plugin-tally', folder.path));
    const { status, stdout } = bpflow(['components', '--config', config]);
    assert.equal(status, 0);
    assert.match(
      stdout,
      / {4}- name: tally\n {6}module: bpflow-plugin-tally\n {6}stability:\n {10}logs: Beta\n {10}metrics: Beta\n {10}traces: Beta\n/,
    );
  });
});

describe('a broken plugin', () => {
  it('keeps the agent from starting, with one clear error that names it', () => {
    using folder = temporaryFolder();
    cpSync(join(fixtures, 'plugin-broken'), join(folder.path, 'broken'), { recursive: true });
    const config = folder.write('agent.yaml', tallyConfig('./broken/throws.js', folder.path));
    for (const command of ['run', 'validate']) {
      const { status, stderr, stdout } = bpflow([command, '--config', config]);
      assert.equal(status, 1);
      assert.equal(stdout, '');
      assert.match(
        stderr,
        /^Error: plugin "\.\/broken\/throws\.js" cannot be imported: TypeError: no licence key \(.*throws\.js:1:\d+\)\n$/,
      );
    }
  });

  it('is reported together with all others', () => {
    using folder = temporaryFolder();
    cpSync(join(fixtures, 'plugin-broken'), join(folder.path, 'broken'), { recursive: true });
    const config = folder.write(
      'agent.yaml',
      tallyConfig('./broken/no-default.js', folder.path).replace('plugins:\n', 'plugins:\n  - nowhere\n'),
    );
    const { stderr } = bpflow(['validate', '--config', config]);
    const lines = stderr.trimEnd().split('\n');
    assert.equal(lines.length, 2, stderr);
    assert.match(lines[0]!, /^Error: plugin "nowhere" was not found from /);
    assert.match(lines[1]!, /^plugin "\.\/broken\/no-default\.js" default-exports nothing/);
  });
});

function tallyConfig(plugin: string, folder: string): string {
  return `plugins:
  - ${plugin}
receivers:
  beat: { batches: 3, records: 10 }
processors:
  hold-back:
    batches: 2
exporters:
  tally:
    path: ${folder}/totals.json
service:
  admin: { endpoint: ${folder}/run/admin.sock }
  pipelines:
    logs: { receivers: [beat], processors: [hold-back], exporters: [tally] }
  telemetry:
    metrics: { readers: [{ pull: { exporter: { prometheus: { host: 127.0.0.1, port: 0 } } } }] }
`;
}
