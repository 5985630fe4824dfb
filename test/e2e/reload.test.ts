import assert from 'node:assert/strict';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { AgentProcess, admin, root, temporaryFolder } from './agent-process.ts';
import { LogLoad } from './log-load.ts';
import { OtlpSink } from './otlp-sink.ts';

const fixtures = join(root, 'test', 'fixtures');

describe('SIGHUP', () => {
  it('replaces what has changed and keeps the rest', async () => {
    using folder = equipped();
    await using agent = await run(folder.path, { records: 10 });
    write(folder.path, { records: 10, totals: 'second.json' });
    agent.signal('SIGHUP');
    await agent.says(
      'The configuration was reloaded.\t{"added":[],"removed":[],"changed":["exporter/tally"],"kept":4}',
    );
    await agent.says(/\texporter\/tally\tTallying\.\t\{"path":"[^"]+second\.json"\}/);
    const page = await agent.page();
    assert.match(page, /^bpflow_config_reloads\{result="success"\} 1$/m);
    assert.match(page, /^bpflow_config_last_reload_successful 1$/m);
    assert.match(page, /^otelcol_exporter_sent_log_records\{exporter="tally"\} 10$/m);
    agent.signal('SIGTERM');
    assert.equal(await agent.ended(), 0, agent.log);
    assert.equal(total(folder.path, 'totals.json'), 10);
    assert.equal(total(folder.path, 'second.json'), 0);
  });

  it('changes nothing for a bad file: every problem with its place, and a count', async () => {
    using folder = equipped();
    await using agent = await run(folder.path, {});
    write(folder.path, { totals: 'second.json', extra: 'processors: { wrong: { key: 1 }, worse: }' });
    agent.signal('SIGHUP');
    await agent.says('The configuration was not reloaded; the one before stays in force.');
    const found = /one before stays in force\.\t(\{.*\})\n/.exec(agent.log)![1]!;
    const { problems } = JSON.parse(found) as { problems: string[] };
    assert.equal(problems.length, 2, found);
    assert.match(problems[0]!, /agent\.yaml:\d+:\d+: processors::wrong: /);
    assert.match(problems[1]!, /agent\.yaml:\d+:\d+: processors::worse: /);
    const page = await agent.page();
    assert.match(page, /^bpflow_config_reloads\{result="failure"\} 1$/m);
    assert.match(page, /^bpflow_config_last_reload_successful 0$/m);
    agent.signal('SIGTERM');
    assert.equal(await agent.ended(), 0, agent.log);
    assert.equal(total(folder.path, 'totals.json'), 10);
  });

  it('moves a page to another port, and back in force where the new port is taken', async () => {
    using folder = equipped();
    const [first, second] = [await freePort(), await freePort()];
    await using agent = await run(folder.path, { page: first });
    assert.equal((await fetch(`http://127.0.0.1:${first}/metrics`)).status, 200);
    write(folder.path, { page: second });
    agent.signal('SIGHUP');
    await agent.says('The configuration was reloaded.');
    assert.equal((await fetch(`http://127.0.0.1:${second}/metrics`)).status, 200);
    await assert.rejects(fetch(`http://127.0.0.1:${first}/metrics`));

    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as { port: number };
    write(folder.path, { page: port });
    agent.signal('SIGHUP');
    await agent.says(/not reloaded;.*EADDRINUSE|not reloaded;.*in use/);
    assert.equal((await fetch(`http://127.0.0.1:${second}/metrics`)).status, 200);
    taken.close();
    agent.signal('SIGTERM');
    assert.equal(await agent.ended(), 0, agent.log);
  });

  it('changes labels of a page that keeps its port', async () => {
    using folder = equipped();
    const port = await freePort();
    await using agent = await run(folder.path, { page: port });
    write(folder.path, { page: port, labels: '{ site: here }' });
    agent.signal('SIGHUP');
    await agent.says('The configuration was reloaded.');
    assert.equal((await fetch(`http://127.0.0.1:${port}/metrics`)).status, 200);
    agent.signal('SIGTERM');
    assert.equal(await agent.ended(), 0, agent.log);
    assert.doesNotMatch(agent.log, /\terror\t/);
  });

  it('leaves nothing behind after ten reloads in a row', async () => {
    using folder = equipped();
    await using agent = await run(folder.path, {});
    const views = async () => ((await admin(agent.adminPath, '/v1/views')) as { views: unknown[] }).views.length;
    const before = await views();
    for (let turn = 0; turn < 10; turn++) {
      write(folder.path, { totals: `totals-${turn}.json` });
      agent.signal('SIGHUP');
      await agent.says(new RegExp(`(was reloaded[^]*){${turn + 1}}`));
    }
    assert.equal(await views(), before);
    const { components } = (await admin(agent.adminPath, '/v1/health')) as { components: { state: string }[] };
    assert.deepEqual(
      components.map(({ state }) => state),
      ['ok', 'ok', 'ok', 'ok', 'ok'],
    );
    agent.signal('SIGTERM');
    assert.equal(await agent.ended(), 0, agent.log);
  });
});

describe('SIGHUP under load', () => {
  it('loses and doubles nothing while the exporter changes, and lets no counter fall', async (context) => {
    using folder = temporaryFolder();
    await using sink = await OtlpSink.listen();
    const port = await freePort();
    relay(folder.path, port, sink.endpoint, 0);
    await using running = new AgentProcess(['run', '--config', join(folder.path, 'agent.yaml')], folder.path);
    await running.says('Everything is ready.');
    const load = new LogLoad(`127.0.0.1:${port}`, RECORDS_A_SECOND);
    const turns = process.env['BPFLOW_SUITE'] === 'full' ? 20 : 5;
    let sent = 0;
    for (let turn = 1; turn <= turns; turn++) {
      await load.during(300);
      relay(folder.path, port, sink.endpoint, turn);
      running.signal('SIGHUP');
      await Promise.all([
        load.during(100),
        running.says(new RegExp(`(was reloaded\\.\\t[^\\n]*exporter/otlp_grpc[^]*){${turn}}`)),
      ]);
      const now = Number(
        /^otelcol_exporter_sent_log_records\{exporter="otlp_grpc"\} (\d+)$/m.exec(await running.page())![1],
      );
      assert.ok(now >= sent, `sent falls from ${sent} to ${now}`);
      sent = now;
    }
    const { records, seconds, refused } = await load.end();
    running.signal('SIGTERM');
    assert.equal(await running.ended(), 0, running.log);
    const doubled = [...sink.delivered].filter(([, times]) => times > 1);
    assert.deepEqual(doubled.slice(0, 5), [], `${doubled.length} of ${records} came more than once`);
    assert.equal(sink.delivered.size, records, running.log);
    context.diagnostic(
      `${records} records at ${Math.round(records / seconds)} a second, ${turns} reloads, ${refused} requests offered again`,
    );
  });
});

const RECORDS_A_SECOND = 100_000;

/** Takes logs and hands them on. Every turn changes the exporter, every second one the processor too. */
function relay(folder: string, port: number, endpoint: string, turn: number): void {
  writeFileSync(
    join(folder, 'agent.yaml'),
    `
receivers: { otlp: { protocols: { grpc: { endpoint: '127.0.0.1:${port}' } } } }
processors: { batch: { timeout: ${50 + Math.floor(turn / 2)}ms } }
exporters:
  otlp_grpc:
    endpoint: ${endpoint}
    tls: { insecure: true }
    compression: none
    headers: { x-turn: '${turn}' }
service:
  admin: { endpoint: ${folder}/admin.sock }
  pipelines: { logs: { receivers: [otlp], processors: [batch], exporters: [otlp_grpc] } }
  telemetry:
    metrics: { readers: [{ pull: { exporter: { prometheus: { host: 127.0.0.1, port: 0 } } } }] }
`,
  );
}

interface Wanted {
  readonly records?: number;
  readonly totals?: string;
  readonly page?: number;
  readonly labels?: string;
  readonly extra?: string;
}

async function run(folder: string, wanted: Wanted): Promise<AgentProcess> {
  write(folder, wanted);
  const agent = new AgentProcess(['run', '--config', join(folder, 'agent.yaml')], folder);
  await agent.says('Everything is ready.');
  return agent;
}

function equipped() {
  const folder = temporaryFolder();
  cpSync(join(fixtures, 'plugin-npm'), join(folder.path, 'node_modules', 'bpflow-plugin-tally'), { recursive: true });
  return folder;
}

function write(
  folder: string,
  { records = 10, totals = 'totals.json', page = 0, labels = '{}', extra = '' }: Wanted,
): void {
  writeFileSync(
    join(folder, 'agent.yaml'),
    `
plugins: [bpflow-plugin-tally]
receivers:
  beat: { records: ${records} }
  otlp: { protocols: { http: { endpoint: '127.0.0.1:0' } } }
exporters:
  debug:
  tally: { path: ${folder}/${totals} }
  prometheus: { endpoint: '127.0.0.1:${page}', const_labels: ${labels} }
${extra}
service:
  shutdown_timeout: 2s
  admin: { endpoint: ${folder}/admin.sock }
  pipelines:
    logs: { receivers: [beat], exporters: [tally, debug] }
    metrics: { receivers: [otlp], exporters: [prometheus] }
  telemetry:
    metrics: { readers: [{ pull: { exporter: { prometheus: { host: 127.0.0.1, port: 0 } } } }] }
`,
  );
}

function total(folder: string, file: string): number {
  return JSON.parse(readFileSync(join(folder, file), 'utf8')).logs;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
