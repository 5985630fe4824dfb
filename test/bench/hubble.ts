import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { HubbleServer } from '../peers/hubble-server.ts';
import { temporaryFolder } from '../peers/program.ts';
import { missing, pathOf, root } from '../peers/programs.ts';
import { median, spread } from './statistics.ts';
import { printTable } from './table.ts';

const FLOWS = 65_535;
const PODS = 10_000;
/** 22 flows a round: connections and HTTP requests between pods, and some of everything else. */
const MIX = 'pods=2,udp=1,icmp=1,world=1,drop=1,verdict=1,http=1,dns=1';

/** Flows out of a full ring of Cilium's own server through one connection: the receiver with all metrics beside clients that count nothing. */
export async function run(rounds: number): Promise<void> {
  const reason = missing('hubble-server');
  if (reason !== false) {
    process.stdout.write(`hubble: left out; ${reason}\n`);
    return;
  }
  using folder = temporaryFolder();
  const more = ['-tally=false', '-pods', String(PODS)];
  await using server = await HubbleServer.start({ folder: folder.path, ring: FLOWS, more });
  await server.feed(3200, MIX);
  const client = clientProgram();
  const contenders: readonly (readonly [string, () => readonly Round[]])[] = [
    ['Go, full decode', () => goRounds(server.plain, rounds)],
    ['grpc-js, every message an object', () => ownRounds(client, 'proto-loader', server.plain, rounds)],
    ['the receiver, all metrics', () => ownRounds(client, 'receiver', server.plain, rounds)],
  ];
  const measured = contenders.map(([, measure]) => measure());
  const cpu = (of: readonly Round[]) => median(of.map(({ cpuMicros }) => cpuMicros));
  printTable(
    `hubble: ${FLOWS} flows of ${PODS} pods through one connection (median [min-max]; memory: the most)`,
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
        budget: index === 2 ? '≥ 100,000/s, ≤ 7.5 µs, ≤ 120 MiB' : '',
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

/** What a Node has to run for the client: out of dist/ where it is built, for the compiler of the sources takes 40 MiB itself. */
function clientProgram(): readonly string[] {
  const source = join(import.meta.dirname, 'hubble-client.ts');
  const dist = join(root, 'dist');
  if (!existsSync(join(dist, 'receivers', 'hubble'))) {
    process.stdout.write('hubble: the sources are measured; run `npm run build` first for what users run.\n');
    return ['--conditions=source', '--disable-warning=ExperimentalWarning', source];
  }
  const folder = join(root, 'build', 'bench');
  mkdirSync(folder, { recursive: true });
  const program = join(folder, 'hubble-client.mjs');
  writeFileSync(program, stripTypeScriptTypes(readFileSync(source, 'utf8')));
  return [program];
}

function ownRounds(client: readonly string[], kind: string, address: string, rounds: number): readonly Round[] {
  const isDist = client.at(-1)!.endsWith('.mjs');
  const modules = isDist ? [join(root, 'dist'), '.js'] : [root, '.ts'];
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [...client, kind, address, String(rounds), ...modules],
    { encoding: 'utf8', cwd: root },
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
