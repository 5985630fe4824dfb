import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { BpfError, type BpfObject } from '../sdk/bpf.ts';
import { bpf, getppid, getppidNumber, objectFile, open, skip } from './test/programs.ts';

/** Runs `action`, which must throw a BpfError, and returns it. */
function errorOf(action: () => unknown): BpfError {
  try {
    action();
  } catch (error) {
    assert.ok(error instanceof BpfError, `not a BpfError: ${error}`);
    return error;
  }
  throw new assert.AssertionError({ message: 'nothing was thrown' });
}

/** `refused.bpf.c` with one program switched on. */
function openRefused(program: string, wrongMap = false): BpfObject {
  const object = open('refused');
  for (const name of object.programNames) object.setAutoload(name, name === program);
  object.setAutocreate('wrong_map', wrongMap);
  return object;
}

describe('opening an object', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'bpflow-native-'));
  after(() => rmSync(folder, { recursive: true }));

  it('tells its programs and maps in file order, without the internal maps', () => {
    using object = open('counter');
    assert.deepEqual(object.programNames, ['count', 'count_classic', 'read_level']);
    assert.deepEqual(object.mapNames, ['calls']);
    assert.equal(object.section('read_level'), 'raw_tp/sys_enter');
    assert.equal(errorOf(() => object.section('none')).code, 'misuse');
  });

  it('refuses what is no BPF object, and says why', () => {
    const text = join(folder, 'text.o');
    writeFileSync(text, 'not an ELF file at all');
    const empty = join(folder, 'empty.o');
    writeFileSync(empty, '');
    const cases: readonly (readonly [string, string])[] = [
      [join(folder, 'absent.o'), 'ENOENT (No such file or directory).'],
      [folder, 'EISDIR (Is a directory).'],
      ['/dev/zero', 'it is no regular file.'],
      [text, 'it is no ELF file.'],
      [empty, 'the file is empty.'],
      ['/bin/sh', `it was built for another machine (ELF machine ${elfMachine('/bin/sh')}, BPF is 247).`],
      [objectFile('counter', true), 'it has no BTF; compile it with clang -g.'],
    ];
    for (const [path, why] of cases) {
      const error = errorOf(() => bpf.open(path));
      assert.equal(error.code, 'bad_object');
      assert.equal(error.message, `Cannot open the BPF object ${path}: ${why}`);
    }
  });

  it('refuses an object that was cut off anywhere', () => {
    const whole = readFileSync(objectFile('counter'));
    const path = join(folder, 'cut.bpf.o');
    for (let length = 1; length < whole.length; length += 97) {
      writeFileSync(path, whole.subarray(0, length));
      const error = errorOf(() => bpf.open(path));
      assert.equal(error.code, 'bad_object');
      assert.match(error.message, /: it is (truncated|no ELF file)/);
    }
  });

  it('refuses a kernel BTF that is absent or no BTF', () => {
    const absent = join(folder, 'absent.btf');
    const error = errorOf(() => bpf.open(objectFile('counter'), { btfPath: absent }));
    assert.equal(error.code, 'bad_object');
    assert.equal(error.errno, 'ENOENT');
    assert.ok(error.message.startsWith(`Cannot read the kernel BTF ${absent} (btf_path): ENOENT`), error.message);
    assert.equal(errorOf(() => bpf.open(objectFile('counter'), { btfPath: '/bin/sh' })).code, 'bad_object');
  });

  it('relocates against the kernel BTF it is given', () => {
    using object = bpf.open(objectFile('counter'), { btfPath: '/sys/kernel/btf/vmlinux' });
    object.load();
    assert.ok(object.program('count').id > 0);
  });

  it('takes wrong arguments for misuse', () => {
    const untyped = bpf as unknown as Record<string, (...args: unknown[]) => unknown>;
    for (const wrong of [undefined, 1, {}, 'a\0b']) {
      assert.equal(errorOf(() => untyped['open']?.(wrong)).code, 'misuse');
    }
    assert.equal(errorOf(() => untyped['open']?.('x', 'y')).code, 'misuse');
    assert.equal(errorOf(() => untyped['open']?.('x', { btfPath: 1 })).code, 'misuse');
  });
});

