import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Agent, start } from '../peers/agents.ts';
import { send } from '../peers/load.ts';
import { freeAddresses, temporaryFolder, usageOf } from '../peers/program.ts';
import { missing } from '../peers/programs.ts';
import { relayConfiguration } from '../peers/relay-configuration.ts';
import { collector, ownAgents } from './relay.ts';
import { median, spread } from './statistics.ts';
import { printTable } from './table.ts';

const POINTS = 1_000_000;

/** OTLP over gRPC in, batch, JSON lines out, in interleaved rounds beside the real Collector. */
export async function run(rounds: number): Promise<void> {
  const reason = missing('loadgen');
  if (reason !== false) {
    process.stdout.write(`file: left out; ${reason}\n`);
    return;
  }
  const withoutReference = missing('otelcol');
  if (withoutReference !== false) process.stdout.write(`${withoutReference}\n`);
  const contenders = [...(withoutReference === false ? [collector] : []), ...ownAgents()];
  const measured = contenders.map((): Round[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, contender] of contenders.entries()) measured[index]!.push(await measure(contender));
  }
  const cpu = (of: readonly Round[]) => median(of.map(({ cpuSeconds }) => cpuSeconds));
  printTable(
    'file: OTLP → batch → JSON lines (median [min-max])',
    contenders.map(({ label }, index) => {
      const own = measured[index]!;
      return {
        what: label,
        'points/s': spread(
          own.map(({ pointsPerSecond }) => pointsPerSecond),
          0,
        ),
        'CPU s per M points': spread(
          own.map(({ cpuSeconds }) => cpuSeconds),
          2,
        ),
        'peak MiB': spread(
          own.map(({ peakMib }) => peakMib),
          0,
        ),
        lost: Math.max(...own.map(({ lost }) => lost)),
        'CPU × reference': withoutReference === false ? (cpu(own) / cpu(measured[0]!)).toFixed(2) : '',
        budget: '≤ 0.5',
      };
    }),
  );
}

interface Round {
  readonly pointsPerSecond: number;
  readonly cpuSeconds: number;
  readonly peakMib: number;
  readonly lost: number;
}

async function measure(agent: Agent): Promise<Round> {
  using folder = temporaryFolder();
  const path = join(folder.path, 'out.json');
  const [listen] = (await freeAddresses(1)) as [string];
  const relay = relayConfiguration({ listen, target: '127.0.0.1:1', protocol: 'grpc' });
  const metrics = { receivers: ['otlp'], processors: ['batch'], exporters: ['file'] };
  await using program = await start(agent, {
    ...relay,
    exporters: { file: { path } },
    service: { ...relay.service, pipelines: { metrics } },
  });
  const load = { endpoint: listen, protocol: 'grpc' } as const;
  const warm = await send({ ...load, requests: 200 });
  const before = usageOf(program.pid);
  const sent = await send({ ...load, requests: POINTS / 1000, startId: warm.points_ok });
  // All of it is written when nothing more is used: the rest waits for a tick of at most a second.
  let after = usageOf(program.pid);
  for (let last = 0; after.cpuSeconds > last; after = usageOf(program.pid)) {
    last = after.cpuSeconds;
    await new Promise((resolve) => setTimeout(resolve, 1100));
  }
  await program.stop();
  return {
    pointsPerSecond: sent.points_per_s,
    cpuSeconds: ((after.cpuSeconds - before.cpuSeconds) / sent.points_ok) * 1e6,
    peakMib: after.peakMib,
    lost: warm.points_ok + sent.points_ok - pointsIn(path),
  };
}

/** Points of the file by their values, which every one of them has. */
function pointsIn(path: string): number {
  const bytes = readFileSync(path);
  let count = 0;
  for (let at = bytes.indexOf('"asInt"'); at >= 0; at = bytes.indexOf('"asInt"', at + 7)) count++;
  return count;
}
