import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Agent, bpflow, otelcol, start } from '../peers/agents.ts';
import { type Compression, type Protocol, send } from '../peers/load.ts';
import { freeAddresses, usageOf } from '../peers/program.ts';
import { root } from '../peers/programs.ts';
import { relayConfiguration } from '../peers/relay-configuration.ts';
import { Sink } from '../peers/sink.ts';

/** What one round of load cost an agent. */
export interface Round {
  readonly pointsPerSecond: number;
  /** CPU seconds of the agent per million points. */
  readonly cpuSeconds: number;
  readonly rssMib: number;
  readonly peakMib: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Points the agent took that did not come out. */
  readonly lost: number;
}

/** The sources, and `dist/` where it is built. */
export function ownAgents(): readonly (Agent & { readonly label: string })[] {
  const own = [{ ...bpflow, label: 'bpflow (sources)' }];
  if (!existsSync(join(root, 'dist', 'pipeline', 'cli.js'))) {
    process.stdout.write('bpflow (dist): left out; run `npm run build` first to measure it.\n');
    return own;
  }
  const command: Agent['command'] = (configuration) => ['env', 'BPFLOW_DIST=1', ...bpflow.command(configuration)];
  return [...own, { ...bpflow, command, label: 'bpflow (dist)' }];
}

export const collector = { ...otelcol, label: 'otelcol' };

/** How the load comes in and how it goes out. */
export interface Way {
  readonly name: string;
  readonly protocol: Protocol;
  readonly received: Compression;
  readonly sent: Compression;
}

/** A warm-up, then `seconds` of load: 4 requests in flight, 1,000 points of 1,000 series with 5 attributes each. */
export async function measureRelay(agent: Agent, way: Way, seconds: number): Promise<Round> {
  const { protocol } = way;
  await using sink = await Sink.start();
  const [listen] = (await freeAddresses(1)) as [string];
  const configuration = relayConfiguration({ listen, target: sink[protocol], protocol, compression: way.sent });
  await using program = await start(agent, configuration);
  const load = { endpoint: listen, protocol, compression: way.received, requests: 1_000_000 } as const;
  const warm = await send({ ...load, duration: '2s' });
  const before = usageOf(program.pid);
  const sent = await send({ ...load, duration: `${seconds}s`, startId: warm.points_ok });
  const accepted = warm.points_ok + sent.points_ok;
  const deadline = performance.now() + 10_000;
  let arrived = 0;
  while (arrived < accepted && performance.now() < deadline) arrived = (await sink.counts()).points;
  const after = usageOf(program.pid);
  return {
    pointsPerSecond: sent.points_per_s,
    cpuSeconds: ((after.cpuSeconds - before.cpuSeconds) / sent.points_ok) * 1e6,
    rssMib: after.rssMib,
    peakMib: after.peakMib,
    p50Ms: sent.p50_ms,
    p99Ms: sent.p99_ms,
    lost: accepted - arrived,
  };
}
