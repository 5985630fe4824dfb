import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { asError, type Bpf, type Clock } from 'bpflow/sdk';
import type { Kernel } from '../kernel/kernel.ts';

/** How long it measures. */
const SELF_TEST_MS = 1000;

export interface MeasuredCosts {
  /** Average run time by program. */
  readonly costs: ReadonlyMap<string, MeasuredCost>;
  /** How it was measured, or why it was not. */
  readonly method: string;
}

export interface MeasuredCost {
  readonly ns: number;
  readonly runs: number;
}

export interface SelfTestOptions {
  readonly bpf: Bpf;
  readonly clock: Clock;
  /** Gives the programs something to do until it is told to stop; by default a child process. */
  readonly exercise?: (stop: AbortSignal) => Promise<void>;
}

/** Lets the kernel measure the attached programs for a second, while a child process does what they look at. */
export async function measureCosts(kernel: Kernel, { bpf, clock, exercise = runChild }: SelfTestOptions) {
  const before = runsOf(kernel);
  const stop = new AbortController();
  let statistics: ReturnType<Bpf['enableStats']>;
  try {
    statistics = bpf.enableStats();
  } catch (error) {
    return { costs: new Map(), method: `Costs were not measured: ${asError(error).message}` } satisfies MeasuredCosts;
  }
  let failure = '';
  try {
    const exercised = exercise(stop.signal).catch((error: unknown) => {
      failure = ` The child process failed (${asError(error).message}): what nothing else caused was not measured.`;
    });
    await new Promise<void>((resolve) => clock.after(SELF_TEST_MS, resolve));
    kernel.creditLiving();
    stop.abort();
    await exercised;
    return { costs: costsSince(kernel, before), method: `${METHOD}${failure}` } satisfies MeasuredCosts;
  } finally {
    statistics.close();
  }
}

const METHOD =
  'Average run time by the run statistics of the kernel (its two readings of the clock included) in one second, in which a child process opened, read and wrote files, allocated memory, and used sockets.';

type Runs = ReadonlyMap<string, { readonly runCount: bigint; readonly runTimeNs: bigint }>;

function runsOf(kernel: Kernel): Runs {
  return new Map([...kernel.attached].map(([name, program]) => [name, program.info()]));
}

function costsSince(kernel: Kernel, before: Runs): ReadonlyMap<string, MeasuredCost> {
  const costs = new Map<string, MeasuredCost>();
  for (const [program, { runCount, runTimeNs }] of runsOf(kernel)) {
    const earlier = before.get(program)!;
    const runs = Number(runCount - earlier.runCount);
    if (runs > 0) costs.set(program, { ns: Math.round(Number(runTimeNs - earlier.runTimeNs) / runs), runs });
  }
  return costs;
}

/** A child, because the agent's own calls are left out in the kernel. It listens on nothing, and ends by itself. */
async function runChild(stop: AbortSignal): Promise<void> {
  const child = spawn(process.execPath, ['-e', WORK, String(SELF_TEST_MS * 2)], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: {},
  });
  child.stdout.resume();
  const ended = once(child, 'exit');
  stop.addEventListener('abort', () => child.kill('SIGKILL'));
  await ended;
}

const WORK = `
const fs = require('node:fs'), net = require('node:net'), dgram = require('node:dgram');
const end = performance.now() + Number(process.argv[1]);
const udp = dgram.createSocket('udp4').on('error', () => {});
const connecting = () => net.connect(1, '127.0.0.1').on('error', () => {});
const block = Buffer.alloc(4096);
(function step() {
  const file = fs.openSync(process.execPath);
  fs.readSync(file, block);
  fs.closeSync(file);
  try { fs.openSync('/nonexistent'); } catch {}
  Buffer.allocUnsafeSlow(1 << 20).fill(1);
  fs.writeSync(1, '.');
  udp.send('.', 9, '127.0.0.1');
  udp.send('.', 53, '127.0.0.1');
  connecting();
  if (performance.now() < end) setTimeout(step, 1); else udp.close();
})();
`;
