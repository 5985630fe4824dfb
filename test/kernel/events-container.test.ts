import { deepEqual, equal, ok } from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { cgroupTree } from 'bpflow/containers';
import { EventReceiver, NO_EVENTS } from './event-receiver.ts';
import { WAYS } from './event-ways.ts';
import { skip } from './machine.ts';
import { SmallCgroup } from './small-cgroup.ts';
import { own, Workloads } from './workload.ts';

const ID = process.pid.toString(16).padStart(64, 'c0ffee');

describe('events of containers', { skip: skip || cgroupObstacle() }, () => {
  const mount = cgroupTree()!;
  const above = join(mount.path, `docker-${process.pid}`);
  const path = join(above, ID);

  for (const { way, features } of WAYS) {
    test(`tell that it was created, started and removed, once each, by whom, through ${way}`, async () => {
      await using receiver = new EventReceiver({ ...NO_EVENTS, collect_container_events: true, features });
      mkdirSync(path, { recursive: true });
      for (let i = 0; i < 3; i++) {
        execFileSync('sh', ['-c', `echo $$ > ${path}/cgroup.procs && exec true`]);
      }
      mkdirSync(join(path, 'inside'));
      rmdirSync(join(path, 'inside'));
      rmdirSync(path);
      rmdirSync(above);
      await receiver.until(() => receiver.events('container.remove').length > 0);
      const ours = receiver.events().filter(({ resource }) => resource['container.id'] === ID);
      deepEqual(
        ours.map(({ name }) => name),
        ['container.create', 'container.start', 'container.remove'],
      );
      const [created, started] = ours;
      equal(created?.attributes['process.pid'], process.pid);
      equal(started?.attributes['process.executable.name'], executableOf('true'));
      const balance = await receiver.balanced();
      ok(balance['cgroup_make']!.dropped['no_container']! >= 2, 'the one above, and the one inside');
    });
  }

  test('a process in a container has its id', async () => {
    mkdirSync(path, { recursive: true });
    await using receiver = new EventReceiver({ ...NO_EVENTS, collect_process_events: true });
    try {
      execFileSync('sh', ['-c', `echo $$ > ${path}/cgroup.procs && exec true`]);
      const ours = () => receiver.events().filter(({ resource }) => resource['container.id'] === ID);
      await receiver.until(() => ours().length >= 2);
      deepEqual(
        ours().map(({ name }) => name),
        ['process.exec', 'process.exit'],
      );
    } finally {
      rmdirSync(path);
      rmdirSync(above);
    }
  });
});

describe('events of moves between cgroups', { skip: skip || cgroupObstacle() }, () => {
  const mount = cgroupTree()!;
  const path = join(mount.path, `docker-${ID}.scope`);

  for (const { way, features } of WAYS) {
    test(`tell who was moved, where to, and by whom, through ${way}; a move that fails is none`, async () => {
      mkdirSync(path);
      const sleeper = spawn('sleep', ['60'], { stdio: 'ignore' });
      await once(sleeper, 'spawn');
      await using receiver = new EventReceiver({ ...NO_EVENTS, collect_cgroup_events: true, features });
      try {
        const move = `echo ${sleeper.pid} > ${path}/cgroup.procs; echo 4194303 > ${path}/cgroup.procs`;
        execFileSync('sh', ['-c', `(${move}) 2>/dev/null; echo $$ > ${path}/cgroup.procs`]);
        const ours = () =>
          receiver.events('process.cgroup_move').filter(({ resource }) => resource['container.id'] === ID);
        await receiver.until(() => ours().length >= 2);
        const [moved, own, ...others] = ours().map(({ attributes }) => attributes);
        deepEqual(others, []);
        equal(moved?.['process.pid'], sleeper.pid);
        equal(moved?.['process.linux.cgroup'], `/docker-${ID}.scope`);
        equal(moved?.['ebpf.cgroup.mover.command'], 'sh');
        equal(own?.['ebpf.cgroup.mover.pid'], undefined);
        await receiver.balanced();
      } finally {
        sleeper.kill('SIGKILL');
        await once(sleeper, 'exit');
        await receiver.until(() => isRemoved(path));
      }
    });
  }
});

describe('events of OOM kills', { skip }, () => {
  const smallCgroup = new SmallCgroup();
  const workloads = new Workloads('resources');
  after(() => {
    workloads[Symbol.dispose]();
    smallCgroup[Symbol.dispose]();
  });

  for (const { way, features } of WAYS) {
    test(`tell the victim and what it had, through ${way}`, { skip: smallCgroup.reason }, async () => {
      const name = own('oom');
      await using receiver = new EventReceiver({ ...NO_EVENTS, collect_oom_events: true, features });
      const script = `echo $$ > ${smallCgroup.path}/cgroup.procs && exec "$0" eat`;
      const child = spawn('sh', ['-c', script, workloads.program(name)]);
      await once(child, 'exit');
      const ours = () =>
        receiver.events('process.oom_kill').filter(({ attributes }) => attributes['process.executable.name'] === name);
      await receiver.until(() => ours().length > 0);
      equal(ours().length, 1);
      const { attributes, severity } = ours()[0]!;
      equal(attributes['process.pid'], child.pid);
      equal(severity, 'ERROR');
      const resident = Number(attributes['ebpf.memory.resident_bytes']);
      ok(resident > 10 * 2 ** 20 && resident < 30 * 2 ** 20, `${resident} bytes in a cgroup of 20 MiB`);
    });
  }
});

function cgroupObstacle(): string | false {
  const mount = cgroupTree();
  if (mount === undefined) return 'needs a tree of cgroups';
  try {
    const probe = join(mount.path, `bpflow-probe-${process.pid}`);
    mkdirSync(probe);
    rmdirSync(probe);
    return false;
  } catch {
    return 'needs a tree of cgroups that may be written';
  }
}

/** Whether the cgroup could be removed: what was in it may take a moment to leave. */
function isRemoved(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Name of the file behind a command. */
function executableOf(command: string): string {
  const path = execFileSync('sh', ['-c', `readlink -f "$(command -v ${command} | grep / || echo /bin/${command})"`]);
  return path.toString().trim().split('/').at(-1)!;
}
