import { execFileSync } from 'node:child_process';
import { receiverOnly } from './configs.ts';
import { agent } from './contender.ts';
import { programTotal } from './program-time.ts';
import { withRunStatistics } from './run-statistics.ts';
import { spread } from './statistics.ts';
import { printTable } from './table.ts';
import { workloadCommand } from './workload.ts';

const WORK: readonly (readonly [mode: string, count: number, threads: number])[] = [
  ['stream', 6_000, 1],
  ['rr', 6_000, 1],
  ['file', 100_000, 2],
  ['pf', 100_000, 2],
  ['ctx', 40_000, 1],
  ['tcp', 4_000, 1],
];

const KEYS = `{
  scrape_interval: '1s', collect_syscalls: false, collect_file_io: true, file_operations: false, block_io: false,
  collect_memory: true, memory_allocations: false, collect_network: true
}`;

/**
 * What the kernel counts itself, for files, memory and network: time in all programs of the agent, collections every second and the
 * clock readings of the run statistics included, as a share of the CPU time that a workload takes.
 */
export async function run(rounds: number): Promise<void> {
  const shares = new Map(WORK.map(([mode]) => [mode, [] as number[]]));
  await withRunStatistics(async () => {
    const running = await agent('bpflow, credited alone', receiverOnly(KEYS)).start();
    try {
      for (let round = 0; round < rounds; round++) {
        for (const [mode, count, threads] of WORK) {
          const before = programTotal(running.pid);
          const cpuNs = cpuSecondsOf(workloadCommand(mode, count, threads)) * 1e9;
          shares.get(mode)!.push((100 * (programTotal(running.pid) - before)) / cpuNs);
        }
      }
    } finally {
      await running.stop();
    }
  });
  printTable(
    'credited: time in programs as a share of the workload’s CPU time, % (median [min-max])',
    [...shares].map(([what, values]) => ({
      what,
      '%': spread(values, 3),
      budget: what === 'tcp' ? 'connections are traced' : '≤ 2',
    })),
  );
}

/** As the workload tells it of itself and its children. */
function cpuSecondsOf([command, ...args]: readonly string[]): number {
  return (JSON.parse(execFileSync(command!, args).toString()) as { readonly cpu_s: number }).cpu_s;
}
