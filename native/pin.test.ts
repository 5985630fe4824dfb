import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { bpf, open, skip } from './test/programs.ts';

describe('pinning', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'bpflow-bpffs-'));
  let mounted = false;
  before(() => {
    mounted = spawnSync('mount', ['-t', 'bpf', 'bpf', folder]).status === 0;
  });
  after(() => {
    if (mounted) spawnSync('umount', [folder]);
    rmdirSync(folder);
  });

  it('gives maps and programs names that outlive their handles', (context) => {
    if (!mounted) return context.skip('a BPF file system cannot be mounted here');
    {
      using object = open('maps');
      object.load();
      object.map(object.mapNames[0]!).pin(join(folder, 'a_map'));
      const [program] = object.programNames;
      if (program !== undefined) object.program(program).pin(join(folder, 'a_program'));
    }
    const names = readdirSync(folder).filter((name) => name.startsWith('a_'));
    assert.ok(names.includes('a_map'));
    for (const name of names) rmSync(join(folder, name));
  });

  it('tells why it cannot', (context) => {
    if (!mounted) return context.skip('a BPF file system cannot be mounted here');
    using object = open('maps');
    object.load();
    const map = object.map(object.mapNames[0]!);
    map.pin(join(folder, 'taken'));
    assert.throws(() => map.pin(join(folder, 'taken')), { code: 'system', errno: 'EEXIST', operation: 'pin' });
    rmSync(join(folder, 'taken'));
    assert.throws(() => map.pin(join(folder, 'missing', 'a')), { errno: 'ENOENT' });
    assert.throws(() => map.pin(join(tmpdir(), `bpflow-pin-${process.pid}`)), { code: 'system', operation: 'pin' });
    assert.ok(!existsSync(join(tmpdir(), `bpflow-pin-${process.pid}`)));
    for (const wrong of [undefined, 1, `${folder}/a\0b`]) {
      assert.throws(() => map.pin(wrong as string), { code: 'misuse', operation: 'pin' });
    }
    object.close();
    assert.throws(() => map.pin(join(folder, 'late')), { code: 'closed' });
  });
});

describe('tryLock', { skip }, () => {
  it('locks an open folder against other openings, until it is closed', () => {
    const folder = mkdtempSync(join(tmpdir(), 'bpflow-lock-'));
    const [first, second] = [openSync(folder, 'r'), openSync(folder, 'r')];
    try {
      assert.deepEqual([bpf.tryLock(first), bpf.tryLock(first), bpf.tryLock(second)], [true, true, false]);
      closeSync(first);
      assert.equal(bpf.tryLock(second), true);
    } finally {
      closeSync(second);
      rmdirSync(folder);
    }
  });

  it('takes nothing but a descriptor', () => {
    for (const wrong of [undefined, '1', -1, 1.5, Number.NaN, 2 ** 40]) {
      assert.throws(() => bpf.tryLock(wrong as number), { code: 'misuse', operation: 'try_lock' });
    }
    assert.throws(() => bpf.tryLock(2 ** 30), { code: 'system', errno: 'EBADF' });
  });
});
