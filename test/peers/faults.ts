import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type Agent, bpflow, start } from './agents.ts';
import { type Protocol, send } from './load.ts';
import { freeAddresses, temporaryFolder, until } from './program.ts';
import { root } from './programs.ts';
import { relayConfiguration } from './relay-configuration.ts';
import { type Fault, Sink } from './sink.ts';

/** What goes wrong, and in what way the agent is set up for it. */
export interface Trouble {
  readonly fault?: Fault;
  /** There is no back end for so long. */
  readonly deadMs?: number;
  /** Without a queue the sender waits, and is told. */
  readonly queue?: boolean;
}

/** What became of one request of 100 points whose first attempts went wrong. */
export interface Fate {
  /** Points that the back end took. */
  readonly delivered: number;
  /** Requests that the back end saw. */
  readonly attempts: number;
  readonly duplicates: number;
  /** Points by the agent's own counters, as the Collector names them. */
  readonly sent: number;
  readonly failed: number;
  /** Did the attempts lie at least so far apart as the back end asked? */
  readonly waited: boolean;
  /** How often the sender was told what. */
  readonly told: Readonly<Record<string, number>>;
}

/** The drops in an agent's books, by reason, and whether the books balance. */
export interface Ledger {
  readonly dropped: Readonly<Record<string, number>>;
  readonly balanced: boolean;
}

export const POINTS = 100;
const RETRY = { initial_interval: '100ms', max_interval: '200ms', randomization_factor: 0 };

/** Sends one request through the agent, without `batch`, and waits until its fate is decided. */
export async function fateOf(
  agent: Agent,
  protocol: Protocol,
  { fault = {}, deadMs = 0, queue = true }: Trouble,
): Promise<{ readonly fate: Fate; readonly ledger: Ledger | undefined }> {
  using folder = temporaryFolder();
  const [listen, metrics, ...addresses] = (await freeAddresses(5)) as [string, string, ...string[]];
  const target = addresses[protocol === 'grpc' ? 0 : 1]!;
  await using stack = new AsyncDisposableStack();
  const startSink = async (): Promise<Sink> => {
    const sink = stack.use(await Sink.start({ addresses }));
    await sink.fault(fault);
    return sink;
  };
  let sink = deadMs === 0 ? await startSink() : undefined;
  const configuration = relayConfiguration({
    ...{ listen, metrics, protocol, target, batch: false },
    exporter: {
      retry_on_failure: { ...RETRY, max_elapsed_time: `${deadMs + (deadMs === 0 ? 1500 : 30_000)}ms` },
      timeout: fault['delay-ms'] === undefined ? '5s' : '300ms',
      ...(queue ? {} : { sending_queue: { enabled: false } }),
    },
  });
  const admin = join(folder.path, 'admin.sock');
  const { service } = configuration;
  const program = stack.use(
    await start(
      agent,
      agent === bpflow ? { ...configuration, service: { ...service, admin: { endpoint: admin } } } : configuration,
    ),
  );
  const sending = send({ endpoint: listen, protocol, requests: 1, points: POINTS, concurrency: 1, timeout: '60s' });
  if (sink === undefined) {
    await wait(deadMs);
    sink = await startSink();
  }
  const { codes } = await sending;
  let sent = 0;
  let failed = 0;
  await until(
    async () => {
      const page = await (await fetch(`http://${metrics}/metrics`)).text();
      sent = sample(page, 'otelcol_exporter_sent_metric_points');
      failed = sample(page, 'otelcol_exporter_send_failed_metric_points');
      return sent + failed > 0;
    },
    () => `Its fate is not decided:\n${program.log}`,
  );
  const counts = await sink.counts();
  const fate = {
    delivered: counts.points,
    attempts: counts.requests,
    duplicates: counts.ids['metrics']?.duplicates ?? 0,
    sent,
    failed,
    waited: (counts.span_s ?? 0) >= ((fault['retry-info-ms'] ?? 0) / 1000) * (counts.requests - 1) * 0.95,
    told: codes,
  };
  return { fate, ledger: agent === bpflow ? await ledgerOf(admin) : undefined };
}

/** What the command `ledger` tells. */
async function ledgerOf(admin: string): Promise<Ledger> {
  const command = [join(root, 'bin', 'bpflow'), 'ledger', '--admin', admin, '--format', 'json'];
  const { stdout } = await promisify(execFile)(process.execPath, command);
  const { components, balanced } = JSON.parse(stdout) as { components: readonly Ledger[]; balanced: boolean };
  const dropped: Record<string, number> = {};
  for (const component of components) {
    for (const [reason, count] of Object.entries(component.dropped)) dropped[reason] = (dropped[reason] ?? 0) + count;
  }
  return { dropped, balanced };
}

/** Sum of a metric's samples on a page, of those with a label (`code="OK"`) where one is given; 0 when there is none. */
export function sample(page: string, name: string, label = ''): number {
  const values = [...page.matchAll(new RegExp(`^${name}(\\{.*\\})? (\\S+)$`, 'gm'))];
  return values.reduce((sum, [, labels = '', value]) => sum + (labels.includes(label) ? Number(value) : 0), 0);
}
