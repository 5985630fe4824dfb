import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentProcess, admin, temporaryFolder, until } from './agent-process.ts';
import { OtlpSink, postLogs } from './otlp-sink.ts';

const ROUNDS = process.env['BPFLOW_SUITE'] === 'full' ? 50 : 5;
const CONSUMERS = 4;
const PER_REQUEST = 5;

function config(sink: OtlpSink, folder: string, storage = ''): string {
  return `
receivers:
  otlp: { protocols: { http: { endpoint: '127.0.0.1:0' } } }
exporters:
  otlp_grpc:
    endpoint: ${sink.endpoint}
    tls: { insecure: true }
    compression: none
    retry_on_failure: { initial_interval: 20ms, max_interval: 100ms, max_elapsed_time: 0s }
    sending_queue: { storage: file_storage, queue_size: 100000, num_consumers: ${CONSUMERS} }
extensions:
  file_storage: { directory: ${join(folder, 'storage')}, create_directory: true, segment_size: 256KiB, timeout: 5s, ${storage} }
service:
  extensions: [file_storage]
  admin: { endpoint: ${join(folder, 'admin.sock')} }
  telemetry: { metrics: { readers: [{ pull: { exporter: { prometheus: { host: 127.0.0.1, port: 0 } } } }] } }
  pipelines:
    logs: { receivers: [otlp], exporters: [otlp_grpc] }
`;
}

/** Where the agent takes logs. */
async function receiverOf(agent: AgentProcess): Promise<string> {
  const health = JSON.stringify(await admin(agent.adminPath, '/v1/health'));
  const [, address] = /Takes OTLP at [^"]*?(127\.0\.0\.1:\d+)/.exec(health) ?? [];
  assert.ok(address, health);
  return `http://${address}`;
}

/** Posts requests with growing ids until stopped; the ids that were accepted. */
class Sender {
  readonly accepted = new Set<number>();
  readonly sent = new Set<number>();
  #next = 1;
  #stopped = true;
  #running: Promise<unknown> = Promise.resolve();

  start(url: string): void {
    this.#stopped = false;
    this.#running = Promise.all(Array.from({ length: 3 }, () => this.#post(url)));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #post(url: string): Promise<void> {
    while (!this.#stopped) {
      const ids = Array.from({ length: PER_REQUEST }, () => this.#next++);
      for (const id of ids) this.sent.add(id);
      if ((await postLogs(url, ids)) === 200) for (const id of ids) this.accepted.add(id);
    }
  }
}

const missing = (ids: Iterable<number>, sink: OtlpSink): number[] => [...ids].filter((id) => !sink.delivered.has(id));

describe('a sending queue with storage', () => {
  it(`loses nothing when the agent is killed, and doubles only what was on its way (${ROUNDS} rounds)`, async () => {
    using folder = temporaryFolder();
    await using sink = await OtlpSink.listen();
    sink.behaviour = () => ({ delayMs: Math.random() * 20, ok: Math.random() < 0.7 });
    const sender = new Sender();
    for (let round = 0; round < ROUNDS; round++) {
      await using agent = await AgentProcess.run(config(sink, folder.path), folder.path);
      sender.start(await receiverOf(agent));
      await sleep(50 + Math.random() * 500);
      agent.signal('SIGKILL');
      await agent.ended();
      await sender.stop();
    }
    sink.behaviour = () => ({ delayMs: 0, ok: true });
    await using agent = await AgentProcess.run(config(sink, folder.path), folder.path);
    await until(
      () => missing(sender.accepted, sink).length === 0,
      () => `${missing(sender.accepted, sink).length} of ${sender.accepted.size} records are missing.\n${agent.log}`,
    );
    agent.signal('SIGTERM');
    assert.equal(await agent.ended(), 0, agent.log);
    assert.ok(sender.accepted.size > ROUNDS * PER_REQUEST, `${sender.accepted.size} records accepted`);
    const doubled = [...sink.delivered].filter(([, times]) => times > 1).length;
    // Per kill: what the consumers had sent, and what was answered and not yet deleted.
    assert.ok(doubled <= ROUNDS * 2 * CONSUMERS * PER_REQUEST, `${doubled} records twice in ${ROUNDS} rounds`);
    assert.deepEqual(
      [...sink.delivered.keys()].filter((id) => !sender.sent.has(id)),
      [],
    );
  });

  it('keeps what it could not deliver before the agent stopped, and delivers it once', async () => {
    using folder = temporaryFolder();
    await using sink = await OtlpSink.listen();
    sink.behaviour = () => ({ delayMs: 0, ok: false });
    const ids = await stopped(sink, folder.path);
    assert.equal(sink.delivered.size, 0);
    sink.behaviour = () => ({ delayMs: 0, ok: true });
    await using agent = await AgentProcess.run(config(sink, folder.path), folder.path);
    await until(
      () => missing(ids, sink).length === 0,
      () => `${missing(ids, sink).length} of ${ids.length} are missing.\n${agent.log}`,
    );
    assert.match(agent.log, /Loaded queue metadata\.\t.*"requests":40,"itemsSize":200/);
    assert.deepEqual([...sink.delivered.values()], Array(ids.length).fill(1));
  });

  it('starts with a damaged file, delivers the rest, and counts what is lost', async () => {
    using folder = temporaryFolder();
    await using sink = await OtlpSink.listen();
    sink.behaviour = () => ({ delayMs: 0, ok: false });
    const ids = await stopped(sink, folder.path);
    const store = join(folder.path, 'storage', 'exporter_otlp_grpc__logs.bpflow');
    const path = join(store, readdirSync(store)[0]!);
    const content = readFileSync(path);
    content[content.indexOf('id=53;')]! ^= 0xff;
    writeFileSync(path, content);
    sink.behaviour = () => ({ delayMs: 0, ok: true });
    await using agent = await AgentProcess.run(config(sink, folder.path), folder.path);
    await until(
      () => missing(ids, sink).length === PER_REQUEST,
      () => `${missing(ids, sink).length} of ${ids.length} are missing.\n${agent.log}`,
    );
    assert.deepEqual(missing(ids, sink), [51, 52, 53, 54, 55]);
    await agent.says('A stored request is damaged. Dropping data.');
    const damaged = /^bpflow_storage_damaged_records\S* (\d+)$/m.exec(await agent.page())?.[1];
    assert.equal(damaged, '1');
  });

  it('refuses its senders while the storage is full, and loses nothing of what it accepted', async () => {
    using folder = temporaryFolder();
    await using sink = await OtlpSink.listen();
    sink.behaviour = () => ({ delayMs: 0, ok: false });
    await using agent = await AgentProcess.run(config(sink, folder.path, 'max_size: 256KiB'), folder.path);
    await fillAndRecover(agent, sink);
  });

  it('lives on when its disk is full', {
    skip: process.getuid?.() === 0 ? false : 'only root can mount',
  }, async (test) => {
    using folder = temporaryFolder();
    const disk = join(folder.path, 'storage');
    spawnSync('mkdir', [disk]);
    const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', disk], {
      encoding: 'utf8',
    });
    if (status !== 0) return test.skip(`cannot mount: ${stderr}`);
    try {
      await using sink = await OtlpSink.listen();
      sink.behaviour = () => ({ delayMs: 0, ok: false });
      await using agent = await AgentProcess.run(config(sink, folder.path), folder.path);
      await fillAndRecover(agent, sink);
      assert.match(agent.log, /\terror\textension\/file_storage\tThe storage failed\.\t.*ENOSPC/);
      assert.match(agent.log, /\tinfo\textension\/file_storage\tThe storage works again\./);
    } finally {
      spawnSync('umount', ['-l', disk]);
      rmSync(disk, { recursive: true, force: true });
    }
  });
});

