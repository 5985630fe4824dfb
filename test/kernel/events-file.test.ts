import { deepEqual, equal, ok } from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { EventReceiver, NO_EVENTS, type SeenEvent } from './event-receiver.ts';
import { skip } from './machine.ts';

describe('events of files', { skip }, () => {
  const folder = skip === false ? mkdtempSync(join(tmpdir(), 'bpflow-watched-')) : '';
  const watched = join(folder, 'watched');
  if (skip === false)
    for (const name of ['watched/quiet', 'watched-not', 'outside']) mkdirSync(join(folder, name), { recursive: true });
  after(() => rmSync(folder, { recursive: true, force: true }));

  for (const [rungs, features] of [
    ['typed tracepoints', {}],
    ['raw tracepoints', { tp_btf: 'off' }],
    ['trace events', { trace_events: 'on' }],
    ['typed tracepoints and a buffer of each CPU', { ringbuf: 'off' }],
  ] as const) {
    test(`tell each open, rename, removal and change of mode, however the path is given, by ${rungs}`, async () => {
      await using receiver = new EventReceiver({ ...NO_EVENTS, monitor_paths: [watched], features });
      const long = 'n'.repeat(200);
      sh(`cd ${watched}; : > a; cat a; mv a b; chmod 4755 b; rm b`);
      sh(`cd ${folder}/outside; : > ${watched}/c; mv ${watched}/c d; mv d ../watched/c; cd ../watched/quiet; rm ../c`);
      sh(`: > ${watched}/${long}; rm ${watched}/${long}; mkdir ${watched}/e; cd ${folder}; rmdir watched/e`);
      const expected = [
        'open a write',
        'open a read',
        'rename a watched/b',
        'chmod b 4755',
        'unlink b',
        'open c write',
        'rename c outside/d',
        'rename ../outside/d watched/c',
        'unlink c',
        `open ${long} write`,
        `unlink ${long}`,
        'unlink e',
      ];
      await receiver.until(() => receiver.events().length >= expected.length);
      deepEqual(receiver.events().map(short), expected);
      await receiver.balanced();
      ok(receiver.events().every(({ attributes }) => attributes['process.pid'] !== process.pid));
    });
  }

  test('what is excluded or outside is silent, also where its name begins alike', async () => {
    const quiet = join(watched, 'quiet');
    await using receiver = new EventReceiver({ ...NO_EVENTS, monitor_paths: [watched], exclude_paths: [quiet] });
    sh(
      `: > ${quiet}/a; cd ${quiet}; mv a b; rm b; : > ${folder}/watched-not/a; cat ${folder}/watched-not/a; rm ${folder}/watched-not/a`,
    );
    sh(`cd ${folder}/watched-not; : > b; rm b; cd ../outside; : > c; rm c; : > ${watched}/last`);
    await receiver.until(() => receiver.events().length > 0);
    deepEqual(receiver.events().map(short), ['open last write']);
    rmSync(join(watched, 'last'));
  });

  test('a single file can be watched, and what comes later', async () => {
    const [file, late] = [join(folder, 'outside', 'one'), join(folder, 'late')];
    await using receiver = new EventReceiver({ ...NO_EVENTS, monitor_paths: [file, late] });
    sh(`cd ${folder}/outside; : > one; : > other; rm one other`);
    await receiver.until(() => receiver.events().length >= 2);
    deepEqual(
      receiver.events().map(({ name, attributes }) => [name, attributes['file.name']]),
      [
        ['file.open', 'one'],
        ['file.unlink', 'one'],
      ],
    );
    mkdirSync(late);
    const seen = () => receiver.events().some(({ attributes }) => attributes['file.path'] === join(late, 'x'));
    await receiver.until(() => {
      sh(`cd ${late}; : > x`);
      return seen();
    });
    ok(seen() && existsSync(late));
  });

  test('without paths no program runs', async () => {
    await using receiver = new EventReceiver({ ...NO_EVENTS, exclude_paths: ['/etc'] });
    equal(
      Object.keys(receiver.programs()).some((program) => program.startsWith('event_file')),
      false,
    );
  });

  /** `open a write`: the step, the path below the watched folder, and what more it says. */
  function short({ name, attributes }: SeenEvent): string {
    const path = String(attributes['file.path']);
    const below = path.startsWith(`${watched}/`) ? path.slice(watched.length + 1) : `..${path.slice(folder.length)}`;
    const target = attributes['ebpf.file.target_path'];
    const more =
      attributes['file.mode'] ??
      attributes['ebpf.file.open.access'] ??
      (target && String(target).slice(folder.length + 1));
    return [name.replace('file.', ''), below, ...(more ? [more] : [])].join(' ');
  }
});

/** By a shell and its children: what this process does is left out. */
function sh(script: string): void {
  execFileSync('sh', ['-ec', script], { stdio: 'ignore' });
}
