import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KernelResults } from './results.ts';

export const root = join(import.meta.dirname, '..', '..');

/** The kernels of scripts/build-kernels.sh, oldest first; those for another architecture than this machine's have it in their name. */
export const KERNELS = ['5.10', '6.1', '6.12', '7', '6.1-arm64', '6.12-arm64'] as const;

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

/** How much longer than another one a guest may take: what emulates another architecture does more for each instruction. */
function patience(kernel: string): number {
  return kernel.endsWith('-arm64') ? 5 : 1;
}

/** Runs a shell command in a guest; what it writes below `share` stays. A guest that dies is started once more. */
export async function runInGuest(kernel: string, command: string, share: string, seconds: number): Promise<GuestRun> {
  const first = await runOnce(kernel, command, share, seconds);
  // Emulated processors lose a race once in some thousand loads: a kernel that patches its own code stops then.
  return first.status === 125 ? runOnce(kernel, command, share, seconds) : first;
}

/** The tests of one file of test/kernel, run in a guest. */
export async function testInGuest(kernel: string, file: string): Promise<readonly GuestResult[]> {
  const share = mkdtempSync(join(tmpdir(), 'bpflow-guest-'));
  try {
    const results = join(share, 'results');
    const command = [
      `PATH=${root}/node_modules/.bin:$PATH`,
      'BPFLOW_EMULATED=yes node --conditions=source --disable-warning=ExperimentalWarning --test',
      `--test-timeout=${300_000 * patience(kernel)}`,
      `--test-reporter=./test/kernels/lines-reporter.js --test-reporter-destination=${results} test/kernel/${file}`,
    ].join(' ');
    const run = await runInGuest(kernel, command, share, 900 * patience(kernel));
    const text = existsSync(results) ? readFileSync(results, 'utf8') : '';
    const found = text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as GuestResult]));
    if (run.status !== 124 && run.status !== 125 && found.length > 0) return found;
    return [...found, { name: 'the guest', error: `ended with ${run.status}\n${run.output}` }];
  } finally {
    rmSync(share, { recursive: true, force: true });
  }
}

/** What the receiver has in a guest with everything switched on. */
export async function planInGuest(kernel: string): Promise<Omit<KernelResults, 'files'>> {
  const share = mkdtempSync(join(tmpdir(), 'bpflow-guest-'));
  try {
    const file = join(share, 'plan.json');
    const command = `PATH=${root}/node_modules/.bin:$PATH node --conditions=source test/kernels/plan-here.ts ${file}`;
    const { status, output } = await runInGuest(kernel, command, share, 300 * patience(kernel));
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
