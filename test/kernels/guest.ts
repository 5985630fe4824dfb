import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { KernelResults } from './results.ts';

export const root = join(import.meta.dirname, '..', '..');

/** The kernels of scripts/build-kernels.sh, oldest first. */
export const KERNELS = ['5.10', '6.1', '6.12', '7'] as const;

/** Seconds that the tests of one file may take. */
const FILE_SECONDS = 900;

/** How a test of test/kernel ended in a guest. */
export interface GuestResult {
  readonly name: string;
  readonly error?: string;
  readonly skipped?: string;
}

/** What a command did in a guest. */
export interface GuestRun {
  /** 124: not done in time; 125: the kernel did not boot, or died. */
  readonly status: number;
  readonly output: string;
}

/** Whether a kernel is there to boot. */
export function isBuilt(kernel: string): boolean {
  return existsSync(join(root, 'build', 'kernels', kernel, 'release'));
}

/** The version that a kernel of build/kernels has, such as `6.1.0-56-amd64`. */
export function releaseOf(kernel: string): string {
  return readFileSync(join(root, 'build', 'kernels', kernel, 'release'), 'utf8').trim();
}

/** Runs a shell command in a guest; what it writes below `share` stays. A guest that dies is started once more. */
export async function runInGuest(kernel: string, command: string, share: string, seconds: number): Promise<GuestRun> {
  const first = await runOnce(kernel, command, share, seconds);
  // Emulated processors lose a race once in some thousand loads: a kernel that patches its own code stops then.
  return first.status === 125 ? runOnce(kernel, command, share, seconds) : first;
}

/**
 * The tests of files of test/kernel, one file after the other in one guest, each told as it ends. A guest that dies is started
 * again with the files that are left; the file that it died in twice has failed.
 */
export async function* testInGuest(kernel: string, files: readonly string[]): AsyncGenerator<readonly GuestResult[]> {
  const share = mkdtempSync(join(tmpdir(), 'bpflow-guest-'));
  try {
    let left = files;
    let diedIn: string | undefined;
    while (left.length > 0) {
      const command = left.map((file) => commandOf(file, share)).join('\n');
      const run: { ended?: GuestRun } = {};
      const running = runOnce(kernel, command, share, 60 + FILE_SECONDS * left.length).then((ended) => {
        run.ended = ended;
      });
      while (left.length > 0) {
        const results = resultsOf(left[0]!, share);
        if (results !== undefined) {
          left = left.slice(1);
          yield results;
        } else if (run.ended === undefined) {
          await wait(500);
        } else if (diedIn === left[0] || run.ended.status !== 125) {
          const { status, output } = run.ended;
          left = left.slice(1);
          yield [{ name: 'the guest', error: `ended with ${status}\n${output}` }];
          break;
        } else {
          diedIn = left[0];
          break;
        }
      }
      await running;
    }
  } finally {
    rmSync(share, { recursive: true, force: true });
  }
}

/** Its results are complete when the file with the status is there. */
function commandOf(file: string, share: string): string {
  const path = join(share, file);
  return [
    `PATH=${root}/node_modules/.bin:$PATH BPFLOW_EMULATED=yes timeout -k 5 ${FILE_SECONDS}`,
    'node --conditions=source --disable-warning=ExperimentalWarning --test --test-timeout=300000',
    `--test-reporter=./test/kernels/lines-reporter.js --test-reporter-destination=${path}.results`,
    `test/kernel/${file} >${path}.output 2>&1; echo $? >${path}.ends; sync; mv ${path}.ends ${path}.status`,
  ].join(' ');
}

/** Undefined for one that has not ended. */
function resultsOf(file: string, share: string): readonly GuestResult[] | undefined {
  const read = (kind: string) => {
    const path = join(share, `${file}.${kind}`);
    return existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined;
  };
  const status = read('status');
  if (status === undefined || status === '') return undefined;
  const lines = read('results') ?? '';
  const found = lines === '' ? [] : lines.split('\n').map((line) => JSON.parse(line) as GuestResult);
  const isWhole = status === '0' || (status === '1' && found.some(({ error }) => error !== undefined));
  if (isWhole && found.length > 0) return found;
  return [...found, { name: 'the file', error: `ended with ${status}\n${read('output')?.slice(-4000)}` }];
}

/** What the receiver has in a guest with everything switched on. */
export async function planInGuest(kernel: string): Promise<Omit<KernelResults, 'files'>> {
  const share = mkdtempSync(join(tmpdir(), 'bpflow-guest-'));
  try {
    const file = join(share, 'plan.json');
    const command = `PATH=${root}/node_modules/.bin:$PATH node --conditions=source test/kernels/plan-here.ts ${file}`;
    const { status, output } = await runInGuest(kernel, command, share, 300);
    if (status !== 0) throw new Error(`The guest ended with ${status}.\n${output}`);
    return JSON.parse(readFileSync(file, 'utf8')) as Omit<KernelResults, 'files'>;
  } finally {
    rmSync(share, { recursive: true, force: true });
  }
}

async function runOnce(kernel: string, command: string, share: string, seconds: number): Promise<GuestRun> {
  const script = join(root, 'scripts', 'run-kernel.sh');
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
