import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { openStore, random, temporaryFolder } from '../test/open-store.ts';
import { scanSegment } from './scan.ts';
import { Segment } from './segment.ts';

interface Stored {
  readonly file: string;
  readonly at: number;
  readonly bytes: number;
  readonly keys: readonly string[];
}

const CASES = 200;
const root = temporaryFolder();
const values = new Map<string, Buffer>();
const pristine = join(root, 'pristine');
const records = await fill();

/** Writes 240 records over several files; the values of some look like records. */
async function fill(): Promise<readonly Stored[]> {
  mkdirSync(pristine);
  const { store } = await openStore({ folder: pristine });
  const next = random(1);
  for (let i = 0; i < 240; i++) {
    const changes = Array.from({ length: i % 5 === 0 ? 3 : 1 }, (_, part) => {
      const value =
        i % 7 === 0 ? Buffer.from('bfpr'.repeat(Math.floor(next() * 300))) : randomBytes(Math.floor(next() * 3000));
      values.set(`${i}-${part}`, value);
      return { key: `${i}-${part}`, value };
    });
    await store.batch(changes);
  }
  await store.close();
  const found: Stored[] = [];
  for (const segment of await Segment.list(pristine)) {
    const handle = await open(segment.path);
    for await (const record of scanSegment(handle, { salt: segment.salt, first: segment.first, values: true })) {
      assert.equal(record.kind, 'record');
      if (record.kind !== 'record') continue;
      const { at, bytes } = record;
      found.push({ file: segment.path, at, bytes, keys: record.table.map(({ key }) => key) });
    }
    await handle.close();
  }
  assert.equal(found.length, 240);
  return found;
}

/** Damages a file; returns the bytes from `from` to `to` of the original that are not what they were. */
function damage(folder: string, next: () => number): { file: string; touched: [number, number][]; cut: boolean } {
  const names = readdirSync(folder).sort();
  const name = names[Math.floor(next() * names.length)]!;
  const content = readFileSync(join(folder, name));
  const touched: [number, number][] = [];
  let cut = false;
  const kind = Math.floor(next() * 4);
  if (kind === 0) {
    const at = Math.floor(next() * content.length);
    writeFileSync(join(folder, name), content.subarray(0, at));
    touched.push([at, content.length]);
    cut = true;
  } else if (kind === 1) {
    for (let flips = 1 + Math.floor(next() * 8); flips > 0; flips--) {
      const at = Math.floor(next() * content.length);
      content[at]! ^= 1 << Math.floor(next() * 8);
      touched.push([at, at + 1]);
    }
    writeFileSync(join(folder, name), content);
  } else if (kind === 2) {
    const at = Math.floor(next() * content.length);
    const end = Math.min(content.length, at + 1 + Math.floor(next() * 5000));
    for (let i = at; i < end; i++) content[i]! ^= 0x5a;
    touched.push([at, end]);
    writeFileSync(join(folder, name), content);
  } else {
    const at = Math.floor(next() * content.length);
    writeFileSync(join(folder, name), Buffer.concat([content.subarray(0, at), randomBytes(50), content.subarray(at)]));
    touched.push([at, at + 1]);
  }
  return { file: join(pristine, name), touched, cut };
}

const isValue = (value: Uint8Array | undefined, key: string): boolean =>
  value !== undefined && values.get(key)!.equals(value);

