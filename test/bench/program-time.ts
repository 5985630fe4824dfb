import { readdirSync, readFileSync } from 'node:fs';
import type { Contender, Running } from './contender.ts';
import { withRunStatistics } from './run-statistics.ts';
import { printTable } from './table.ts';

/** Runs and run time of loaded programs, by id. */
type Runs = ReadonlyMap<number, { readonly count: number; readonly ns: number }>;

export interface ProgramTime {
  readonly name: string;
  /** Program time per operation in ns less that of as many empty programs: for each order what a fifth of the rounds stays below. */
  readonly ns: number[];
}

/** Rounds are short: who shares the machine takes whole milliseconds, and the lower fifth leaves out the rounds that were hit. */
const SHORT_ROUNDS = 4;
/** A program that runs less often than once in so many operations belongs to what else the machine does. */
const RARE = 20;

/**
 * Measures what each contender's programs cost per operation of a workload; needs run statistics on. All are attached at once, so
 * that each operation runs every program and what else the machine does meets all of them. Who comes first fetches the memory
 * that all of them look at, and makes what the kernel keeps once for all of them: that is a second instance of the first
 * contender, which is not measured. There are as many orders as contenders, and each is once at every place after it. An empty
 * program's time (what the statistics cost) is measured beside them and taken off each run.
 */
export async function programTimes(
  contenders: readonly Contender[],
  empty: Contender,
  workload: () => number | undefined,
  rounds: number,
): Promise<ProgramTime[]> {
  const results = contenders.map(({ name }): ProgramTime => ({ name, ns: [] }));
  for (const first of contenders.keys()) {
    const pathfinder: Contender = { ...contenders[0]! };
    const order = [pathfinder, ...contenders.slice(first), ...contenders.slice(0, first), empty];
    const running = new Map<Contender, Running>();
    try {
      for (const contender of order) running.set(contender, await contender.start());
      workload();
      const measured = contenders.map((): number[] => []);
      for (let round = 0; round < rounds * SHORT_ROUNDS; round++) {
        const all = [empty, ...contenders].map((contender) => running.get(contender)!.pid);
        const before = all.map(runs);
        const told = workload();
        const after = all.map(runs);
        const base = growth(before[0]!, after[0]!, 0);
        const operations = told ?? base.count;
        const used = after.slice(1).map((each, i) => growth(before[i + 1]!, each, operations));
        const emptyNs = base.ns / base.count;
        for (const [i, { ns, count }] of used.entries()) measured[i]!.push((ns - emptyNs * count) / operations);
      }
      for (const [i, values] of measured.entries()) results[i]!.ns.push(lowerFifth(values));
      const texts = results.map(({ name, ns }) => `${name} ${ns.at(-1)?.toFixed(1)}`);
      process.stderr.write(`order ${first + 1}/${contenders.length}: ${texts.join('; ')}\n`);
    } finally {
      for (const each of running.values()) await each.stop();
    }
  }
  return results;
}

/** Prints what a contender takes beside its limit, which comes first. */
export async function printAgainstLimit(
  title: string,
  contenders: readonly [limit: Contender, own: Contender],
  empty: Contender,
  workload: () => number | undefined,
  rounds: number,
): Promise<void> {
  const [limit, own] = await withRunStatistics(() => programTimes(contenders, empty, workload, rounds));
  printTable(`${title}, ns, less an empty program (mean of the orders [min-max])`, [
    { what: limit!.name, ns: timeText(limit!), 'over the limit': '' },
    { what: own!.name, ns: timeText(own!), 'over the limit': `${difference(own!, limit!).toFixed(1)} (budget 15)` },
  ]);
}

/** Mean over the orders, with the least and the most of them. */
export function timeText({ ns }: ProgramTime): string {
  return `${mean(ns).toFixed(1)} [${Math.min(...ns).toFixed(1)}-${Math.max(...ns).toFixed(1)}]`;
}

/** By how much one contender takes longer than another, ns, over all orders. */
export function difference(a: ProgramTime, b: ProgramTime): number {
  return mean(a.ns) - mean(b.ns);
}

function lowerFifth(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 5)]!;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Time in all programs that a process has open until now, ns. */
export function programTotal(pid: number): number {
  return [...runs(pid).values()].reduce((sum, { ns }) => sum + ns, 0);
}

function growth(before: Runs, after: Runs, operations: number) {
  let ns = 0;
  let count = 0;
  for (const [id, now] of after) {
    const more = now.count - (before.get(id)?.count ?? 0);
    if (more * RARE < operations) continue;
    count += more;
    ns += now.ns - (before.get(id)?.ns ?? 0);
  }
  return { ns, count };
}

/** Of the programs that a process has open: others come and go while it is measured. */
function runs(pid: number): Runs {
  const folder = `/proc/${pid}/fdinfo`;
  const found = new Map<number, { count: number; ns: number }>();
  for (const file of readdirSync(folder)) {
    const text = infoOf(`${folder}/${file}`);
    const number = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+)$`, 'm').exec(text)?.[1] ?? 0);
    // Links name their program too, but not its runs.
    if (text.includes('run_cnt:'))
      found.set(number('prog_id'), { count: number('run_cnt'), ns: number('run_time_ns') });
  }
  return found;
}

/** Empty for a descriptor that was closed meanwhile. */
function infoOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
