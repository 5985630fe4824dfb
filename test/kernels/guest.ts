import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

export const root = join(import.meta.dirname, '..', '..');

/** The kernels of scripts/build-kernels.sh, oldest first; those for another architecture than this machine's have it in their name. */
export const KERNELS = ['5.10', '6.1', '6.12', '7', '6.1-arm64', '6.12-arm64'] as const;

/** Something to run in a guest. What it finds it writes into the file that its command is given. */
export interface Job {
  readonly name: string;
  readonly seconds: number;
  command(file: string): string;
}

/** How a job ended. */
export interface Ended {
  /** Of its command. 124: not done in time; 125: the kernel did not boot, or died in it twice. */
  readonly status: number;
  /** The end of what it printed. */
  readonly output: string;
  /** What it found, as it wrote it; empty for nothing. */
  readonly found: string;
}

/** How a guest ended, with the end of what it printed. */
export type GuestEnd = Pick<Ended, 'status' | 'output'>;

/** Runs the jobs in a guest, below whose `share` each leaves `<name>.found`, `<name>.output` and, last, `<name>.status`. */
export type Boot = (kernel: string, jobs: readonly Job[], share: string) => Promise<GuestEnd>;

/** Whether a kernel is there to boot. */
export function isBuilt(kernel: string): boolean {
  return existsSync(join(root, 'build', 'kernels', kernel, 'release'));
}

/** The version that a kernel of build/kernels has, such as `6.1.0-56-amd64`. */
export function releaseOf(kernel: string): string {
  return readFileSync(join(root, 'build', 'kernels', kernel, 'release'), 'utf8').trim();
}

/**
 * Runs jobs one after the other in one guest, for a boot takes a minute and more, and tells how each ended as it does. A guest that
 * dies is started again with the jobs that are left: emulated processors lose a race once in some thousand loads, and a kernel
 * that patches its own code stops then. A job in which it dies twice is left out.
 */
export async function* runInGuest(kernel: string, jobs: readonly Job[], start: Boot = boot): AsyncGenerator<Ended> {
  const share = mkdtempSync(join(tmpdir(), 'bpflow-guest-'));
  try {
    let left = jobs;
    let diedIn: Job | undefined;
    while (left.length > 0) {
      const guest: { ended?: GuestEnd } = {};
      const running = start(kernel, left, share).then((ended) => {
        guest.ended = ended;
      });
      for (let isOver = false; left.length > 0 && !isOver; ) {
        const [job] = left;
        // Asked before the results are looked for, which may come in between.
        const { ended } = guest;
        const found = endOf(job!, share);
        if (found === undefined && ended === undefined) {
          await wait(500);
        } else if (found === undefined && diedIn !== job && ended!.status === 125) {
          diedIn = job;
          isOver = true;
        } else {
          left = left.slice(1);
          yield found ?? { ...ended!, found: '' };
          isOver = found === undefined;
        }
      }
      await running;
    }
  } finally {
    rmSync(share, { recursive: true, force: true });
  }
}

/** The status comes last: who sees it sees the rest. */
function scriptOf({ name, seconds, command }: Job, share: string): string {
  const path = join(share, name);
  return [
    `(PATH=${root}/node_modules/.bin:$PATH BPFLOW_EMULATED=yes NODE_COMPILE_CACHE=${root}/build/compile-cache timeout -k 5 ${seconds} ${command(`${path}.found`)})`,
    `>${path}.output 2>&1; echo $? >${path}.ends; sync; mv ${path}.ends ${path}.status`,
  ].join(' ');
}

/** Undefined for a job that has not ended. */
function endOf({ name }: Job, share: string): Ended | undefined {
  const read = (kind: string) => {
    const path = join(share, `${name}.${kind}`);
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  };
  const status = read('status').trim();
  if (status === '') return undefined;
  return { status: Number(status), output: read('output').slice(-4000), found: read('found') };
}

async function boot(kernel: string, jobs: readonly Job[], share: string): Promise<GuestEnd> {
  const script = join(root, 'scripts', 'run-kernel.sh');
  const seconds = jobs.reduce((sum, job) => sum + job.seconds, 120);
  const command = jobs.map((job) => scriptOf(job, share)).join('\n');
  const child = spawn('bash', [script, '-t', String(seconds), '-w', share, kernel, command], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const take = (text: string): void => {
    output += text;
  };
  child.stdout.setEncoding('utf8').on('data', take);
  child.stderr.setEncoding('utf8').on('data', take);
  const [status] = (await once(child, 'close')) as [number | null];
  return { status: status ?? 125, output: output.slice(-4000) };
}
