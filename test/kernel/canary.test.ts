import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { CANARY, Canary, hostUser } from '../../receivers/ebpf/canary.ts';
import { kernelOptionsOf } from '../../receivers/ebpf/collection.ts';
import { config } from '../../receivers/ebpf/config.ts';
import { Kernel } from '../../receivers/ebpf/kernel/kernel.ts';
import { objectFolder } from '../../receivers/ebpf/kernel/objects.ts';
import { RunningAgent } from './agent.ts';
import { bpf, patience, skip } from './machine.ts';
import { KernelScope, ObservedReceiver } from './receiver.ts';

const KEYS = { canary: true, exclude_processes: [] };

describe('the canary', { skip }, () => {
  for (const [what, keys, shown] of [
    ['as it is', {}, 1000],
    ['where filters of user space leave it out', { process_filter: ['nobody'], cgroup_filter: ['/nowhere'] }, 0],
    ['without latency', { syscall_latency: false }, 1000],
    ['by raw tracepoints and a table of tasks', { features: { tp_btf: 'off' } }, 1000],
    ['where its user is left out: nothing of it is counted then', { user_filter: [12345] }, 0],
  ] as const) {
    test(`finds no error ${what}`, async () => {
      await using receiver = new ObservedReceiver({ ...KEYS, labels: ['process', 'command'], ...keys });
      assert.deepEqual(await firstRound(receiver), { made: 1000, error: 0, problem: '' });
      const samples = await receiver.read();
      assert.equal(samples.total('ebpf_syscall_count', { process: CANARY, syscall: 'getppid' }), shown);
    });
  }

  test('tells what is counted and must not be, and why it cannot work', async () => {
    const scope = new KernelScope();
    const asked = config.parse({ exclude_processes: [] });
    const kernel = Kernel.load(bpf, kernelOptionsOf({ config: asked, objects: objectFolder() }));
    const [groups, calls] = [kernel.map('process', 'groups')!, kernel.map('syscall', 'syscalls')!];
    const options = { groups, calls, log: scope.log, clock: scope.clock, intervalMs: 60_000 };
    const strange = new Canary({ ...options, isCounted: false });
    const missing = new Canary({ ...options, isCounted: true, program: '/nonexistent/canary' });
    try {
      await strange.check();
      assert.deepEqual([strange.made, strange.error, strange.problem], [1000, 1000, '']);
      assert.equal(scope.logged.at(-1)?.message, 'The canary was not counted exactly.');
      await until(() => missing.problem !== '');
      assert.match(missing.problem, /ENOENT/);
      assert.deepEqual([missing.made, missing.error], [0, 0]);
    } finally {
      strange.stop();
      missing.stop();
      kernel.close();
    }
  });

  test('is a child without rights that ends with the agent, also when that is killed', async () => {
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const agent = await RunningAgent.start({ ...KEYS, canary: '1s' });
      const children = childrenOf(agent.pid).filter((pid) => readlinkSync(`/proc/${pid}/exe`).endsWith(`/${CANARY}`));
      assert.equal(children.length, 1);
      const status = () => readFileSync(`/proc/${children[0]}/status`, 'utf8');
      await until(() => /^CapEff:\s+0+$/m.test(status()));
      assert.match(status(), /^CapPrm:\s+0+$/m);
      assert.match(status(), /^NoNewPrivs:\s+1$/m);
      const view = async () => (await agent.view('/v1/views/receiver/ebpf/canary')) as { made: number; error: number };
      let seen = await view();
      for (const end = Date.now() + patience(10_000); seen.made < 2000 && Date.now() < end; seen = await view())
        await wait(50);
      assert.ok(seen.made >= 2000, 'by its interval');
      assert.equal(seen.error, 0);
      process.kill(agent.pid, signal);
      await agent.stop();
      await until(() => !existsSync(`/proc/${children[0]}/exe`) || isZombie(children[0]!));
      assert.ok(!existsSync(`/proc/${children[0]}/fd/0`));
    }
  });

  test('needs calls to be counted, and says so', async () => {
    await using receiver = new ObservedReceiver({ canary: true, collect_syscalls: false });
    assert.ok(receiver.scope.logged.some(({ message }) => message.startsWith('There is no canary: ')));
    assert.equal(receiver.scope.views.has('canary'), false);
  });

  test('knows its user as the kernel does', () => {
    assert.equal(hostUser(0, '         0          0 4294967295\n'), 0);
    assert.equal(hostUser(5, '0 100000 65536\n'), 100_005);
    assert.equal(hostUser(70_000, '0 100000 65536\n 70000 1000 1\n'), 1000);
  });
});

async function firstRound(receiver: ObservedReceiver): Promise<unknown> {
  const view = () => receiver.scope.views.get('canary')!({}) as { made: number; problem: string };
  await until(() => view().made > 0 || view().problem !== '');
  return view();
}

async function until(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + patience(10_000);
  while (!holds() && performance.now() < deadline) await wait(5);
}

function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number),
  );
}

function isZombie(pid: number): boolean {
  return existsSync(`/proc/${pid}/stat`) && / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}
