import { receiverOnly } from './configs.ts';
import { agent, type Contender, limit } from './contender.ts';
import { difference, programTimes, timeText } from './program-time.ts';
import { withRunStatistics } from './run-statistics.ts';
import { printTable } from './table.ts';
import { workload } from './workload.ts';

const PAIRS = 4_000;

/** What a call on a file costs: program time per pread or pwrite of 4 KiB in the page cache by two threads. */
export async function run(rounds: number): Promise<void> {
  const file = (more: string) => receiverOnly(`{ collect_syscalls: false, block_io: false, ${more} }`);
  const contenders: readonly Contender[] = [
    limit('file_latency'),
    agent('bpflow opens + latency', file('collect_file_io: true')),
    limit('file_regular'),
    agent('bpflow opens + latency + regular files', file('regular_files: on')),
    agent('bpflow bytes alone', file('file_operations: false')),
  ];
  const calls = () => {
    workload('file', PAIRS, 2);
    return PAIRS * 2 * 2;
  };
  const [limitTime, own, regularLimit, regular, credited] = await withRunStatistics(() =>
    programTimes(contenders, limit('empty_syscall'), calls, rounds),
  );
  const over = (time: typeof own, least: typeof own) => `${difference(time!, least!).toFixed(1)} (budget 15)`;
  printTable('file-io: program time per call, ns, less an empty program (mean of the orders [min-max])', [
    { what: limitTime!.name, ns: timeText(limitTime!), 'over the limit': '' },
    { what: own!.name, ns: timeText(own!), 'over the limit': over(own, limitTime) },
    { what: regularLimit!.name, ns: timeText(regularLimit!), 'over the limit': '' },
    { what: regular!.name, ns: timeText(regular!), 'over the limit': over(regular, regularLimit) },
    { what: credited!.name, ns: timeText(credited!), 'over the limit': '' },
  ]);
}