describe('loading an object', { skip }, () => {
  it('counts exactly what happened while a program was attached', () => {
    using object = open('counter');
    object.setGlobal('only_tgid', process.pid);
    object.setGlobal('only_nr', getppidNumber);
    object.load();
    getppid();
    const link = object.program('count').attach();
    for (let i = 0; i < 1000; i++) getppid();
    link.close();
    getppid();
    assert.equal(new DataView(object.getGlobal('seen').buffer).getBigUint64(0, true), 1000n);
  });

  it('attaches to classic tracepoints and raw tracepoints too', () => {
    using object = open('counter');
    object.setGlobal('only_tgid', process.pid);
    object.load();
    const seen = () => new DataView(object.getGlobal('seen').buffer).getBigUint64(0, true);
    const link = object.program('count_classic').attach();
    for (let i = 0; i < 100; i++) getppid();
    link.close();
    const after = seen();
    assert.ok(after >= 100n);
    getppid();
    assert.equal(seen(), after);
    using raw = object.program('read_level').attach();
    assert.ok(raw.id > 0);
  });

  it('names the program that the verifier refuses, with its log', () => {
    const error = errorOf(() => openRefused('wild').load());
    assert.equal(error.code, 'load');
    assert.equal(error.operation, 'load');
    assert.equal(error.subject, 'wild');
    assert.equal(error.errno, 'EACCES');
    assert.match(error.verifierLog ?? '', /R1 invalid mem access 'scalar'/);
    assert.match(error.message, /^Cannot load the program "wild" of .*: R1 invalid mem access 'scalar'\.$/);
  });

  it('names the program whose hook the kernel does not have', () => {
    const error = errorOf(() => openRefused('nowhere').load());
    assert.equal(error.code, 'load');
    assert.equal(error.subject, 'nowhere');
    assert.match(error.message, /no_such_tracepoint/);
  });

  it('names the map that the kernel refuses', () => {
    const error = errorOf(() => openRefused('fine', true).load());
    assert.equal(error.code, 'map');
    assert.equal(error.operation, 'map_create');
    assert.equal(error.subject, 'wrong_map');
    assert.equal(error.errno, 'EINVAL');
  });

  it('closes the object when it fails', () => {
    const object = openRefused('wild');
    assert.throws(() => object.load());
    assert.equal(errorOf(() => object.load()).code, 'closed');
    object.close();
  });

  it('loads only what is switched on', () => {
    using object = openRefused('fine');
    object.load();
    assert.equal(object.program('fine').name, 'fine');
    const program = errorOf(() => object.program('wild'));
    assert.equal(program.code, 'misuse');
    assert.match(program.message, /"wild" was not loaded: it is switched off/);
    assert.match(errorOf(() => object.map('wrong_map')).message, /"wrong_map" was not created: it is switched off/);
  });

  it('says which program could not be attached, and to what', () => {
    using object = openRefused('unattachable');
    object.load();
    const error = errorOf(() => object.program('unattachable').attach());
    assert.equal(error.code, 'attach');
    assert.equal(error.subject, 'unattachable');
    assert.equal(error.errno, 'ENOENT');
    assert.match(error.message, /\(raw_tp\/no_such_tracepoint\)/);
  });

  it('shares a map of another object', () => {
    using first = open('counter');
    first.load();
    using second = open('counter');
    second.reuseMap('calls', first.map('calls'));
    second.setGlobal('only_tgid', process.pid);
    second.setGlobal('only_nr', getppidNumber);
    second.load();
    assert.equal(second.map('calls').id, first.map('calls').id);
    using _link = second.program('count').attach();
    getppid();
    const value = new Uint8Array(first.map('calls').stride);
    assert.equal(first.map('calls').lookup(new Uint8Array(Uint32Array.of(process.pid).buffer), value), true);
    assert.equal(
      new BigUint64Array(value.buffer).reduce((a, b) => a + b),
      1n,
    );
  });

  it('refuses to share a map of another shape', () => {
    using first = open('maps');
    first.load();
    using second = open('counter');
    const error = errorOf(() => second.reuseMap('calls', first.map('hash')));
    assert.equal(error.code, 'misuse');
    assert.match(error.message, /"calls" cannot be replaced by "hash": type, key size and value size must be the same/);
  });

  it('knows a shared map of another name by its own', () => {
    using first = open('ring');
    first.load();
    using second = open('maps');
    second.reuseMap('ringbuf', first.map('plain'));
    second.load();
    assert.equal(second.map('ringbuf').name, 'ringbuf');
    assert.equal(second.map('ringbuf').id, first.map('plain').id);
  });

  it('has a number of entries that was set before', () => {
    using object = open('counter');
    object.setMaxEntries('calls', 5);
    object.load();
    assert.equal(object.map('calls').maxEntries, 5);
  });

  it('tells what the kernel knows about a program', () => {
    using object = open('counter');
    object.load();
    const info = object.program('read_level').info();
    assert.equal(info.id, object.program('read_level').id);
    assert.equal(info.runCount, 0n);
    assert.equal(info.recursionMisses, 0n);
    assert.ok(info.memoryBytes > 0);
    assert.ok(Number.isInteger(info.jitedBytes));
  });

  it('measures runs only while statistics are on', () => {
    using object = open('counter');
    object.load();
    const program = object.program('count');
    using _link = program.attach();
    const statistics = bpf.enableStats();
    for (let i = 0; i < 100; i++) getppid();
    statistics.close();
    statistics.close();
    const { runCount, runTimeNs } = program.info();
    assert.ok(runCount >= 100n);
    assert.ok(runTimeNs > 0n);
  });

  it('runs a program once and returns its result', () => {
    using object = open('counter');
    object.load();
    assert.equal(object.program('read_level').testRun(), 7);
    object.setGlobal('level', 0xffffffea);
    assert.equal(object.program('read_level').testRun(), -22);
    assert.equal(object.program('read_level').testRun(new Uint8Array(16)), -22);
    const error = errorOf(() => object.program('count').testRun());
    assert.equal(error.code, 'system');
    assert.equal(error.subject, 'count');
  });
});

