import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { HubbleServer } from '../peers/hubble-server.ts';
import { temporaryFolder } from '../peers/program.ts';
import { missing, pathOf } from '../peers/programs.ts';
import { median, spread } from './statistics.ts';
import { printTable } from './table.ts';

const FLOWS = 65_535;

/** Flows out of a full ring of Cilium's own server through one connection: the receiver with all metrics beside clients that count nothing. */
export async function run(rounds: number): Promise<void> {
  const reason = missing('hubble-server');
  if (reason !== false) {
    process.stdout.write(`hubble: left out; ${reason}\n`);
    return;
  }
  using folder = temporaryFolder();
  const more = ['-tally=false'];
  await using server = await HubbleServer.start({ folder: folder.path, ring: FLOWS, more });
  await server.feed(3200, 'tcp=1,udp=1,icmp=1,world=1,svc=1,drop=1,verdict=1,http=2,grpc=1,dns=1');
  const contenders: readonly (readonly [string, () => readonly Round[]])[] = [
    ['Go, full decode', () => goRounds(server.plain, rounds)],
    ['grpc-js, every message an object', () => ownRounds('proto-loader', server.plain, rounds)],
    ['the receiver, all metrics', () => ownRounds('receiver', server.plain, rounds)],
  ];
  const measured = contenders.map(([, measure]) => measure());
  const cpu = (of: readonly Round[]) => median(of.map(({ cpuMicros }) => cpuMicros));
  printTable(
    `hubble: ${FLOWS} flows through one connection (median [min-max])`,
    contenders.map(([what], index) => {
      const own = measured[index]!;
      return {
        what,
        'flows/s': spread(
          own.map(({ perSecond }) => perSecond),
          0,
        ),
        'CPU µs a flow': spread(
          own.map(({ cpuMicros }) => cpuMicros),
          2,
        ),
        'RSS MiB': own[0]!.rssMib === 0 ? '' : Math.max(...own.map(({ rssMib }) => rssMib)).toFixed(0),
        'CPU × reference': (cpu(own) / cpu(measured[0]!)).toFixed(2),
        budget: index === 2 ? '≤ 7.5 µs, ≥ 100,000/s' : '',
      };
    }),
  );
}

interface Round {
  readonly perSecond: number;
  readonly cpuMicros: number;
  /** 0 where it is not known. */
  readonly rssMib: number;
}

function ownRounds(kind: string, address: string, rounds: number): readonly Round[] {
  const script = join(import.meta.dirname, 'hubble-client.ts');
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--conditions=source', script, kind, address, String(rounds)],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(stderr);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Round);
}

function goRounds(address: string, rounds: number): readonly Round[] {
  return Array.from({ length: rounds }, () => {
    const command = ['bench', '-addr', address, '-n', String(FLOWS), '-reps', '3'];
    const { stdout, stderr, status } = spawnSync(pathOf('hubble-server'), command, { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
    const { median_flows_s: perSecond, client_cpu_pct: percent } = JSON.parse(stdout) as Readonly<
      Record<string, number>
    >;
    return { perSecond: perSecond!, cpuMicros: (percent! / 100 / perSecond!) * 1e6, rssMib: 0 };
  });
}
