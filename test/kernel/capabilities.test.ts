import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { RunningAgent } from './agent.ts';
import { skip } from './machine.ts';
import { reads } from './samples.ts';
import { own, Workloads } from './workload.ts';

const BPF = 1n << 39n;
const PERFMON = 1n << 38n;
const NET_BIND_SERVICE = 1n << 10n;
const KEYS = { exclude_processes: [], scrape_interval: '60s' };

describe('the capabilities of a running agent', { skip }, () => {
  test('are those for counting alone, in every thread, and all is counted as before', async () => {
    using workloads = new Workloads();
    const agent = await RunningAgent.start({ ...KEYS, collect_scheduler: true, collect_memory: true });
    try {
      assert.deepEqual(capabilitiesOf(agent.pid), [BPF | PERFMON]);
      assert.match(agent.stderr, /Capabilities that are not needed any more were dropped\..*cap_perfmon.*cap_bpf/);
      const name = own('dropped');
      await workloads.run(name, 'getppid', 100, 2);
      const samples = await reads(agent, (page) => calls(page, name), 200);
      for (const metric of ['ebpf_process_runtime_ns', 'ebpf_page_faults', 'ebpf_file_open_count']) {
        assert.ok(samples.total(metric) > 0, metric);
      }
    } finally {
      assert.equal(await agent.stop(), 0);
    }
  });

  test('let it be reloaded, as long as nothing is needed that was dropped', async () => {
    using workloads = new Workloads();
    const agent = await RunningAgent.start(KEYS);
    try {
      const name = own('reloaded');
      await workloads.run(name, 'getppid', 100, 1);
      await reads(agent, (page) => calls(page, name), 100);
      assert.match(await agent.reload({ ...KEYS, collect_memory: true }), /The configuration was reloaded\./);
      await workloads.run(name, 'getppid', 100, 1);
      await reads(agent, (page) => calls(page, name), 200);
      for (const [keys, prometheus, reason] of [
        [
          { ...KEYS, monitor_paths: ['/etc'] },
          {},
          /receiver \\?"ebpf\\?" needs cap_dac_read_search, which the agent dropped after its start: restart needed\./,
        ],
        [
          KEYS,
          { endpoint: '127.0.0.1:81' },
          /cannot listen on 127\.0\.0\.1:81.*restart needed, or name it in service\.keep_capabilities/,
        ],
      ] as const) {
        const told = await agent.reload(keys, prometheus);
        assert.match(told, /The configuration was not reloaded; the one before stays in force\./);
        assert.match(told, reason);
        await workloads.run(name, 'getppid', 100, 1);
      }
      await reads(agent, (page) => calls(page, name), 400);
    } finally {
      await agent.stop();
    }
  });

  test('stay where they are named', async () => {
    const service = { keep_capabilities: ['CAP_NET_BIND_SERVICE', 'net_raw'] };
    const some = await RunningAgent.start(KEYS, { service });
    try {
      assert.deepEqual(capabilitiesOf(some.pid), [BPF | PERFMON | NET_BIND_SERVICE | (1n << 13n)]);
      assert.match(await some.reload(KEYS, { endpoint: '127.0.0.1:81' }), /The configuration was reloaded\./);
    } finally {
      await some.stop();
    }
    const all = await RunningAgent.start(KEYS, { service: { keep_capabilities: 'all' } });
    try {
      assert.deepEqual(capabilitiesOf(all.pid), capabilitiesOf(process.pid));
    } finally {
      await all.stop();
    }
  });

  test('are left alone where nothing works in the kernel', async () => {
    const agent = await RunningAgent.start({ enabled: false });
    try {
      assert.deepEqual(capabilitiesOf(agent.pid), capabilitiesOf(process.pid));
    } finally {
      await agent.stop();
    }
  });
});

function calls(page: { total(name: string, labels: Record<string, string>): number }, process: string): number {
  return page.total('ebpf_syscall_count', { process, syscall: 'getppid' });
}

/** The effective, permitted and bounding sets of all threads, each once; and what may be inherited, unless that is nothing. */
function capabilitiesOf(pid: number): bigint[] {
  const found = new Set<bigint>();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const status = readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8');
    for (const [, name, set] of status.matchAll(/^Cap(\w+):\s+(\w+)$/gm)) {
      const value = BigInt(`0x${set}`);
      if (value !== 0n || (name !== 'Inh' && name !== 'Amb')) found.add(value);
    }
  }
  return [...found];
}
