import { receiverOnly } from './configs.ts';
import { agent, type Contender, limit, peerIfThere } from './contender.ts';
import { difference, programTimes, timeText } from './program-time.ts';
import { withRunStatistics } from './run-statistics.ts';
import { printTable } from './table.ts';
import { workload } from './workload.ts';

const CALLS = 20_000;

/** What a system call costs: program time per getppid of two threads, beside the hand-written programs. */
export async function run(rounds: number): Promise<void> {
  const peers = peerIfThere('bcc syscount -L', ['syscount', '-L', '-i', '3600'], 'Tracing');
  const contenders: readonly Contender[] = [
    limit('sys_count'),
    agent(
      'bpflow count + errors',
      receiverOnly('{ collect_syscalls: true, collect_file_io: false, syscall_latency: false }'),
    ),
    limit('sys_latency'),
    agent('bpflow count + errors + latency', receiverOnly('{ collect_syscalls: true, collect_file_io: false }')),
    agent(
      'bpflow count + errors + latency, sample_rate 1',
      receiverOnly('{ collect_syscalls: true, collect_file_io: false, sample_rate: 1 }'),
    ),
    ...peers,
  ];
  const call = () => {
    workload('getppid', CALLS, 2);
    return CALLS * 2;
  };
  const [countLimit, count, latencyLimit, latency, ...others] = await withRunStatistics(() =>
    programTimes(contenders, limit('empty_syscall'), call, rounds),
  );
  printTable('syscall: program time per call, ns, less an empty program (mean of the orders [min-max])', [
    { what: countLimit!.name, ns: timeText(countLimit!), 'over the limit': '' },
    {
      what: count!.name,
      ns: timeText(count!),
      'over the limit': `${difference(count!, countLimit!).toFixed(1)} (budget 12)`,
    },
    { what: latencyLimit!.name, ns: timeText(latencyLimit!), 'over the limit': '' },
    {
      what: latency!.name,
      ns: timeText(latency!),
      'over the limit': `${difference(latency!, latencyLimit!).toFixed(1)} (budget 15)`,
    },
    ...others.map((each) => ({ what: each.name, ns: timeText(each), 'over the limit': '' })),
  ]);
}
