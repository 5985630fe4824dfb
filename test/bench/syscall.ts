import { receiverOnly } from './configs.ts';
import { agent, type Contender, limit, peerIfThere } from './contender.ts';
import { difference, programTimes } from './program-time.ts';
import { withRunStatistics } from './run-statistics.ts';
import { spread } from './statistics.ts';
import { printTable } from './table.ts';
import { workload } from './workload.ts';

const CALLS = 500_000;

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
  printTable('syscall: program time per call, ns, less an empty program (median [min-max])', [
    { what: countLimit!.name, ns: spread(countLimit!.ns), 'over the limit': '' },
    {
      what: count!.name,
      ns: spread(count!.ns),
      'over the limit': `${difference(count!, countLimit!).toFixed(1)} (budget 12)`,
    },
    { what: latencyLimit!.name, ns: spread(latencyLimit!.ns), 'over the limit': '' },
    {
      what: latency!.name,
      ns: spread(latency!.ns),
      'over the limit': `${difference(latency!, latencyLimit!).toFixed(1)} (budget 15)`,
    },
    ...others.map(({ name, ns }) => ({ what: name, ns: spread(ns), 'over the limit': '' })),
  ]);
}
