import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { findCgroupMount } from '../sdk/containers/cgroup-mount.ts';
import { open, skip } from './test/programs.ts';

const mount = findCgroupMount(readFileSync('/proc/self/mountinfo', 'utf8'));
const reason = skip || (mount === undefined && 'needs a cgroup v2 tree');

describe('a program of a cgroup', { skip: reason }, () => {
  it('sees what the sockets below send until its link is closed', async () => {
    using object = open('cgroup');
    object.load();
    const packets = () => new DataView(object.getGlobal('packets').buffer).getBigUint64(0, true);
    const link = object.program('count_packets').attach({ cgroup: mount!.path });
    await send(10);
    const seen = packets();
    assert.ok(seen >= 10n, String(seen));
    assert.ok(link.id > 0);
    link.close();
    const last = packets();
    await send(10);
    assert.equal(packets(), last);
  });

  it('cannot be attached to what is no cgroup, nor without one', () => {
    using object = open('cgroup');
    object.load();
    const program = object.program('count_packets');
    assert.throws(() => program.attach({ cgroup: '/nonexistent' }), { code: 'attach', errno: 'ENOENT' });
    assert.throws(() => program.attach({ cgroup: '/proc/self/status' }), { code: 'attach', errno: 'ENOTDIR' });
    assert.throws(() => program.attach({ cgroup: '/' }), { code: 'attach', subject: 'count_packets' });
    assert.throws(() => program.attach({ cgroup: 7 as never }), { code: 'misuse' });
    assert.throws(() => program.attach(), { code: 'attach' });
  });
});

async function send(count: number): Promise<void> {
  const socket = createSocket('udp4');
  for (let i = 0; i < count; i++) {
    await new Promise<void>((resolve) => void socket.send('.', 9, '127.0.0.1', () => resolve()));
  }
  socket.close();
}
