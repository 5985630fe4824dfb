import { receiverOnly } from './configs.ts';
import { agent, limit } from './contender.ts';
import { printAgainstLimit } from './program-time.ts';
import { workload } from './workload.ts';

const DATAGRAMS = 4_000;

/** What UDP and UNIX sockets cost on request: program time per call that sends or receives a datagram. */
export function run(rounds: number): Promise<void> {
  const network = '{ collect_syscalls: false, collect_file_io: false, network_messages: true }';
  return printAgainstLimit(
    'messages: program time per call',
    [limit('messages'), agent('bpflow UDP and UNIX', receiverOnly(network))],
    limit('empty_messages'),
    () => {
      workload('udp', DATAGRAMS, 1);
      return DATAGRAMS * 2;
    },
    rounds,
  );
}