/** Posts 40 requests to an agent that cannot deliver, and stops it: the ids. */
async function stopped(sink: OtlpSink, folder: string): Promise<readonly number[]> {
  await using agent = await AgentProcess.run(config(sink, folder), folder);
  const url = await receiverOf(agent);
  const ids = Array.from({ length: 40 * PER_REQUEST }, (_, i) => i + 1);
  for (let i = 0; i < ids.length; i += PER_REQUEST) {
    assert.equal(await postLogs(url, ids.slice(i, i + PER_REQUEST)), 200, agent.log);
  }
  agent.signal('SIGTERM');
  assert.equal(await agent.ended(), 0, agent.log);
  return ids;
}

/** Posts requests of 10 kB until they are refused, lets the sink recover, and waits until all is delivered and taken again. */
async function fillAndRecover(agent: AgentProcess, sink: OtlpSink): Promise<void> {
  const url = await receiverOf(agent);
  const accepted: number[] = [];
  const padding = 'x'.repeat(10_000);
  let refusals = 0;
  for (let id = 1; refusals < 5; id++) {
    assert.ok(id < 100, 'it is never full');
    const status = await postLogs(url, [id], padding);
    if (status === 200) accepted.push(id);
    else {
      assert.equal(status, 503, agent.log);
      refusals++;
    }
  }
  assert.ok(accepted.length >= 10, `${accepted.length} requests of 10 kB`);
  sink.behaviour = () => ({ delayMs: 0, ok: true });
  await until(
    () => missing(accepted, sink).length === 0,
    () => `${missing(accepted, sink)} of ${accepted.length} are missing.\n${agent.log}`,
  );
  await until(
    async () => (await postLogs(url, [1000], padding)) === 200,
    () => `Nothing is taken again.\n${agent.log}`,
  );
  await until(
    () => sink.delivered.has(1000),
    () => agent.log,
  );
  assert.equal(sink.delivered.size, accepted.length + 1, 'what was refused was not delivered');
}
