import assert from 'node:assert/strict';
import { existsSync, mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { cgroupTree } from 'bpflow/containers';
import { RunningAgent } from './agent.ts';
import { skip } from './machine.ts';
import { ObservedReceiver } from './receiver.ts';
import { reads, type Samples } from './samples.ts';
import { own, Workloads } from './workload.ts';

const CONTAINER = '0123456789abcdef'.repeat(4);

describe('labels that change while a process runs', { skip }, () => {
  const workloads = new Workloads();
  let agent: RunningAgent;
  let watch: Watch;
  before(async () => {
    agent = await RunningAgent.start({
      labels: ['process', 'command', 'cgroup', 'container_id'],
      collect_scheduler: true,
      exclude_processes: [],
    });
    watch = new Watch(agent);
  });
  after(async () => {
    await watch.stop();
    await agent.stop();
    workloads[Symbol.dispose]();
  });

  test('exec: what was called before stays with the old program, the execve and the rest go to the new one', async () => {
    await workloads.run(own('exec-before'), 'then', 300, workloads.program(own('exec-after')), 'getppid-quietly', 200);
    const view = (page: Samples) =>
      [own('exec-before'), own('exec-after')].map((process) => {
        const { getppid, execve } = page.by('syscall', 'ebpf_syscall_count', { process });
        return { getppid, execve };
      });
    await reads(agent, view, [
      { getppid: 300, execve: 1 },
      { getppid: 200, execve: 1 },
    ]);
  });

  test('rename: what all threads call counts under the name that the leader has at that moment', async () => {
    await workloads.run(own('renaming'), 'rename', 300, 'renamed');
    const view = (page: Samples) =>
      page.by('command', 'ebpf_syscall_count', { process: own('renaming'), syscall: 'getppid' });
    await reads(agent, view, { [own('renaming')]: 300, renamed: 600 });
  });

  test('a move to another cgroup: every thread counts where it is at that moment', async (context: TestContext) => {
    const mount = cgroupTree();
    if (mount === undefined) return context.skip('needs a tree of cgroups');
    const name = `bpflow-test-${process.pid}`;
    const folders = [join(mount.path, name), join(mount.path, name, `docker-${CONTAINER}.scope`)] as const;
    for (const folder of folders) mkdirSync(folder);
    try {
      await workloads.run(own('moving'), 'cgroup', ...folders, 250);
      const view = (page: Samples) =>
        page.by('cgroup', 'ebpf_syscall_count', { process: own('moving'), syscall: 'getppid' });
      const page = await reads(agent, view, { [`/${name}`]: 500, [`/${name}/docker-${CONTAINER}.scope`]: 500 });
      const byContainer = page.by('container_id', 'ebpf_syscall_count', { process: own('moving'), syscall: 'getppid' });
      assert.deepEqual(byContainer, { '': 500, [CONTAINER]: 500 });
    } finally {
      for (const folder of [...folders].reverse()) if (existsSync(folder)) rmdirSync(folder);
    }
  });

  test('no series fell meanwhile', () => {
    assert.ok(watch.scrapes > 2, `${watch.scrapes} scrapes`);
    assert.deepEqual(watch.fallen, []);
  });
});

describe('a cgroup that is gone before a collection', { skip }, () => {
  test('is known from its making, wherever programs can be attached', async (context: TestContext) => {
    const mount = cgroupTree();
    if (mount === undefined) return context.skip('needs a tree of cgroups');
    for (const features of [{}, { tp_btf: 'off' }]) {
      using workloads = new Workloads();
      await using receiver = new ObservedReceiver({
        labels: ['process', 'cgroup', 'container_id'],
        exclude_processes: [],
        features,
      });
      const name = `bpflow-short-${process.pid}`;
      const folders = [join(mount.path, name), join(mount.path, name, CONTAINER)] as const;
      for (const folder of folders) mkdirSync(folder);
      try {
        await workloads.run(own('short'), 'cgroup', ...folders, 250);
      } finally {
        for (const folder of [...folders].reverse()) rmdirSync(folder);
      }
      const samples = await receiver.read();
      const calls = { process: own('short'), syscall: 'getppid' };
      assert.deepEqual(samples.by('cgroup', 'ebpf_syscall_count', calls), {
        [`/${name}`]: 500,
        [`/${name}/${CONTAINER}`]: 500,
      });
      assert.deepEqual(samples.by('container_id', 'ebpf_syscall_count', calls), { '': 500, [CONTAINER]: 500 });
    }
  });
});

describe('labels that are not asked for', { skip }, () => {
  test('are not told apart: what differs only in them is added', async () => {
    using workloads = new Workloads();
    await using receiver = new ObservedReceiver({ labels: [], exclude_processes: [] });
    await workloads.run(own('apart-1'), 'compat', 100);
    await workloads.run(own('apart-2'), 'compat', 100);
    const samples = await receiver.read();
    const series = samples.of('ebpf_syscall_count', { syscall: 'execve' });
    assert.equal(series.length, 1);
    assert.deepEqual(series[0]!.labels, { syscall: 'execve' });
  });

  test('pid tells processes of one name apart, and warns of its cost', async () => {
    using workloads = new Workloads();
    await using receiver = new ObservedReceiver({ labels: ['process', 'pid'], exclude_processes: [] });
    for (let i = 0; i < 3; i++) await workloads.run(own('by-pid'), 'getppid', 10, 1);
    const samples = await receiver.read();
    const series = samples.of('ebpf_syscall_count', { process: own('by-pid'), syscall: 'getppid' });
    assert.deepEqual(
      series.map(({ value }) => value),
      [10, 10, 10],
    );
    assert.equal(new Set(series.map(({ labels }) => labels['pid'])).size, 3);
    assert.ok(receiver.scope.logged.some(({ level, message }) => level === 'warn' && message.includes('label pid')));
  });

  test('histograms have labels of their own', async () => {
    using workloads = new Workloads();
    const keys = { histogram_labels: ['process'], collect_scheduler: true, exclude_processes: [] };
    await using receiver = new ObservedReceiver(keys);
    await workloads.run(own('histogram'), 'getppid', 1000, 1);
    const samples = await receiver.read();
    const labels = { process: own('histogram'), syscall: 'getppid' };
    assert.equal(samples.total('ebpf_syscall_latency_ns_count', labels), 1000);
    assert.equal(samples.of('ebpf_syscall_latency_ns_bucket', { ...labels, le: '+Inf' })[0]?.value, 1000);
    assert.ok(samples.total('ebpf_runqueue_latency_ns_count', { process: own('histogram') }) > 0);
  });

  test('exponential histograms have the same content', async () => {
    using workloads = new Workloads();
    const keys = { histogram_labels: ['process'], histograms: 'exponential', exclude_processes: [] };
    await using receiver = new ObservedReceiver(keys);
    await workloads.run(own('exponential'), 'getppid', 1000, 1);
    const samples = await receiver.read();
    const labels = { process: own('exponential'), syscall: 'getppid' };
    assert.equal(samples.total('ebpf_syscall_latency_ns_count', labels), 1000);
    assert.equal(samples.total('ebpf_syscall_latency_ns_bucket', labels), 1000);
  });
});

describe('process filters', { skip }, () => {
  test('leave in what is asked for and out what is excluded, histograms by process too', async () => {
    using workloads = new Workloads();
    await using receiver = new ObservedReceiver({
      process_filter: [`${own('wanted')}*`],
      exclude_processes: ['re:-not$'],
      histogram_labels: ['process'],
    });
    const wanted = own('wanted');
    for (const name of [wanted, `${wanted}-not`, own('unwanted')]) await workloads.run(name, 'getppid', 50, 1);
    const samples = await receiver.read();
    const expected = { [wanted]: 50 };
    assert.deepEqual(samples.by('process', 'ebpf_syscall_count', { syscall: 'getppid' }), expected);
    assert.deepEqual(samples.by('process', 'ebpf_syscall_latency_ns_count', { syscall: 'getppid' }), expected);
  });
});

describe('container filters', { skip }, () => {
  test('let in what is asked for, by id where nobody knows the name', async (context: TestContext) => {
    const mount = cgroupTree();
    if (mount === undefined) return context.skip('needs a tree of cgroups');
    using workloads = new Workloads();
    await using receiver = new ObservedReceiver({ container_filter: ['0123*'], exclude_processes: [] });
    const name = `bpflow-filter-${process.pid}`;
    const folders = [join(mount.path, name), join(mount.path, name, `docker-${CONTAINER}.scope`)] as const;
    for (const folder of folders) mkdirSync(folder);
    try {
      await workloads.run(own('contained'), 'cgroup', ...folders, 250);
      await workloads.run(own('outside'), 'getppid', 100, 1);
      const samples = await receiver.read();
      assert.deepEqual(samples.by('process', 'ebpf_syscall_count', { syscall: 'getppid' }), {
        [own('contained')]: 500,
      });
    } finally {
      for (const folder of [...folders].reverse()) if (existsSync(folder)) rmdirSync(folder);
    }
  });
});

const GAUGES: ReadonlySet<string> = new Set(['ebpf_tcp_connections', 'ebpf_tcp_rtt_us']);

/** Scrapes all the time and notes each counter that fell. */
class Watch {
  readonly fallen: string[] = [];
  scrapes = 0;
  readonly #last = new Map<string, number>();
  readonly #agent: RunningAgent;
  readonly #ended: Promise<void>;
  #running = true;

  constructor(agent: RunningAgent) {
    this.#agent = agent;
    this.#ended = this.#watch();
  }

  async stop(): Promise<void> {
    this.#running = false;
    await this.#ended;
  }

  async #watch(): Promise<void> {
    while (this.#running) {
      const { list } = await this.#agent.read();
      for (const { name, labels, value } of list) {
        if (GAUGES.has(name)) continue;
        const key = `${name}${JSON.stringify(labels)}`;
        if (value < (this.#last.get(key) ?? 0)) this.fallen.push(`${key}: ${this.#last.get(key)} → ${value}`);
        this.#last.set(key, value);
      }
      this.scrapes++;
      await wait(100);
    }
  }
}
