import { equal, match } from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { EventHeader, EventKind, StackBody, StackFrame } from '../../../bpf/events.gen.ts';
import { buildIdOf } from './build-id.ts';
import { KernelSymbols } from './kernel-symbols.ts';
import { Modules } from './modules.ts';
import { EventRecord } from './record.ts';
import { stackText } from './stack-text.ts';
import { Stacks } from './stacks.ts';

const KALLSYMS = `ffffffff81000000 T _stext
ffffffff81000100 t bpf_trace_run2
ffffffff81000200 T do_sys_open
ffffffff81000180 D not_text
ffffffff81000300 T entry_SYSCALL_64
ffffffffc0000000 t in_module	[module]
`;

const BUILD_ID = '0123456789abcdef0123456789abcdef01234567';

const folder = mkdtempSync(join(tmpdir(), 'bpflow-stacks-'));
after(() => rmSync(folder, { recursive: true }));

async function symbols(text = KALLSYMS): Promise<KernelSymbols> {
  const path = join(folder, 'kallsyms');
  writeFileSync(path, text);
  const read = new KernelSymbols();
  await read.read(path);
  return read;
}

/** A record of a stack with these frames; of the process a build id and a place, or an address. */
function stack(kernel: readonly bigint[], user: readonly (readonly [buildId: string | undefined, place: bigint])[]) {
  const bytes = Buffer.alloc(EventHeader.SIZE + StackBody.SIZE + kernel.length * 8 + user.length * StackFrame.SIZE);
  bytes.writeBigUInt64LE(7n, EventHeader.WORD.time * 4);
  bytes.writeUInt32LE(EventKind.EVENT_STACK, EventHeader.WORD.kind * 4);
  bytes.writeUInt32LE(11, EventHeader.WORD.tid * 4);
  const body = EventHeader.SIZE;
  bytes.writeUInt32LE(kernel.length * 8, body + StackBody.WORD.kernelBytes * 4);
  bytes.writeUInt32LE(user.length * StackFrame.SIZE, body + StackBody.WORD.userBytes * 4);
  let at = body + StackBody.SIZE;
  for (const address of kernel) at = bytes.writeBigUInt64LE(address, at);
  for (const [buildId, place] of user) {
    bytes.writeInt32LE(buildId === undefined ? 2 : 1, at);
    bytes.write(buildId ?? '', at + StackFrame.WORD.buildId * 4, 'hex');
    bytes.writeBigUInt64LE(place, at + StackFrame.WORD.place * 4);
    at += StackFrame.SIZE;
  }
  const words = new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  return new EventRecord(words).move(0, bytes.length);
}

describe('the text of a stack', () => {
  const modules = new Modules({ monotonic: () => 0 }, '/nowhere');

  test('names functions of the kernel from the event on, and places in files of the process', async () => {
    const record = stack(
      [0xffffffff81000110n, 0xffffffff81000234n, 0xffffffff81000300n, 0xffffffffc0000010n],
      [
        [BUILD_ID, 0x1234n],
        [undefined, 0x7f00n],
      ],
    );
    equal(
      stackText(record, { symbols: await symbols(), modules, depth: 20 }),
      [
        'at do_sys_open+0x34',
        'at entry_SYSCALL_64+0x0',
        'at in_module+0x10',
        `at +0x1234 (build id ${BUILD_ID})`,
        'at 0x7f00',
      ].join('\n'),
    );
  });

  test('has at most so many of each, and addresses where the kernel shows none', async () => {
    const hidden = await symbols(KALLSYMS.replaceAll(/^[0-9a-f]{16}/gm, '0'.repeat(16)));
    equal(hidden.size, 0);
    const record = stack(
      [0xffffffff81000234n, 0xffffffff81000300n],
      [
        [BUILD_ID, 1n],
        [BUILD_ID, 2n],
      ],
    );
    equal(
      stackText(record, { symbols: hidden, modules, depth: 1 }),
      `at 0xffffffff81000234\nat +0x1 (build id ${BUILD_ID})`,
    );
  });

  test('is claimed once, by thread and time; what nobody claims is counted', async () => {
    let now = 0;
    let unclaimed = 0;
    const stacks = new Stacks({ symbols: await symbols(), modules, depth: 1 }, { monotonic: () => now }, (count) => {
      unclaimed += count;
    });
    stacks.add(stack([0xffffffff81000300n], []));
    equal(stacks.claim(12, 7n), undefined);
    equal(stacks.claim(11, 7n), 'at entry_SYSCALL_64+0x0');
    equal(stacks.claim(11, 7n), undefined);
    stacks.add(stack([], []));
    now = 10_000;
    stacks.expire();
    equal(unclaimed, 1);
    for (let i = 0; i < 1030; i++) {
      const record = stack([], []);
      record.words[EventHeader.WORD.tid] = i;
      stacks.add(record.move(0, EventHeader.SIZE + StackBody.SIZE));
    }
    equal(unclaimed, 1 + 1030 - 1024);
  });
});

describe('the build id of a file', () => {
  test('is that of this process’s own program, whose path is found by it', { skip: buildIdObstacle() }, () => {
    const buildId = buildIdOf(process.execPath)!;
    match(buildId, /^[0-9a-f]{40}$/);
    equal(new Modules({ monotonic: () => 0 }).path(buildId, process.pid), process.execPath);
  });

  for (const [what, bytes] of [
    ['no ELF', Buffer.from('#!/bin/sh\n'.repeat(20))],
    ['cut short', Buffer.concat([Buffer.from('\x7fELF\x02\x01', 'latin1'), Buffer.alloc(70, 0xff)])],
    ['empty', Buffer.alloc(0)],
  ] as const) {
    test(`is none of a file that is ${what}`, () => {
      const path = join(folder, 'file');
      writeFileSync(path, bytes);
      equal(buildIdOf(path), undefined);
    });
  }

  test('is looked for in so many processes a second and no more', { skip: buildIdObstacle() }, () => {
    let now = 0;
    const proc = join(folder, 'proc');
    const buildId = buildIdOf(process.execPath)!;
    mkdirSync(join(proc, '2'), { recursive: true });
    symlinkSync('/', join(proc, '2', 'root'));
    writeFileSync(join(proc, '2', 'maps'), `00400000-00500000 r-xp 00000000 fe:01 1234    ${process.execPath}\n`);
    const modules = new Modules({ monotonic: () => now }, proc);
    for (let i = 0; i < 20; i++) equal(modules.path(`${i}`, 1), undefined);
    equal(modules.path(buildId, 2), undefined);
    now = 1000;
    equal(modules.path(buildId, 2), process.execPath);
    equal(modules.path(buildId, 1), process.execPath, 'known from now on');
  });
});

function buildIdObstacle(): string | false {
  if (process.platform !== 'linux') return 'needs Linux';
  return buildIdOf(process.execPath) === undefined ? 'this Node has no build id' : false;
}
