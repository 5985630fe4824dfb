import { receiverOnly } from './configs.ts';
import { agent, type Contender, limit } from './contender.ts';
import { difference, programTimes, timeText } from './program-time.ts';
import { withRunStatistics } from './run-statistics.ts';
import { printTable } from './table.ts';
import { workload } from './workload.ts';

const CONNECTIONS = 500;
/** Times that the two sockets of a connection change their state. */
const CHANGES = 10;

/** What the network costs: program time per change of a TCP socket's state, for connections with one request and one answer. */
export async function run(rounds: number): Promise<void> {
  const network = (more: string) =>
    receiverOnly(`{ collect_syscalls: false, collect_file_io: false, collect_network: true, ${more} }`);
  const contenders: readonly Contender[] = [
    limit('tcp_connections'),
    agent('bpflow TCP alone', network('network_messages: false')),
    agent('bpflow TCP, UDP and UNIX', network('network_messages: true')),
  ];
  const connections = () => {
    workload('tcp-alone', CONNECTIONS, 1);
    return CONNECTIONS * CHANGES;
  };
  const [limitTime, own, all] = await withRunStatistics(() =>
    programTimes(contenders, limit('empty_tcp'), connections, rounds),
  );
  printTable(
    'tcp: program time per change of state (10 a connection), ns, less an empty program (mean of the orders [min-max])',
    [
      { what: limitTime!.name, ns: timeText(limitTime!), 'over the limit': '' },
      {
        what: own!.name,
        ns: timeText(own!),
        'over the limit': `${difference(own!, limitTime!).toFixed(1)} (budget 15)`,
      },
      { what: all!.name, ns: timeText(all!), 'over the limit': '' },
    ],
  );
}
