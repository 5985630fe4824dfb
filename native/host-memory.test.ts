import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { loadHostMemory } from './index.ts';
import { addonPath, bpf } from './test/programs.ts';

const skip = bpf.possibleCpus === 0 && 'needs Linux and the native addon: scripts/build-addon.sh';
const memory = loadHostMemory(addonPath === undefined ? {} : { addonPath });
const MIB = 1 << 20;
const TMPFS = 0x0102_1994;
const folder = mkdtempSync(join(tmpdir(), 'bpflow-memory-'));
after(() => rmSync(folder, { recursive: true }));

describe('the memory of the host', () => {
  it('gets back the pages of program files, and the program goes on', { skip }, () => {
    const addon = addonPath === undefined ? '{}' : JSON.stringify({ addonPath });
    const script = `
      const { readFileSync } = await import('node:fs');
      const { gzipSync, gunzipSync } = await import('node:zlib');
      const { loadHostMemory } = await import(${JSON.stringify(new URL('./index.ts', import.meta.url).href)});
      const resident = () => Number(/RssFile:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024;
      const memory = loadHostMemory(${addon});
      const work = () => gunzipSync(gzipSync(JSON.stringify(Array.from({ length: 10000 }, (_, i) => ({ i }))))).length;
      const expected = work();
      const before = resident();
      const released = memory.releaseMappedFiles();
      const after = resident();
      globalThis.gc();
      console.log(JSON.stringify({ before, released, after, same: work() === expected, again: memory.releaseMappedFiles() > 0 }));
    `;
    const flags = ['--conditions=source', '--expose-gc', '--input-type=module', '-e'];
    const { stdout, stderr, status } = spawnSync(process.execPath, [...flags, script], { encoding: 'utf8' });
    assert.deepEqual([status, stderr], [0, '']);
    const { before, released, after: left, same, again } = JSON.parse(stdout);
    assert.ok(released > 8 << 20, `${released} bytes were released`);
    assert.ok(left < before - released / 2, `${left} of ${before} bytes are left`);
    assert.deepEqual([same, again], [true, true]);
  });

  it('loses what is on the disk', { skip: skip || cannotSeeTheCache() }, async () => {
    const path = join(folder, 'written');
    const cached = () => Number(spawnSync('fincore', ['-nrbo', 'RES', path], { encoding: 'utf8' }).stdout);
    const fd = openSync(path, 'w');
    writeSync(fd, Buffer.alloc(16 * MIB, 1));
    assert.equal(cached(), 16 * MIB);
    // The first call begins the writing. What the kernel keeps together stays together, at most 2 MiB.
    for (let tries = 0; cached() > 10 * MIB && tries < 200; tries++) {
      await memory.releaseFileCache(fd, 0, 8 * MIB);
      await wait(25);
    }
    assert.ok(cached() <= 10 * MIB && cached() >= 8 * MIB, `${cached()} bytes are left`);
  });

  it('is not told about files that are none', { skip }, async () => {
    await memory.releaseFileCache(1_000_000, 0, 1);
    for (const wrong of [['a', 0, 1], [0, -1, 1], [0]] as [number, number, number][]) {
      assert.throws(() => memory.releaseFileCache(...wrong), { name: 'TypeError' });
    }
  });

  it('keeps everything where there is no addon', async () => {
    for (const options of [{ platform: 'darwin' }, { addonPath: join(folder, 'no-such-addon.node') }] as const) {
      const none = loadHostMemory(options);
      assert.equal(none.releaseMappedFiles(), 0);
      assert.equal(await none.releaseFileCache(0, 0, 1), undefined);
    }
  });
});

function cannotSeeTheCache(): string | false {
  if (spawnSync('fincore', ['--version'], { stdio: 'ignore' }).status !== 0) return 'needs fincore (util-linux)';
  return statfsSync(folder).type === TMPFS && 'needs a temporary folder that is on a disk';
}
