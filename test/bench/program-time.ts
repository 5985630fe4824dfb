import { execFileSync } from 'node:child_process';
import type { Contender } from './contender.ts';
import { median } from './statistics.ts';

/** Runs and run time of loaded programs, by id. */
type Runs = ReadonlyMap<number, { readonly count: number; readonly ns: number }>;

export interface ProgramTime {
  readonly name: string;
  /** Program time per operation in ns less that of as many empty programs, one value a round. */
  readonly ns: number[];
}

/**
 * Measures what each contender's programs cost per operation of a workload, in interleaved rounds; needs run statistics on.
 * An empty program's time (what the statistics cost) is measured in the same round and taken off each run.
 */
export async function programTimes(
  contenders: readonly Contender[],
  empty: Contender,
  workload: () => number,
  rounds: number,
): Promise<ProgramTime[]> {
  const results = contenders.map(({ name }): ProgramTime => ({ name, ns: [] }));
  for (let round = 0; round < rounds; round++) {
    const order = contenders.map((_, i) => (round % 2 === 0 ? i : contenders.length - 1 - i));
    const base = await measure(empty, workload);
    const emptyNs = base.ns / base.count;
    for (const i of order) {
      const { ns, count, operations } = await measure(contenders[i]!, workload);
      results[i]!.ns.push((ns - emptyNs * count) / operations);
    }
    process.stderr.write(
      `round ${round + 1}/${rounds}: empty ${emptyNs.toFixed(1)} ns; ${results.map(({ name, ns }) => `${name} ${ns.at(-1)?.toFixed(1)}`).join('; ')}\n`,
    );
  }
  return results;
}

/** Median of the differences of two contenders, round by round. */
export function difference(a: ProgramTime, b: ProgramTime): number {
  return median(a.ns.map((ns, round) => ns - b.ns[round]!));
}

async function measure(contender: Contender, workload: () => number) {
  const others = new Set(runs().keys());
  const running = await contender.start();
  try {
    const before = runs();
    const operations = workload();
    let ns = 0;
    let count = 0;
    for (const [id, after] of runs()) {
      if (others.has(id)) continue;
      ns += after.ns - (before.get(id)?.ns ?? 0);
      count += after.count - (before.get(id)?.count ?? 0);
    }
    return { ns, count, operations };
  } finally {
    await running.stop();
  }
}

function runs(): Runs {
  const shown = JSON.parse(execFileSync('bpftool', ['-j', 'prog', 'show'], { maxBuffer: 1 << 26 }).toString()) as {
    readonly id: number;
    readonly run_cnt?: number;
    readonly run_time_ns?: number;
  }[];
  return new Map(shown.map((program) => [program.id, { count: program.run_cnt ?? 0, ns: program.run_time_ns ?? 0 }]));
}
