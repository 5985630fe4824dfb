import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { RunningAgent } from './agent.ts';
import { patience, skip } from './machine.ts';
import { ObservedReceiver } from './receiver.ts';
import { readsUntil, type Samples } from './samples.ts';
import { own, Workloads } from './workload.ts';

const bpffs = skip === false ? mkdtempSync(join(tmpdir(), 'bpflow-pins-')) : '';
const isMounted = bpffs !== '' && spawnSync('mount', ['-t', 'bpf', '-o', 'mode=700', 'bpf', bpffs]).status === 0;

describe('pin_path', { skip: skip || (isMounted ? false : 'needs a BPF file system that can be mounted') }, () => {
  const workloads = new Workloads();
  after(() => {
    workloads[Symbol.dispose]();
    spawnSync('umount', [bpffs]);
    rmdirSync(bpffs);
  });
  const path = join(bpffs, 'bpflow');
  /** The kernel prints it from its types: one character of a text after the other. */
  const read = (name: string) => readFileSync(join(path, 'maps', name), 'utf8').replace(/','/g, '');
  /** The kernel's own files have dots. */
  const top = () => readdirSync(bpffs).filter((name) => !name.includes('.'));
  const health = (receiver: ObservedReceiver) => receiver.scope.reported.at(-1)!;

  test('maps and programs have names that others can read, for the owner alone, until the end', async () => {
    const name = own('pinned');
    {
      await using receiver = new ObservedReceiver({ pin_path: path, exclude_processes: [] });
      await workloads.run(name, 'getppid', 10, 1);
      assert.equal(statSync(path).mode & 0o777, 0o700);
      assert.match(read('groups'), new RegExp(name));
      assert.match(read('agent_cgroups'), /^0: /m);
      const attached = Object.entries(receiver.programs()).filter(([, state]) => state === 'attached');
      assert.deepEqual(readdirSync(join(path, 'programs')).sort(), attached.map(([program]) => program).sort());
      assert.equal(health(receiver).state, 'ok');
    }
    assert.deepEqual(top(), []);
  });

  test('an empty folder is used, and stays', async () => {
    mkdirSync(path, 0o700);
    {
      await using receiver = new ObservedReceiver({ pin_path: path });
      assert.deepEqual([health(receiver).state, readdirSync(path).sort()], ['ok', ['maps', 'owner', 'programs']]);
    }
    assert.deepEqual([top(), readdirSync(path)], [['bpflow'], []]);
    rmdirSync(path);
  });

  test('what a killed agent has left is replaced', async () => {
    const agent = await RunningAgent.start({ pin_path: path });
    process.kill(agent.pid, 'SIGKILL');
    await agent.stop();
    assert.ok(readdirSync(join(path, 'maps')).length > 5);
    const deadline = performance.now() + patience(5000);
    while (existsSync(`/proc/${agent.pid}`) && performance.now() < deadline) await wait(5);
    {
      await using receiver = new ObservedReceiver({ pin_path: path, collect_network: false });
      assert.equal(health(receiver).state, 'ok');
      assert.ok(!existsSync(join(path, 'maps', 'sockets')), 'of the one before');
    }
    assert.deepEqual(top(), []);
  });

  test('two at a time do not share it: the second counts without, and says why', async () => {
    await using first = new ObservedReceiver({ pin_path: path });
    {
      await using second = new ObservedReceiver({ pin_path: path });
      assert.deepEqual(health(second).summary, `pin_path: ${path} is in use by another agent or receiver.`);
      assert.equal(health(second).state, 'degraded');
      spawnSync('true');
      const calls = (samples: Samples) => samples.total('ebpf_syscall_count');
      await readsUntil(second, (samples) => calls(samples) > 0, calls);
    }
    assert.equal(health(first).state, 'ok');
    assert.ok(existsSync(join(path, 'maps', 'groups')), 'the first one keeps its names');
  });

  test('what is not of an agent is not touched', async () => {
    for (const foreign of [join(path, 'theirs'), join(path, 'maps')]) {
      mkdirSync(foreign, { recursive: true, mode: 0o700 });
      await using receiver = new ObservedReceiver({ pin_path: path });
      assert.equal(
        health(receiver).summary,
        `pin_path: ${foreign} is not of an agent. Name another folder, or remove it.`,
      );
      assert.deepEqual(readdirSync(path), [foreign.split('/').at(-1)]);
      rmdirSync(foreign);
    }
    symlinkSync('somebody', join(path, 'owner'));
    {
      await using receiver = new ObservedReceiver({ pin_path: path });
      assert.match(health(receiver).summary, /owner is not of an agent/);
    }
    assert.deepEqual(readdirSync(path), ['owner']);
    rmSync(join(path, 'owner'));
    rmdirSync(path);
  });

  test('a place that is no BPF file system is told', async () => {
    for (const [wrong, reason] of [
      [
        join(tmpdir(), 'bpflow-nowhere'),
        /is no BPF file system\. Name a folder in one, such as \/sys\/fs\/bpf\/bpflow/,
      ],
      [join(bpffs, 'missing', 'bpflow'), /missing cannot be read/],
    ] as const) {
      await using receiver = new ObservedReceiver({ pin_path: wrong });
      assert.match(health(receiver).summary, reason);
      assert.ok(!existsSync(wrong));
    }
  });
});