describe('a damaged store', () => {
  test(`opens, loses what was damaged and nothing else, and counts it (${CASES} cases)`, async () => {
    for (let seed = 0; seed < CASES; seed++) {
      const folder = join(root, 'case');
      rmSync(folder, { recursive: true, force: true });
      cpSync(pristine, folder, { recursive: true });
      const { file, touched, cut } = damage(folder, random(seed));
      const isHit = (record: Stored): boolean =>
        record.file === file && touched.some(([from, to]) => from < record.at + record.bytes && to > record.at);
      const opened = await openStore({ folder });
      const check = async (record: Stored, key: string): Promise<void> => {
        const value = await opened.store.get(key);
        if (isHit(record) && value === undefined) return;
        assert.ok(isValue(value, key), `case ${seed}: ${key}`);
      };
      await Promise.all(records.flatMap((record) => record.keys.map((key) => check(record, key))));
      assert.deepEqual(opened.failures, []);
      const hits = records.filter(isHit).flatMap(({ keys }) => keys).length + touched.length;
      const counted = opened.damage.reduce((sum, what) => sum + what.records, 0);
      const isEndOfAll = file === records.at(-1)!.file && cut;
      // Nothing tells what stood after the end of the newest file.
      if (isEndOfAll) assert.ok(counted <= hits && counted <= 1, `case ${seed}: ${counted} of ${hits}`);
      else assert.ok(counted >= 1 && counted <= hits, `case ${seed}: ${counted} of ${hits}`);
      await opened.store.set('after', Buffer.from('fine'));
      const again = await opened.reopen();
      assert.equal(String(await again.store.get('after')), 'fine', `case ${seed}`);
      const unhit = records.filter((record) => !isHit(record)).flatMap(({ keys }) => keys);
      const read = await Promise.all(unhit.map((key) => again.store.get(key)));
      for (const [index, key] of unhit.entries())
        assert.ok(isValue(read[index], key), `case ${seed}: ${key}, opened again`);
      await again.store.close();
    }
  });

  test('applies a batch that was torn not at all, and cuts it', async () => {
    const first = await openStore();
    await first.store.set('a', Buffer.from('old'));
    await first.store.batch([
      { key: 'a', value: Buffer.from('new') },
      { key: 'b', value: Buffer.from('2') },
    ]);
    await first.store.close();
    const [name] = readdirSync(first.folder);
    const whole = readFileSync(join(first.folder, name!));
    const start = whole.indexOf('old') + 3;
    for (let length = start; length < whole.length; length++) {
      writeFileSync(join(first.folder, name!), whole.subarray(0, length));
      const cut = await openStore({ folder: first.folder });
      assert.equal(String(await cut.store.get('a')), 'old');
      assert.equal(await cut.store.get('b'), undefined);
      assert.equal(cut.damage.length, length === start ? 0 : 1);
      await cut.store.close();
      assert.equal(readFileSync(join(first.folder, name!)).length, start);
    }
  });

  test('keeps the key of a damaged value, so that its owner learns of the loss', async () => {
    const first = await openStore();
    await first.store.set('lost', Buffer.from('what was here'));
    await first.store.set('kept', Buffer.from('still here'));
    await first.store.close();
    const [name] = readdirSync(first.folder);
    const content = readFileSync(join(first.folder, name!));
    content.write('WHAT', content.indexOf('what'));
    writeFileSync(join(first.folder, name!), content);
    const second = await openStore({ folder: first.folder });
    assert.deepEqual([...second.store.keys()].sort(), ['kept', 'lost']);
    assert.equal(await second.store.get('lost'), undefined);
    assert.equal(String(await second.store.get('kept')), 'still here');
    assert.deepEqual(
      second.damage.map(({ records, torn }) => ({ records, torn })),
      [{ records: 1, torn: false }],
    );
    await second.store.delete('lost');
    assert.deepEqual([...second.store.keys()], ['kept']);
    await second.store.close();
  });

  test('does not take bytes of a value for a record, even those of another log', async () => {
    const other = await openStore();
    await other.store.set('forged', Buffer.from('evil'));
    await other.store.close();
    const forged = readFileSync(join(other.folder, readdirSync(other.folder)[0]!));
    const first = await openStore();
    await first.store.set('a', Buffer.concat([Buffer.from('carrier'), forged]));
    await first.store.set('b', Buffer.from('2'));
    await first.store.close();
    const path = join(first.folder, readdirSync(first.folder)[0]!);
    const content = readFileSync(path);
    content[5]! ^= 0xff;
    writeFileSync(path, content);
    const second = await openStore({ folder: first.folder });
    assert.deepEqual([...second.store.keys()], ['b']);
    await second.store.close();
  });
});