describe('misuse of an object', { skip }, () => {
  it('is told for names that do not exist, with those that do', () => {
    using object = open('counter');
    assert.match(
      errorOf(() => object.setAutoload('cuont', false)).message,
      /has no program "cuont"; it has: count, count_classic, read_level\.$/,
    );
    const map = errorOf(() => object.setMaxEntries('cals', 1));
    assert.equal(map.code, 'misuse');
    assert.equal(map.subject, 'cals');
    assert.match(map.message, /has no map "cals"; it has: calls\.$/);
  });

  it('is told for the wrong moment', () => {
    using object = open('counter');
    assert.match(errorOf(() => object.program('count')).message, /program must come after load/);
    assert.match(errorOf(() => object.map('calls')).message, /map must come after load/);
    object.load();
    using other = open('counter');
    other.load();
    for (const late of [
      () => object.load(),
      () => object.setAutoload('count', true),
      () => object.setAutocreate('calls', true),
      () => object.setMaxEntries('calls', 9),
      () => object.reuseMap('calls', other.map('calls')),
    ]) {
      const error = errorOf(late);
      assert.equal(error.code, 'misuse');
      assert.match(error.message, /must come before load/);
    }
  });

  it('is told for values out of range', () => {
    using object = open('counter');
    for (const entries of [0, -1, 1.5, 2 ** 32, Number.NaN]) {
      const error = errorOf(() => object.setMaxEntries('calls', entries));
      assert.equal(error.message, `Map "calls" takes 1 to 4294967295 entries, not ${entries}.`);
    }
    const foreign = object as unknown as { reuseMap(name: string, map: unknown): void };
    for (const wrong of [undefined, {}, object, Object.create(object)]) {
      assert.equal(errorOf(() => foreign.reuseMap('calls', wrong)).code, 'misuse');
    }
  });

  it('is told after closing, for everything that came from the object', () => {
    const object = open('counter');
    object.load();
    const program = object.program('count');
    const map = object.map('calls');
    const link = program.attach();
    object.close();
    object.close();
    link.close();
    map.close();
    for (const use of [
      () => object.program('count'),
      () => object.layout('x'),
      () => object.getGlobal('seen'),
      () => program.attach(),
      () => program.info(),
      () => program.testRun(),
      () => program.id,
      () => link.iterate(),
      () => map.lookup(new Uint8Array(4), new Uint8Array(64)),
      () => map.readInto(new Uint8Array(4), new Uint8Array(64)),
    ]) {
      assert.equal(errorOf(use).code, 'closed');
    }
    assert.equal(map.name, 'calls');
    assert.ok(link.id > 0);
  });

  it('cannot make handles or borrow methods', () => {
    using object = open('counter');
    object.load();
    const map = object.map('calls');
    const program = object.program('count');
    assert.throws(() => new (map.constructor as new () => unknown)(), /Illegal constructor/);
    assert.throws(() => map.lookup.call(program as never, new Uint8Array(4), new Uint8Array(64)), TypeError);
  });

  it('gives the same handle for the same name until it is closed', () => {
    using object = open('counter');
    object.load();
    assert.equal(object.program('count'), object.program('count'));
    const map = object.map('calls');
    assert.equal(object.map('calls'), map);
    map.close();
    assert.notEqual(object.map('calls'), map);
  });
});

function elfMachine(path: string): number {
  return readFileSync(path).readUInt16LE(18);
}
