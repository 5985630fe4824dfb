import assert from 'node:assert/strict';
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { AgentProcess, bpflow, root, temporaryFolder, until } from './agent-process.ts';

const fixtures = join(root, 'test', 'fixtures');

describe('stopping', () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`${signal} hands on what is held and ends with 0`, async () => {
      using folder = equipped();
      await using agent = await AgentProcess.run(config(folder.path), folder.path);
      agent.signal(signal);
      assert.equal(await agent.ended(), 0, agent.log);
      assert.equal(JSON.parse(readFileSync(join(folder.path, 'totals.json'), 'utf8')).logs, 10);
      assert.match(agent.log, new RegExp(`Received signal from OS\\.\\t\\{"signal":"${signal}"\\}`));
      assert.match(agent.log, /\tStarting shutdown\.\n(.*\n)*.*\tShutdown complete\.\n$/);
    });
  }

  it('gives up on a component that does not stop after shutdown_timeout, and still ends with 0', async () => {
    using folder = equipped();
    await using agent = await AgentProcess.run(config(folder.path, 'stop: never'), folder.path);
    agent.signal('SIGTERM');
    assert.equal(await agent.ended(), 0, agent.log);
    assert.match(agent.log, /\terror\texporter\/misbehaving\tThe component did not stop in time/);
    assert.equal(JSON.parse(readFileSync(join(folder.path, 'totals.json'), 'utf8')).logs, 10);
  });

  it('a second Ctrl-C ends at once', async () => {
    using folder = equipped();
    const patient = config(folder.path, 'stop: never').replace('shutdown_timeout: 1s', 'shutdown_timeout: 1h');
    await using agent = await AgentProcess.run(patient, folder.path);
    agent.signal('SIGINT');
    await agent.says('Starting shutdown.');
    agent.signal('SIGINT');
    assert.equal(await agent.ended(), 1, agent.log);
  });

  it('ends although a component has left something open', async () => {
    using folder = equipped();
    await using agent = await AgentProcess.run(config(folder.path, 'background: handle'), folder.path);
    agent.signal('SIGTERM');
    assert.equal(await agent.ended(), 0, agent.log);
  });

  it('goes on when a component throws while it stops', async () => {
    using folder = equipped();
    await using agent = await AgentProcess.run(config(folder.path, 'stop: throw'), folder.path);
    agent.signal('SIGTERM');
    assert.equal(await agent.ended(), 0, agent.log);
    assert.match(
      agent.log,
      /\terror\texporter\/misbehaving\tThe component failed while stopping\.\t\{"error":"will not lie down"\}/,
    );
  });
});

describe('nothing ends a running agent but a signal to stop', () => {
  it('SIGHUP reads the configuration again', async () => {
    using folder = equipped();
    await using agent = await AgentProcess.run(config(folder.path), folder.path);
    agent.signal('SIGHUP');
    await agent.says('The configuration was reloaded.\t{"added":[],"removed":[],"changed":[],"kept":3}');
    agent.signal('SIGTERM');
    assert.equal(await agent.ended(), 0);
  });

  for (const [background, kind, text] of [
    ['reject', 'unhandledRejection', 'nobody waits for this'],
    ['throw', 'uncaughtException', 'nobody catches this'],
  ] as const) {
    it(`an ${kind} in a plugin is logged and counted`, async () => {
      using folder = equipped();
      await using agent = await AgentProcess.run(config(folder.path, `background: ${background}`), folder.path);
      await agent.says(
        new RegExp(`An error was not handled; the agent goes on\\.\\t\\{"kind":"${kind}","error":"${text}"`),
      );
      assert.match(await agent.page(), new RegExp(`^bpflow_unhandled_errors\\{kind="${kind}"\\} 1$`, 'm'));
      agent.signal('SIGTERM');
      assert.equal(await agent.ended(), 0);
    });
  }

  it("an error in a component's timer is logged under its name", async () => {
    using folder = equipped();
    await using agent = await AgentProcess.run(config(folder.path, 'background: timer'), folder.path);
    await agent.says(/\terror\texporter\/misbehaving\tA timer of the component failed\.\t\{"error":"a bad tick"\}/);
    agent.signal('SIGTERM');
    assert.equal(await agent.ended(), 0);
  });

  it('a component that cannot take a batch loses it on its own branch, counted', async () => {
    using folder = equipped();
    await using agent = await AgentProcess.run(config(folder.path, 'consume: throw'), folder.path);
    const lost = 'bpflow_ledger_dropped_items{component="misbehaving",kind="exporter",reason="failed"} 10\n';
    let page = '';
    await until(
      async () => {
        page = await agent.page();
        return page.includes(lost);
      },
      () => page,
    );
    assert.ok(page.includes('otelcol_exporter_send_failed_log_records{exporter="misbehaving"} 10\n'), page);
    assert.ok(page.includes('otelcol_exporter_sent_log_records{exporter="tally"} 10\n'), page);
    assert.match(agent.log, /exporter \\"misbehaving\\" \(plugin \\"\.\/misbehaving\.js\\"\): indigestible/);
  });
});

describe('an agent that cannot start', () => {
  it('says why in one block, stops what had started, and ends with 1', () => {
    using folder = equipped();
    const { status, stderr, stdout } = bpflow(
      ['run', '--config', `yaml:${config(folder.path, 'start: throw')}`],
      folder.path,
    );
    assert.equal(status, 1);
    assert.equal(stdout, '');
    assert.match(
      stderr,
      /\nError: cannot start pipelines: failed to start "misbehaving" exporter \(plugin "\.\/misbehaving\.js"\): cannot get up\n$/,
    );
    assert.equal(JSON.parse(readFileSync(join(folder.path, 'totals.json'), 'utf8')).started, true);
  });
});

function equipped() {
  const folder = temporaryFolder();
  cpSync(join(fixtures, 'plugin-npm'), join(folder.path, 'node_modules', 'bpflow-plugin-tally'), { recursive: true });
  cpSync(join(fixtures, 'plugin-misbehaving.js'), join(folder.path, 'misbehaving.js'));
  return folder;
}

function config(folder: string, misbehaviour = 'stop: at_once'): string {
  return `
plugins: [bpflow-plugin-tally, ./misbehaving.js]
receivers: { beat: }
exporters:
  tally: { path: ${folder}/totals.json }
  misbehaving: { ${misbehaviour} }
service:
  shutdown_timeout: 1s
  admin: { endpoint: ${folder}/admin.sock }
  pipelines:
    logs: { receivers: [beat], exporters: [tally, misbehaving] }
  telemetry:
    metrics: { readers: [{ pull: { exporter: { prometheus: { host: 127.0.0.1, port: 0 } } } }] }
`;
}
