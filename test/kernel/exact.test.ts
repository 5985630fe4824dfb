import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { RunningAgent } from './agent.ts';
import { many, root, skip } from './machine.ts';
import { reads, readsUntil, type Samples } from './samples.ts';
import { counted, RULES } from './semantics.ts';
import { own, Workloads } from './workload.ts';

const NODE = own('agent');

describe('the page of a running agent', { skip }, () => {
  const workloads = new Workloads();
  const folder = skip === false ? mkdtempSync(join(root, 'build', 'agent-')) : '';
  let agent: RunningAgent;
  before(async () => {
    const node = join(folder, NODE);
    copyFileSync(process.execPath, node);
    agent = await RunningAgent.start({ collect_scheduler: true, exclude_processes: [] }, { node });
    for (const rule of RULES) await rule.run(workloads, rule.name);
  });
  after(async () => {
    await agent.stop();
    workloads[Symbol.dispose]();
    rmSync(folder, { recursive: true });
  });

  const calls = many(1_000_000);
  test(`has 2 threads × ${calls} getppid exactly`, async () => {
    const process = own('exact-getppid');
    assert.deepEqual(await workloads.run(process, 'getppid', calls, 2), { getppid: 2 * calls });
    await reads(agent, (page) => page.total('ebpf_syscall_count', { process, syscall: 'getppid' }), 2 * calls);
  });

  const opens = many(200_000);
  test(`has ${opens} openat exactly, and the half that failed with ENOENT`, async () => {
    const process = own('exact-openat');
    await workloads.run(process, 'openat', opens);
    const view = (page: Samples) => ({
      openat: page.total('ebpf_syscall_count', { process, syscall: 'openat' }),
      close: page.total('ebpf_syscall_count', { process, syscall: 'close' }),
      errors: page.by('errno', 'ebpf_syscall_errors', { process, syscall: 'openat' }),
    });
    await reads(agent, view, { openat: opens, close: opens / 2, errors: { ENOENT: opens / 2 } });
  });

  for (const rule of RULES) {
    test(rule.says, async () => {
      await reads(agent, (page) => counted(page, rule), { ...rule.expected });
    });
  }

  const turns = many(200_000);
  test(`has ${2 * turns} switches of a ping-pong on one CPU within 0.1 %`, async () => {
    const process = own('exact-pingpong');
    const truth = await workloads.run(process, 'pingpong', turns);
    const switches = truth['voluntary']! + truth['involuntary']!;
    assert.ok(switches > 1.95 * turns, `the workload itself made only ${switches} switches`);
    await near(agent, (page) => page.total('ebpf_context_switches', { process }), switches, 0.001);
    await near(agent, (page) => page.total('ebpf_process_runtime_ns', { process }), truth['cpu_s']! * 1e9, 0.01);
  });

  test('has the run time of a 10 s mixed load within 1 %', async () => {
    const process = own('exact-mixed');
    const truth = await workloads.run(process, 'mixed', 10);
    await near(agent, (page) => page.total('ebpf_process_runtime_ns', { process }), truth['cpu_s']! * 1e9, 0.01);
    const switches = truth['voluntary']! + truth['involuntary']!;
    await near(agent, (page) => page.total('ebpf_context_switches', { process }), switches, 0.001);
  });

  test('has nothing of the agent itself', async () => {
    const page = await agent.read();
    assert.ok(page.list.length > 0);
    assert.deepEqual(
      page.list.filter(({ labels }) => labels['process'] === NODE),
      [],
    );
    const ledger = (await agent.view('/v1/views/receiver/ebpf/ledger')) as Record<string, number>;
    assert.ok(ledger['excluded']! > 0);
  });
});

/**
 * Reads until a value is within this share of the truth; or 50 of it, for what the workload does after it has looked, and what is in its
 * account from before it was executed under its name: on a busy machine it waits then, too.
 */
async function near(agent: RunningAgent, value: (page: Samples) => number, truth: number, share: number) {
  const holds = (page: Samples) => Math.abs(value(page) - truth) <= Math.max(50, truth * share);
  await readsUntil(agent, holds, (page) => ({ truth, counted: value(page) }));
}
