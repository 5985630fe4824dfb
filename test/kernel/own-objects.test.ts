import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { objectFolder } from '../../receivers/ebpf/kernel/objects.ts';
import { root, skip } from './machine.ts';
import { ObservedReceiver } from './receiver.ts';
import { reads } from './samples.ts';
import { own, Workloads } from './workload.ts';

const FOREIGN = join(root, 'build', 'bpf', process.arch === 'arm64' ? 'x86' : 'arm64');

describe('programs_path', { skip }, () => {
  const workloads = new Workloads();
  const packaged = skip === false ? objectFolder() : '';
  const above = mkdtempSync(join(tmpdir(), 'bpflow-own-'));
  after(() => {
    workloads[Symbol.dispose]();
    rmSync(above, { recursive: true });
  });
  let folders = 0;
  const folderWith = (make: (folder: string) => void) => {
    const folder = join(above, String(folders++));
    mkdirSync(folder);
    make(folder);
    return folder;
  };
  const copy = (from: string, to: string) => copyFileSync(join(packaged, from), to);
  /** Counts calls with this folder; returns what became of its objects. */
  const statusWith = async (folder: string) => {
    const name = own('own');
    await using receiver = new ObservedReceiver({ programs_path: folder, exclude_processes: [] });
    await workloads.run(name, 'getppid', 50, 1);
    const calls = { process: name, syscall: 'getppid' };
    await reads(receiver, (samples) => samples.total('ebpf_syscall_count', calls), 50);
    const { programs } = receiver.scope.views.get('programs')!({}) as { programs: Status[] };
    const objects = programs.filter(({ program }) => program.startsWith('/') || program.endsWith('.bpf.o'));
    return Object.fromEntries(objects.map(({ program, state, reason }) => [program, `${state}: ${reason}`]));
  };

  test('objects there stand before the packaged ones', async () => {
    const folder = folderWith((folder) => {
      for (const file of readdirSync(packaged)) if (file.endsWith('.o')) copy(file, join(folder, file));
    });
    const status = await statusWith(folder);
    assert.equal(status['syscall.bpf.o'], `used: own object ${folder}/syscall.bpf.o`);
    assert.ok(Object.values(status).every((each) => each.startsWith('used: ')));
    assert.equal(status['users.bpf.o'], undefined, 'of what is not asked for');
  });

  const cases: readonly (readonly [what: string, make: (path: string) => void, reason: RegExp])[] = [
    ['of another version', (path) => copy('sched.bpf.o', path), /has no struct syscall_key/],
    ['without programs', (path) => writeFileSync(path, 'no object'), /syscall\.bpf\.o/],
    [
      'that is cut off',
      (path) => writeFileSync(path, readFileSync(join(packaged, 'syscall.bpf.o')).subarray(0, 5000)),
      /syscall\.bpf\.o/,
    ],
    [
      'that anybody may write',
      (path) => {
        copy('syscall.bpf.o', path);
        chmodSync(path, 0o666);
      },
      /can be written by others: chmod go-w/,
    ],
    [
      'of somebody else',
      (path) => {
        copy('syscall.bpf.o', path);
        chownSync(path, 1234, 0);
      },
      /belongs to user 1234, and not to root/,
    ],
    ['that is a link', (path) => symlinkSync(join(packaged, 'syscall.bpf.o'), path), /is no file$/],
    [
      'in a folder that anybody may write',
      (path) => {
        copy('syscall.bpf.o', path);
        chmodSync(join(path, '..'), 0o777);
      },
      /can be written by others$/,
    ],
    ['that the kernel refuses', (path) => copyFileSync(join(FOREIGN, 'syscall.bpf.o'), path), /^failed: \w+: load: /],
  ];
  for (const [what, make, reason] of cases) {
    test(`one ${what} is told, and the packaged one counts`, async () => {
      const folder = folderWith((folder) => make(join(folder, 'syscall.bpf.o')));
      const status = await statusWith(folder);
      assert.deepEqual(Object.keys(status), ['syscall.bpf.o']);
      assert.match(status['syscall.bpf.o']!, reason);
      assert.match(status['syscall.bpf.o']!, /^failed: /);
    });
  }

  test('a folder that is a link is told', async () => {
    const folder = folderWith((made) => copy('syscall.bpf.o', join(made, 'syscall.bpf.o')));
    symlinkSync(folder, `${folder}-link`);
    assert.deepEqual(await statusWith(`${folder}-link`), {
      'syscall.bpf.o': `failed: ${folder}-link is a link: name what it leads to`,
    });
  });

  test('a folder that is missing is told', async () => {
    assert.deepEqual(await statusWith('/nonexistent/bpf'), { '/nonexistent/bpf': 'failed: there is no such folder' });
  });
});

interface Status {
  readonly program: string;
  readonly state: string;
  readonly reason: string;
}
