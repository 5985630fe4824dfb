import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { release } from 'node:os';
import { describe, it } from 'node:test';
import type { BpfObject } from '../sdk/bpf.ts';
import { getppid, open, skip } from './test/programs.ts';

const [major = 0, minor = 0] = release().split('.').map(Number);
const before66 = major < 6 || (major === 6 && minor < 6);
const beforeTcx = before66 && 'tcx needs Linux 6.6';

describe('a program at a place that is named', { skip }, () => {
  const cases = [
    { program: 'receive', counter: 'received', options: { interface: 'lo' }, reason: false },
    { program: 'send', counter: 'sent', options: { interface: 'lo' }, reason: beforeTcx },
    { program: 'capture', counter: 'captured', options: { interface: 'lo' }, reason: false },
    { program: 'capture', counter: 'captured', options: {}, reason: false },
  ] as const;
  for (const { program, counter, options, reason } of cases) {
    it(`${program} sees packets with ${JSON.stringify(options)}, until its link is closed`, {
      skip: reason,
    }, async () => {
      using object = loaded(program);
      const link = object.program(program).attach(options);
      await send(10);
      assert.ok(numberOf(object, counter) >= 10n);
      assert.throws(() => link.iterate(), /iterator/);
      link.close();
      const last = numberOf(object, counter);
      await send(10);
      assert.equal(numberOf(object, counter), last);
    });
  }

  for (const [names, skip] of [
    [['call', 'call_return'], false],
    [['multi_call', 'multi_return'], before66 && 'uprobe.multi needs Linux 6.6'],
  ] as const) {
    it(`a function of a library is seen, as it is called and as it returns, by ${names[0]}`, { skip }, () => {
      using object = loaded(...names);
      object.setGlobal('process', process.pid);
      const uprobe = { binary: 'libc.so.6', symbol: 'getppid' };
      const links = names.map((name) => object.program(name).attach({ uprobe }));
      for (let i = 0; i < 50; i++) getppid();
      assert.deepEqual([numberOf(object, 'called'), numberOf(object, 'returned')], [50n, 50n]);
      for (const link of links) link.close();
      getppid();
      assert.equal(numberOf(object, 'called'), 50n);
    });
  }

  it('what cannot be attached says why', () => {
    using object = loaded('receive', 'capture', 'call');
    const refused = (program: string, options: object, expected: object) =>
      assert.throws(() => object.program(program).attach(options), expected);
    refused(
      'receive',
      { interface: 'nowhere0' },
      { code: 'attach', errno: 'ENODEV', message: /the interface nowhere0/ },
    );
    refused('receive', { interface: 7 }, { code: 'misuse' });
    refused('call', { interface: 'lo' }, { code: 'misuse', message: /does not attach to an interface/ });
    refused('receive', { interface: 'lo', cgroup: '/' }, { code: 'misuse', message: /one place/ });
    refused('call', { uprobe: { binary: 'libc.so.6', symbol: 'no_such' } }, { code: 'attach', errno: 'ENOENT' });
    refused('call', { uprobe: { binary: '/nonexistent', symbol: 'main' } }, { code: 'attach', errno: 'ENOENT' });
    refused('call', { uprobe: { binary: 'libc.so.6' } }, { code: 'misuse' });
    refused('call', { uprobe: 'libc' }, { code: 'misuse' });
    refused('capture', { uprobe: { binary: 'libc.so.6', symbol: 'getppid' } }, { code: 'attach' });
  });

  it('a map tells the types of its keys and values, where the object does', () => {
    using object = open('places');
    const { key, value } = object.mapLayout('typed');
    assert.equal(key?.name, 'at_key');
    assert.deepEqual(
      key?.members.map(({ name, offset, kind, length }) => [name, offset, kind, length]),
      [
        ['name', 0, 'char', 6],
        ['number', 6, 'uint', undefined],
      ],
    );
    assert.deepEqual(
      value?.members.map(({ name, offset, size, type }) => [name, offset, size, type]),
      [['', 0, 4, '__u32']],
    );
    assert.deepEqual(object.mapLayout('untyped'), { key: undefined, value: undefined });
    assert.throws(() => object.mapLayout('other'), { code: 'misuse' });
  });
});

function loaded(...programs: readonly string[]): BpfObject {
  const object = open('places');
  for (const name of object.programNames) object.setAutoload(name, programs.includes(name));
  object.load();
  return object;
}

function numberOf(object: BpfObject, name: string): bigint {
  return new DataView(object.getGlobal(name).buffer).getBigUint64(0, true);
}

async function send(count: number): Promise<void> {
  const socket = createSocket('udp4');
  for (let i = 0; i < count; i++) {
    await new Promise<void>((resolve) => void socket.send('.', 9, '127.0.0.1', () => resolve()));
  }
  socket.close();
}
