import { receiverOnly } from './configs.ts';
import { agent, type Contender, limit } from './contender.ts';
import { difference, programTimes, timeText } from './program-time.ts';
import { withRunStatistics } from './run-statistics.ts';
import { printTable } from './table.ts';
import { workload } from './workload.ts';

const FAULTS = 10_000;

/** What memory costs: program time per minor fault of two threads, each of which allocates a page. */
export async function run(rounds: number): Promise<void> {
  const memory = (more: string) =>
    receiverOnly(`{ collect_syscalls: false, collect_file_io: false, collect_memory: true, ${more} }`);
  const contenders: readonly Contender[] = [
    limit('page_alloc'),
    agent('bpflow faults + allocations', memory('memory_allocations: true')),
    agent('bpflow faults alone', memory('memory_allocations: false')),
  ];
  const faults = () => {
    workload('pf', FAULTS, 2);
    return FAULTS * 2;
  };
  const [limitTime, own, credited] = await withRunStatistics(() =>
    programTimes(contenders, limit('empty_page_alloc'), faults, rounds),
  );
  printTable('faults: program time per fault, ns, less an empty program (mean of the orders [min-max])', [
    { what: limitTime!.name, ns: timeText(limitTime!), 'over the limit': '' },
    {
      what: own!.name,
      ns: timeText(own!),
      'over the limit': `${difference(own!, limitTime!).toFixed(1)} (budget 15)`,
    },
    { what: credited!.name, ns: timeText(credited!), 'over the limit': '' },
  ]);
}
