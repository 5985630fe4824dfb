import assert from 'node:assert/strict';
import { fstatSync, statSync } from 'node:fs';
import { describe, test } from 'node:test';
import { type Batch, HOST_MEMORY, type HostMemory, LogBuilder } from 'bpflow/sdk';
import { type Services, until, workbench } from './test/workbench.ts';

const MIB = 1 << 20;
const { at, run } = workbench();
const mebibyte = logOf('x'.repeat(MIB));

describe('the page cache', () => {
  test('loses what was written but for the end, while the file grows', async () => {
    const path = at('grows.json');
    const released: { readonly file: number; readonly start: number; readonly end: number; readonly size: number }[] =
      [];
    const { give } = await run(
      { path },
      memory(async (fd, start, length) => {
        released.push({ file: fstatSync(fd).ino, start, end: start + length, size: statSync(path).size });
      }),
    );
    for (let i = 1; i <= 80; i++) {
      await give(mebibyte);
      await until('the write', () => statSync(path).size >= i * MIB);
    }
    let reached = 0;
    for (const { file, start, end, size } of released) {
      assert.equal(file, statSync(path).ino);
      assert.ok(start <= reached, 'nothing is left out');
      assert.ok(end > reached && end <= size - 16 * MIB, 'the end stays');
      reached = end;
    }
    assert.ok(reached >= 55 * MIB, `${reached} bytes were released`);
  });

  test('is told once at a time, holds up no write, and is done with a file before it is closed', async () => {
    const path = at('slow.json');
    const disk = Promise.withResolvers<void>();
    let asked = 0;
    const { give, exporter } = await run(
      { path },
      memory(() => {
        asked++;
        return disk.promise;
      }),
    );
    for (let i = 1; i <= 40; i++) {
      await give(mebibyte);
      await until('the write', () => statSync(path).size >= i * MIB);
    }
    assert.equal(asked, 1);
    let stopped = false;
    const stopping = Promise.resolve(exporter.stop!()).then(() => {
      stopped = true;
    });
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(stopped, false);
    disk.resolve();
    await stopping;
  });

  test('keeps what was there before an agent appends', async () => {
    const path = at('appended.json');
    const { give, exporter } = await run({ path });
    for (let i = 0; i < 20; i++) await give(mebibyte);
    await exporter.stop!();
    const { size } = statSync(path);
    const starts: number[] = [];
    const second = await run(
      { path, append: true },
      memory(async (_fd, start) => void starts.push(start)),
    );
    for (let i = 1; i <= 30; i++) {
      await second.give(mebibyte);
      await until('the write', () => statSync(path).size >= size + i * MIB);
    }
    assert.ok(starts.length > 0);
    assert.equal(Math.min(...starts), size);
  });
});

function memory(releaseFileCache: HostMemory['releaseFileCache']): Services {
  return [[HOST_MEMORY, { releaseMappedFiles: () => 0, releaseFileCache } satisfies HostMemory]];
}

function logOf(body: string): Batch {
  const builder = new LogBuilder();
  builder.add({ time: 1n, body });
  return builder.take()!;
}
