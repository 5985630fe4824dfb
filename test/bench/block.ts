import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { receiverOnly } from './configs.ts';
import { agent, limit } from './contender.ts';
import { printAgainstLimit } from './program-time.ts';

const REQUESTS = 200;
const file = fileURLToPath(new URL('../../build/bench/block', import.meta.url));

/** What block I/O costs: program time per completed request, at its issue and at its end. */
export async function run(rounds: number): Promise<void> {
  const dd = (...operands: readonly string[]) =>
    execFileSync('dd', [...operands, 'bs=4k', `count=${REQUESTS}`], { stdio: 'ignore' });
  try {
    dd('if=/dev/zero', `of=${file}`, 'oflag=direct');
  } catch {
    process.stdout.write('block: left out, this folder is on no block device.\n');
    return;
  }
  const files = '{ collect_syscalls: false, collect_network: false, file_operations: false }';
  await printAgainstLimit(
    'block: program time per request',
    [limit('block_latency'), agent('bpflow block I/O', receiverOnly(files))],
    limit('empty_block'),
    () => {
      dd(`if=${file}`, 'of=/dev/null', 'iflag=direct');
      return undefined;
    },
    rounds,
  );
  rmSync(file, { force: true });
}
