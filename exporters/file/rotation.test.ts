import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type Batch, createResource, LogBuilder } from 'bpflow/sdk';
import { workbench } from './test/workbench.ts';

const { at, read, list, run } = workbench(mkdtempSync(join(tmpdir(), 'bpflow-rotation-')));

/** A batch of about so many bytes, known by its letter. */
function batchOf(letter: string, kilobytes: number, records = 1): Batch {
  const builder = new LogBuilder();
  const body = letter.repeat((kilobytes * 1024) / records);
  for (let i = 0; i < records; i++) builder.add({ time: 1n, body });
  return builder.take()!;
}

/** What files contain, as letters in order. */
const lettersOf = (name: string): string =>
  read(name)
    .toString()
    .split('\n')
    .map((line) => /"stringValue":"(.)/.exec(line)?.[1] ?? '')
    .join('');

describe('rotation', () => {
  test('writes at once, and rotates before a file would pass its size', async () => {
    const { exporter, give, scope } = await run({
      path: at('rot.json'),
      rotation: { max_megabytes: 1 },
      flush_interval: '1h',
    });
    scope.clock.set(BigInt(Date.parse('2026-11-21T02:22:19.589Z')) * 1_000_000n);
    for (const letter of 'abcd') await give(batchOf(letter, 300));
    await exporter.flush!();
    assert.deepEqual(
      list().filter((name) => name.startsWith('rot')),
      ['rot-2026-11-21T02-22-19.589-size.json', 'rot.json'],
    );
    assert.equal(lettersOf('rot-2026-11-21T02-22-19.589-size.json'), 'abc');
    assert.equal(lettersOf('rot.json'), 'd');
    assert.equal(statSync(at('rot.json')).mode & 0o777, 0o640);
  });

  test('never replaces one rotated file by another of the same millisecond', async () => {
    const { exporter, give, scope } = await run({ path: at('same.json'), rotation: { max_megabytes: 1 } });
    scope.clock.set(BigInt(Date.parse('2026-11-21T02:22:19.999Z')) * 1_000_000n);
    for (const letter of 'abc') await give(batchOf(letter, 700));
    await exporter.flush!();
    const names = list().filter((name) => name.startsWith('same'));
    assert.deepEqual(names, [
      'same-2026-11-21T02-22-19.999-size.json',
      'same-2026-11-21T02-22-20.000-size.json',
      'same.json',
    ]);
    assert.deepEqual(names.map(lettersOf), ['a', 'b', 'c']);
  });

  test('goes on with the file that is there, and keeps its mode', async () => {
    writeFileSync(at('kept.json'), 'old\n'.repeat(100_000), { mode: 0o600 });
    const { exporter, give } = await run({ path: at('kept.json'), rotation: { max_megabytes: 1 } });
    await give(batchOf('a', 300));
    await give(batchOf('b', 700));
    await exporter.flush!();
    const [rotated] = list().filter((name) => name.startsWith('kept-'));
    assert.match(read(rotated!).toString(), /^old\n(?:old\n)+\{.*\}\n$/);
    assert.equal(lettersOf('kept.json'), 'b');
    assert.equal(statSync(at('kept.json')).mode & 0o777, 0o600);
  });

  test('keeps so many rotated files, the newest, and leaves others alone', async () => {
    writeFileSync(at('few-2026-01-01.json'), 'not ours');
    writeFileSync(at('few-other.json'), 'not ours');
    const { exporter, give, scope } = await run({
      path: at('few.json'),
      rotation: { max_megabytes: 1, max_backups: 2 },
    });
    for (const letter of 'abcde') {
      await give(batchOf(letter, 700));
      await exporter.flush!();
      scope.clock.advance(1000);
    }
    const names = list().filter((name) => name.startsWith('few'));
    assert.deepEqual(names.filter((name) => name.endsWith('-size.json')).map(lettersOf), ['c', 'd']);
    assert.ok(names.includes('few-2026-01-01.json') && names.includes('few-other.json'), names.join(' '));
  });

  for (const localtime of [false, true]) {
    test(`removes rotated files that are too old, ${localtime ? 'local time' : 'UTC'}`, async () => {
      const stem = `days-${localtime}`;
      const path = at(`${stem}.json`);
      const { exporter, give, scope } = await run({
        path,
        rotation: { max_megabytes: 1, max_days: 2, max_backups: 0, localtime },
        flush_interval: '1h',
      });
      for (const letter of 'abcde') {
        await give(batchOf(letter, 700));
        await exporter.flush!();
        scope.clock.advance(20 * 3_600_000);
      }
      const names = list().filter((name) => name.startsWith(`${stem}-`));
      assert.deepEqual(names.map(lettersOf), ['b', 'c', 'd']);
    });
  }

  test('splits a batch that is larger than a file, and drops an item that is', async () => {
    const { exporter, give, scope } = await run({ path: at('large.json'), rotation: { max_megabytes: 1 } });
    await give(batchOf('a', 1800, 9));
    await give(batchOf('b', 1100));
    await give(batchOf('c', 10));
    await exporter.flush!();
    const names = list().filter((name) => name.startsWith('large'));
    for (const name of names) assert.ok(read(name).length <= 1024 * 1024, name);
    const records = names.flatMap((name) =>
      [
        ...read(name)
          .toString()
          .matchAll(/"stringValue":"(.)/g),
      ].map(([, letter]) => letter),
    );
    assert.equal(records.join(''), 'aaaaaaaaac');
    assert.deepEqual(scope.items.drops, [{ count: 1, reason: 'too_large' }]);
  });

  test('makes its directory, and a new file when the current one is moved away', async () => {
    const { exporter, give, scope } = await run({ path: at('deep/er/o.json'), rotation: {} });
    await give(batchOf('a', 1));
    await exporter.flush!();
    renameSync(at('deep/er/o.json'), at('deep/er/moved.json'));
    scope.clock.advance(1000);
    await give(batchOf('b', 1));
    await exporter.flush!();
    assert.equal(lettersOf('deep/er/o.json'), 'b');
    assert.equal(lettersOf('deep/er/moved.json'), 'a');
  });

  test('works with groups and zstd', async () => {
    mkdirSync(at('z'));
    const { exporter, give } = await run({
      path: at('z/*.zst'),
      rotation: { max_megabytes: 1 },
      compression: 'zstd',
      group_by: { enabled: true, resource_attribute: 'tenant' },
    });
    const builder = new LogBuilder();
    builder.add({ resource: createResource({ tenant: 'a' }), time: 1n, body: 'x'.repeat(1 << 21) });
    await give(builder.take()!);
    await exporter.flush!();
    assert.ok(read('z/a.zst').length < 10_000);
    assert.equal(read('z/a.zst').readUInt32BE(4), 0x28b52ffd);
  });
});
