import { receiverOnly } from './configs.ts';
import { agent, type Contender, limit, peerIfThere } from './contender.ts';
import { difference, programTimes, timeText } from './program-time.ts';
import { withRunStatistics } from './run-statistics.ts';
import { printTable } from './table.ts';
import { workload } from './workload.ts';

const ROUND_TRIPS = 8_000;

/** What a context switch costs: program time per switch of a pipe ping-pong on one CPU. */
export async function run(rounds: number): Promise<void> {
  const contenders: readonly Contender[] = [
    limit('sched_latency'),
    agent(
      'bpflow run queue',
      receiverOnly('{ collect_syscalls: false, collect_file_io: false, collect_scheduler: true }'),
    ),
    agent(
      'bpflow run queue, sample_rate 1',
      receiverOnly('{ collect_syscalls: false, collect_file_io: false, collect_scheduler: true, sample_rate: 1 }'),
    ),
    ...peerIfThere('bcc runqlat', ['runqlat', '3600', '1'], 'Tracing'),
  ];
  const switches = () => {
    workload('ctx', ROUND_TRIPS, 1);
    return ROUND_TRIPS * 2;
  };
  const [limitTime, own, ...others] = await withRunStatistics(() =>
    programTimes(contenders, limit('empty_sched'), switches, rounds),
  );
  printTable('sched: program time per switch, ns, less an empty program (mean of the orders [min-max])', [
    { what: limitTime!.name, ns: timeText(limitTime!), 'over the limit': '' },
    {
      what: own!.name,
      ns: timeText(own!),
      'over the limit': `${difference(own!, limitTime!).toFixed(1)} (budget 15)`,
    },
    ...others.map((each) => ({ what: each.name, ns: timeText(each), 'over the limit': '' })),
  ]);
}
