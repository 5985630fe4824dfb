import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { AgentProcess, admin, bpflow, root, temporaryFolder, until } from './agent-process.ts';

describe("the agent's own telemetry", () => {
  it('is silent where it is told to be', async () => {
    using folder = equipped();
    const socket = join(folder.path, 'admin.sock');
    const quiet = config(folder.path, '{ logs: { level: error }, metrics: { level: none } }').replace(
      'none }\n  pipe',
      `${socket} }\n  pipe`,
    );
    await using agent = new AgentProcess(['run', '--config', `yaml:${quiet}`], folder.path);
    let health: unknown;
    await until(
      async () => {
        health = await admin(socket, '/v1/health').catch(String);
        return (health as { ready?: boolean }).ready === true;
      },
      () => `${health}${agent.log}`,
    );
    assert.deepEqual((health as { metricsPages: unknown }).metricsPages, []);
    agent.signal('SIGTERM');
    assert.equal(await agent.ended(), 0);
    assert.equal(agent.log + agent.output, '');
  });

  it('writes JSON lines', async () => {
    using folder = equipped();
    await using agent = await AgentProcess.run(config(folder.path, '{ logs: { encoding: json } }'), folder.path);
    agent.signal('SIGTERM');
    assert.equal(await agent.ended(), 0);
    const lines = agent.log
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.ok(
      lines.some(({ level, logger, msg }) => level === 'info' && logger === 'exporter/tally' && msg === 'Tallying.'),
    );
  });

  it('is pushed as OTLP when a periodic reader is configured, a last time at the end', async () => {
    using folder = equipped();
    const bodies: Buffer[] = [];
    const server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      bodies.push(Buffer.concat(chunks));
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const reader = `{ periodic: { exporter: { otlp: { protocol: http/protobuf, endpoint: "http://127.0.0.1:${port}" } } } }`;
    await using agent = await AgentProcess.run(
      config(folder.path, `{ metrics: { readers: [${reader}] } }`),
      folder.path,
    );
    agent.signal('SIGTERM');
    assert.equal(await agent.ended(), 0, agent.log);
    server.close();
    assert.ok(bodies.some((body) => body.includes('otelcol_exporter_sent_log_records')));
  });

  it('has a page whose address must be free', async () => {
    using folder = equipped();
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as AddressInfo;
    const page = `{ metrics: { readers: [{ pull: { exporter: { prometheus: { host: 127.0.0.1, port: ${port} } } } }] } }`;
    const { status, stderr } = bpflow(['run', '--config', `yaml:${config(folder.path, page)}`], folder.path);
    taken.close();
    assert.equal(status, 1);
    assert.equal(
      stderr,
      `Error: failed to create meter provider: binding address 127.0.0.1:${port} for Prometheus exporter: listen tcp 127.0.0.1:${port}: bind: address already in use\n`,
    );
  });
});

function equipped() {
  const folder = temporaryFolder();
  const plugin = join(root, 'test', 'fixtures', 'plugin-npm');
  cpSync(plugin, join(folder.path, 'node_modules', 'bpflow-plugin-tally'), { recursive: true });
  return folder;
}

function config(folder: string, telemetry: string): string {
  return `
plugins: [bpflow-plugin-tally]
receivers: { beat: }
exporters: { tally: { path: ${folder}/totals.json } }
service:
  admin: { endpoint: none }
  pipelines: { logs: { receivers: [beat], exporters: [tally] } }
  telemetry: ${telemetry}
`;
}
