import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { receiverOnly } from './configs.ts';
import { agent, limit } from './contender.ts';
import { printAgainstLimit } from './program-time.ts';

const REQUESTS = 400;
/** In memory: a loop device on it completes a request as soon as it has it. */
const memory = `/dev/shm/bpflow-bench-${process.pid}`;
const file = fileURLToPath(new URL('../../build/bench/block', import.meta.url));

/** What block I/O costs: program time per completed request, at its issue and at its end. */
export async function run(rounds: number): Promise<void> {
  const disk = madeDisk();
  if (disk === undefined) return;
  const files = '{ collect_syscalls: false, collect_network: false, file_operations: false }';
  const read = [...alone(), 'dd', `if=${disk.path}`, 'of=/dev/null', 'iflag=direct', 'bs=4k', `count=${REQUESTS}`];
  try {
    await printAgainstLimit(
      `block: program time per request to ${disk.name}`,
      [limit('block_latency'), agent('bpflow block I/O', receiverOnly(files))],
      limit('empty_block'),
      () => {
        command(read);
        return undefined;
      },
      rounds,
    );
  } finally {
    disk.remove();
  }
}

interface Disk {
  readonly name: string;
  readonly path: string;
  remove(): void;
}

/** A loop device in memory where one can be made, else a file of this folder's device, whose requests find cold caches. */
function madeDisk(): Disk | undefined {
  const fill = (path: string, ...flags: readonly string[]) =>
    command(['dd', 'if=/dev/zero', `of=${path}`, 'bs=4k', `count=${REQUESTS}`, ...flags]);
  try {
    fill(memory);
    const path = command(['losetup', '--find', '--show', memory]).trim();
    const remove = () => {
      command(['losetup', '--detach', path]);
      rmSync(memory, { force: true });
    };
    return { name: 'a loop device in memory', path, remove };
  } catch {
    rmSync(memory, { force: true });
  }
  try {
    fill(file, 'oflag=direct');
    return { name: "this folder's device", path: file, remove: () => rmSync(file, { force: true }) };
  } catch {
    process.stdout.write('block: left out, there is no loop device, and this folder is on no block device.\n');
    return undefined;
  }
}

/** In front of a command: on one CPU, before everything else there, as far as that is permitted. */
function alone(): readonly string[] {
  const prefix = ['taskset', '-c', '0', 'chrt', '-f', '1'];
  try {
    command([...prefix, 'true']);
    return prefix;
  } catch {
    return [];
  }
}

function command([name, ...operands]: readonly string[]): string {
  return execFileSync(name!, operands, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}
