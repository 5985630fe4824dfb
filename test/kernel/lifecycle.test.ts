import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { PermanentError, RetryableError } from 'bpflow/sdk';
import { objectFolder } from '../../receivers/ebpf/kernel/objects.ts';
import { RunningAgent } from './agent.ts';
import { has, skip } from './machine.ts';
import { ObservedReceiver } from './receiver.ts';
import { reads } from './samples.ts';
import { own, Workloads } from './workload.ts';

const folder = mkdtempSync(join(tmpdir(), 'bpflow-lifecycle-'));
after(() => rmSync(folder, { recursive: true }));

describe('the end of an agent', { skip }, () => {
  test('is clean, and nothing stays attached, loaded or pinned', {
    skip: !has('bpftool') && 'needs bpftool',
  }, async () => {
    const agent = await RunningAgent.start({ collect_scheduler: true });
    let ids: readonly number[] = [];
    try {
      ids = await programIds(agent);
      assert.ok(ids.length >= 12);
      assert.deepEqual(ids.filter(exists), ids);
    } finally {
      assert.equal(await agent.stop(), 0);
    }
    assert.deepEqual(await gone(ids), []);
    const pinned = existsSync('/sys/fs/bpf') ? readdirSync('/sys/fs/bpf') : [];
    assert.deepEqual(
      pinned.filter((name) => name.includes('bpflow') || name.includes('tfo')),
      [],
    );
  });

  test('hands on the last collection', async () => {
    using workloads = new Workloads();
    const receiver = new ObservedReceiver({ exclude_processes: [] });
    await workloads.run(own('at-the-end'), 'getppid', 700, 1);
    await receiver[Symbol.asyncDispose]();
    assert.equal(receiver.samples.total('ebpf_syscall_count', { process: own('at-the-end'), syscall: 'getppid' }), 700);
  });
});

describe('without the rights', { skip: skip || (has('setpriv') ? false : 'needs setpriv') }, () => {
  test('the agent runs, says what is missing and what to do, and serves its page', async () => {
    const prefix = ['setpriv', '--inh-caps=-all', '--bounding-set=-all'];
    const agent = await RunningAgent.start({}, { prefix });
    try {
      const health = (await agent.view('/v1/health')) as {
        components: { id: string; state: string; summary: string }[];
      };
      const ebpf = health.components.find(({ id }) => id === 'ebpf');
      assert.equal(ebpf?.state, 'unavailable');
      assert.equal(
        ebpf.summary,
        'Permission denied: run as root, or give the agent CAP_BPF and CAP_PERFMON (before Linux 5.8: CAP_SYS_ADMIN).',
      );
      assert.deepEqual((await agent.read()).list, []);
      assert.match(agent.stderr, /The kernel cannot be observed; the agent goes on without\./);
    } finally {
      assert.equal(await agent.stop(), 0);
    }
  });
});

describe('objects that are not ours', { skip }, () => {
  test('a truncated object is refused by its path', async () => {
    await unavailable('truncated', /process\.bpf\.o/, (path) => truncateSync(path, 1000));
  });

  test('a file that is no object is refused by its path', async () => {
    await unavailable('no-object', /process\.bpf\.o/, (path) => writeFileSync(path, 'not an ELF file'));
  });

  test('a foreign object is refused by what it lacks', async () => {
    const foreign = join(objectFolder(), 'sched.bpf.o');
    await unavailable('foreign', /process\.bpf\.o has no struct cgroup_path; it is not one/, (path) =>
      copyFileSync(foreign, path),
    );
  });

  test('a missing object is refused with what to do', async () => {
    await unavailable('missing', /process\.bpf\.o is missing; build it with `npm run setup`/, (path) => rmSync(path));
  });

  test('a BTF file that does not exist stops the start', () => {
    assert.throws(() => new ObservedReceiver({ btf_path: '/nonexistent/vmlinux' }), {
      name: 'StartError',
      message: 'btf_path: BTF not found: there is no file /nonexistent/vmlinux. Correct it, or leave it empty.',
    });
  });
});

