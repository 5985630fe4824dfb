import { receiverOnly } from './configs.ts';
import { agent, limit } from './contender.ts';
import { printAgainstLimit } from './program-time.ts';
import { workload } from './workload.ts';

const CALLS = 20_000;

/** What allocations of address space cost: program time per system call of any kind, each of which is looked at. */
export function run(rounds: number): Promise<void> {
  const memory = '{ collect_syscalls: false, collect_file_io: false, collect_network: false, collect_memory: true }';
  return printAgainstLimit(
    'memory-calls: program time per system call',
    [limit('memory_calls'), agent('bpflow mmap and brk', receiverOnly(memory))],
    limit('empty_syscall'),
    () => {
      workload('getppid', CALLS, 2);
      return CALLS * 2;
    },
    rounds,
  );
}
