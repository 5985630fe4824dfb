import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { describe, test } from 'node:test';
import { AgentProcess, admin, temporaryFolder, until } from '../e2e/agent-process.ts';
import { askAgent } from '../e2e/ask-agent.ts';
import { LogLoad } from '../e2e/log-load.ts';
import { OtlpSink } from '../e2e/otlp-sink.ts';
import { skip } from '../kernel/machine.ts';
import { parsePage, reads } from '../kernel/samples.ts';
import { own, Workloads } from '../kernel/workload.ts';

const isFull = process.env['BPFLOW_SUITE'] === 'full';
const MINUTES = isFull ? Number(process.env['BPFLOW_SOAK_MINUTES'] ?? 120) : 1;
const PROCESSES = 200;
const CALLS = 500;
const CONNECTIONS = 100;
const RECORDS_A_SECOND = 5000;

/** How much more than in the middle third of the time there may be in the last. A minute is too short for memory to settle. */
const MAY_GROW: Readonly<Record<keyof Moment, number>> = {
  rssMiB: isFull ? 8 : 64,
  files: 4,
  groups: 8,
  entries: 400,
  series: 200,
};

describe(`the agent under a mixed load for ${MINUTES} min`, { skip }, () => {
  test('counts every round exactly, delivers every record once, and grows no more', async (t) => {
    using folder = temporaryFolder();
    using workloads = new Workloads();
    await using sink = await OtlpSink.listen();
    await using agent = await AgentProcess.run(config(folder.path, sink.endpoint), folder.path);
    await using server = await Connections.listen();
    const page = { read: async () => parsePage(await (await fetch(await pageOf(agent))).text()) };
    const load = new LogLoad(await otlpOf(agent), RECORDS_A_SECOND);

    const moments: Moment[] = [];
    for (const end = performance.now() + MINUTES * 60_000; performance.now() < end; ) {
      // Each round is a program of its own, so that groups and series come and go.
      const name = own(`soak${moments.length}`);
      await Promise.all([
        load.during(1000),
        server.open(CONNECTIONS),
        workloads.run(name, 'churn', PROCESSES, CALLS, 4),
      ]);
      const samples = await reads(
        page,
        (now) => now.total('ebpf_syscall_count', { process: name, syscall: 'getppid' }),
        PROCESSES * CALLS,
      );
      const living = samples.list.filter(({ labels }) => labels['process']?.startsWith('soak'));
      moments.push(await momentOf(agent, living.length));
    }

    const { records } = await load.end();
    const arrived = (): number => sink.delivered.size;
    await until(
      () => arrived() === records,
      () => `${arrived()} of ${records} records arrived`,
    );
    assert.ok([...sink.delivered.values()].every((times) => times === 1));
    const { status, stdout } = await askAgent('ledger', agent.adminPath);
    assert.equal(status, 0, stdout);
    await eventsBalance(agent);

    const third = Math.floor(moments.length / 3);
    for (const [what, most] of Object.entries(MAY_GROW)) {
      const values = moments.map((moment) => moment[what as keyof Moment]);
      const [middle, last] = [Math.max(...values.slice(third, 2 * third)), Math.max(...values.slice(2 * third))];
      t.diagnostic(`${what}: ${middle}, then ${last}, in ${moments.length} rounds`);
      assert.ok(last <= middle + most, `${what} after each round: ${values.join(' ')}`);
    }
    agent.signal('SIGTERM');
    assert.equal(await agent.ended(), 0, agent.log);
  });
});

interface Moment {
  readonly rssMiB: number;
  readonly files: number;
  readonly groups: number;
  /** In all BPF maps. */
  readonly entries: number;
  /** Of the programs of the rounds. */
  readonly series: number;
}

async function momentOf(agent: AgentProcess, series: number): Promise<Moment> {
  const own = parsePage(await agent.page());
  const status = readFileSync(`/proc/${agent.pid}/status`, 'utf8');
  return {
    rssMiB: Math.round(Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024),
    files: readdirSync(`/proc/${agent.pid}/fd`).length,
    groups: own.total('bpflow_ebpf_groups'),
    entries: own.total('bpflow_ebpf_map_entries'),
    series,
  };
}

/** Events are received, or dropped for a reason. */
async function eventsBalance(agent: AgentProcess): Promise<void> {
  let books = '';
  await until(
    async () => {
      const own = parsePage(await agent.page());
      const [offered, told] = [own.total('bpflow_ebpf_events_offered'), own.total('bpflow_ebpf_events')];
      books = `${offered} events offered, ${told} received or dropped`;
      return offered > 0 && offered === told;
    },
    () => books,
  );
}

/** Short TCP connections to this process. */
class Connections implements AsyncDisposable {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async listen(): Promise<Connections> {
    const server = createServer((socket) => socket.on('error', () => {}).end('hello'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new Connections(server);
  }

  async open(count: number): Promise<void> {
    const address = this.#server.address();
    assert.ok(address !== null && typeof address === 'object');
    for (let i = 0; i < count; i++) {
      await new Promise<void>((resolve, reject) => {
        connect(address.port, address.address)
          .on('error', reject)
          .on('close', () => resolve())
          .resume();
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

async function pageOf(agent: AgentProcess): Promise<string> {
  return /http:\S+\/metrics/.exec(await summaryOf(agent, 'prometheus'))![0];
}

async function otlpOf(agent: AgentProcess): Promise<string> {
  return /127\.0\.0\.1:\d+/.exec(await summaryOf(agent, 'otlp'))![0];
}

async function summaryOf(agent: AgentProcess, id: string): Promise<string> {
  const { components } = (await admin(agent.adminPath, '/v1/health')) as {
    readonly components: readonly { readonly id: string; readonly summary: string }[];
  };
  return components.find((component) => component.id === id)?.summary ?? '';
}

function config(folder: string, sink: string): string {
  return `
receivers:
  ebpf: { scrape_interval: 1s, collect_scheduler: true, collect_memory: true, exclude_processes: [], idle_timeout: 3s }
  otlp: { protocols: { grpc: { endpoint: '127.0.0.1:0' } } }
processors:
  batch: { timeout: 200ms }
exporters:
  prometheus: { endpoint: '127.0.0.1:0' }
  otlp_grpc: { endpoint: '${sink}', tls: { insecure: true } }
  file: { path: ${folder}/events.jsonl, rotation: { max_megabytes: 1, max_backups: 2 } }
service:
  admin: { endpoint: ${folder}/admin.sock }
  telemetry: { metrics: { readers: [{ pull: { exporter: { prometheus: { host: 127.0.0.1, port: 0 } } } }] } }
  pipelines:
    metrics: { receivers: [ebpf], exporters: [prometheus] }
    logs: { receivers: [otlp], processors: [batch], exporters: [otlp_grpc] }
    logs/events: { receivers: [ebpf], processors: [batch], exporters: [file] }
`;
}
