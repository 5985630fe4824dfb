import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { RunningAgent } from './agent.ts';
import { isEmulated, many, patience, skip } from './machine.ts';
import { reads, readsUntil, type Samples } from './samples.ts';
import { own, type Truth, Workloads } from './workload.ts';

const PROCESSES = many(3000);
const NAME = own('churning');
/** What each parent still does after it has told its own: prints that, and ends. */
const AFTERWARDS = { switches: 5, cpuNs: patience(2_000_000) };

describe(`${PROCESSES} short processes while the page is scraped`, { skip }, () => {
  test('are all counted, three times over, and leave nothing behind', async () => {
    using workloads = new Workloads();
    const agent = await RunningAgent.start({ collect_scheduler: true, exclude_processes: [] });
    try {
      const used: Truth[] = [];
      const memory: number[] = [];
      const series: number[] = [];
      for (let round = 1; round <= 3; round++) {
        used.push(await churn(agent, workloads));
        const page = await readsExactly(agent, round, used);
        memory.push(residentMiB(agent.pid));
        series.push(page.list.filter(({ labels }) => labels['process'] === NAME).length);
      }
      assert.equal(series[2], series[0], `series after each round: ${series}`);
      assert.ok(memory[2]! - memory[1]! < 16, `resident memory in MiB after each round: ${memory}`);
    } finally {
      await agent.stop();
    }
  });
});

/** One round, with a scrape every 20 ms. */
async function churn(agent: RunningAgent, workloads: Workloads): Promise<Truth> {
  let running = true;
  const work = workloads.run(NAME, 'churn', PROCESSES, 100, 4).finally(() => {
    running = false;
  });
  let scrapes = 0;
  for (; running; scrapes++) {
    await agent.read();
    await wait(20);
  }
  assert.ok(scrapes > (isEmulated ? 0 : 5));
  return work;
}

/** Calls must be equal; run time and switches near what the kernel told each parent of its children and itself. */
async function readsExactly(agent: RunningAgent, rounds: number, used: readonly Truth[]): Promise<Samples> {
  const calls = (page: Samples) => {
    const of = (syscall: string) => page.total('ebpf_syscall_count', { process: NAME, syscall });
    return { getppid: of('getppid'), execve: of('execve'), clone: of('clone'), exit_group: of('exit_group') };
  };
  const [once, withParent] = [PROCESSES * rounds, (PROCESSES + 1) * rounds];
  await reads(agent, calls, { getppid: once * 100, execve: withParent, clone: once, exit_group: withParent });

  const all = (...keys: readonly string[]) =>
    used.flatMap((truth) => keys.map((key) => truth[key]!)).reduce((sum, each) => sum + each, 0);
  const cpuNs = all('children_cpu_s', 'own_cpu_s') * 1e9;
  const switches = all('voluntary', 'involuntary', 'own_voluntary', 'own_involuntary');
  const counted = (page: Samples) => ({
    cpuNs: page.total('ebpf_process_runtime_ns', { process: NAME }),
    switches: page.total('ebpf_context_switches', { process: NAME }),
  });
  const holds = (page: Samples) => {
    const now = counted(page);
    return (
      Math.abs(now.cpuNs - cpuNs) < cpuNs / 100 + AFTERWARDS.cpuNs * rounds &&
      Math.abs(now.switches - switches) < switches / 1000 + AFTERWARDS.switches * rounds
    );
  };
  return readsUntil(agent, holds, (page) => ({ truth: { cpuNs, switches }, counted: counted(page) }));
}

function residentMiB(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}