describe('what a consumer refuses', { skip }, () => {
  test('comes again with the next batch', async () => {
    using workloads = new Workloads();
    await using receiver = new ObservedReceiver({ exclude_processes: [] });
    await workloads.run(own('refused'), 'getppid', 300, 1);
    receiver.refuseNext = new RetryableError('Not now.');
    await assert.rejects(receiver.collect(), { message: 'Not now.' });
    await workloads.run(own('refused'), 'getppid', 300, 1);
    await reads(
      receiver,
      (each) => each.total('ebpf_syscall_count', { process: own('refused'), syscall: 'getppid' }),
      600,
    );
  });

  test('is gone when it is refused for good, and only that', async () => {
    using workloads = new Workloads();
    await using receiver = new ObservedReceiver({ exclude_processes: [] });
    await workloads.run(own('lost'), 'getppid', 300, 1);
    receiver.refuseNext = new PermanentError('Never.');
    await receiver.collect();
    assert.ok(
      receiver.scope.logged.some(({ level, message }) => level === 'error' && message.includes('refused for good')),
    );
    await workloads.run(own('lost'), 'getppid', 200, 1);
    await reads(
      receiver,
      (each) => each.total('ebpf_syscall_count', { process: own('lost'), syscall: 'getppid' }),
      200,
    );
  });
});

describe('a program that has ended long ago', { skip }, () => {
  test('leaves the kernel after idle_timeout: its series end, its entries go, and it may come again', async () => {
    using workloads = new Workloads();
    const keys = { idle_timeout: '10m', collect_scheduler: true, histogram_labels: ['process'], exclude_processes: [] };
    await using receiver = new ObservedReceiver(keys);
    const count = (each: typeof receiver.samples) =>
      each.total('ebpf_syscall_count', { process: own('retiring'), syscall: 'getppid' });
    await workloads.run(own('retiring'), 'getppid', 100, 1);
    await reads(receiver, count, 100);
    receiver.scope.nowMs += 9 * 60_000;
    await receiver.collect();
    await receiver.collect();
    assert.deepEqual(endedSeries(receiver), []);
    receiver.scope.nowMs += 2 * 60_000;
    await receiver.collect();
    await receiver.collect();
    const ended = endedSeries(receiver);
    for (const name of [
      'ebpf_syscall_count',
      'ebpf_syscall_latency_ns',
      'ebpf_process_runtime_ns',
      'ebpf_context_switches',
    ]) {
      assert.ok(
        ended.some((series) => series.startsWith(name)),
        `${name} in ${ended}`,
      );
    }
    assert.equal(new Set(ended).size, ended.length);
    await workloads.run(own('retiring'), 'getppid', 50, 1);
    await reads(receiver, count, 150);
  });
});

function endedSeries(receiver: ObservedReceiver): string[] {
  return receiver.ended.filter((series) => series.includes(own('retiring')));
}

/** Gives the receiver a folder whose process object was spoiled; it must say so and go on. */
async function unavailable(name: string, reason: RegExp, spoil: (path: string) => void): Promise<void> {
  const objects = mkdtempSync(join(folder, `${name}-`));
  for (const object of ['process', 'syscall', 'sched', 'fileio', 'block']) {
    copyFileSync(join(objectFolder(), `${object}.bpf.o`), join(objects, `${object}.bpf.o`));
  }
  spoil(join(objects, 'process.bpf.o'));
  await using receiver = new ObservedReceiver({}, { objects });
  const health = receiver.scope.reported.at(-1);
  assert.equal(health?.state, 'unavailable');
  assert.match(health.summary, reason);
  assert.deepEqual((await receiver.read()).list, []);
}

async function programIds(agent: RunningAgent): Promise<number[]> {
  const { programs } = (await agent.view('/v1/views/receiver/ebpf/programs')) as { programs: { id: number }[] };
  return programs.map(({ id }) => id);
}

/** Whether the kernel has a program of this id. */
function exists(id: number): boolean {
  return spawnSync('bpftool', ['prog', 'show', 'id', String(id)], { stdio: 'ignore' }).status === 0;
}

/** Those that are still there after a while; the kernel frees a program a moment after its last reference has gone. */
async function gone(ids: readonly number[]): Promise<number[]> {
  let left = ids.filter(exists);
  for (let i = 0; i < 100 && left.length > 0; i++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    left = left.filter(exists);
  }
  return left;
}
