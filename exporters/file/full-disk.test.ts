import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { encodeOtlp, encodeOtlpJson } from 'bpflow/sdk';
import { sampleBatch } from 'bpflow/testing';
import { workbench } from './test/workbench.ts';

const folder = mkdtempSync(join(tmpdir(), 'bpflow-full-'));
const mounted = mountSmall(folder);
after(() => {
  if (mounted === undefined) spawnSync('umount', [folder]);
  rmSync(folder, { recursive: true, force: true });
});
const { at, read, run } = workbench(folder);

describe('a full disk', { skip: mounted ?? false }, () => {
  for (const format of ['json', 'proto'] as const) {
    test(`is reported, waited for, and leaves no part of a message (${format})`, async () => {
      const path = at(`o.${format}`);
      const { exporter, give, scope } = await run({ path, format });
      const batch = sampleBatch('logs');
      const body = Buffer.from(format === 'json' ? encodeOtlpJson(batch) : encodeOtlp(batch));
      const length = Buffer.alloc(4);
      length.writeUInt32BE(body.length);
      const message = format === 'json' ? Buffer.concat([body, Buffer.of(10)]) : Buffer.concat([length, body]);
      fill(at('filler'));
      let given = 0;
      while (given * message.length < 3 * 4096) {
        await give(batch);
        given++;
      }
      await exporter.flush!();
      assert.equal(scope.lastHealth?.state, 'degraded');
      assert.match(scope.lastHealth!.summary, /no space left on device/);
      assert.equal(statSync(path).size % message.length, 0, 'whole messages only');

      // One page is free: a part of what waits fits.
      writeFileSync(at('filler'), Buffer.alloc(statSync(at('filler')).size - 4096));
      await exporter.flush!();
      const some = statSync(path).size / message.length;
      assert.ok(some > 0 && some < given && Number.isInteger(some), `${some} of ${given} messages`);
      assert.equal(exporter.held!(), (given - some) * batch.length);

      unlinkSync(at('filler'));
      await exporter.flush!();
      assert.deepEqual(read(`o.${format}`), Buffer.concat(Array.from({ length: given }, () => message)));
      assert.equal(scope.lastHealth?.state, 'ok');
      assert.equal(scope.items.totals.dropped, 0);
      assert.equal(scope.logs.filter(({ level }) => level === 'warn').length, 1);
      await exporter.stop!();
      unlinkSync(path);
    });
  }

  test('does not keep the agent from starting', async () => {
    fill(at('filler'));
    const { exporter, give, scope } = await run({ path: at('late.json'), append: true });
    const batch = sampleBatch('traces');
    await give(batch);
    await exporter.flush!();
    unlinkSync(at('filler'));
    await exporter.flush!();
    assert.equal(read('late.json').toString(), `${Buffer.from(encodeOtlpJson(batch))}\n`);
    assert.equal(scope.lastHealth?.state, 'ok');
  });
});

/** A file system of 256 KiB; the reason where it cannot be had. */
function mountSmall(path: string): string | undefined {
  if (process.getuid?.() !== 0) return 'only root can mount a small file system';
  const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', path], {
    encoding: 'utf8',
  });
  return status === 0 ? undefined : `no small file system: ${stderr?.trim() || 'mount is missing'}`;
}

function fill(path: string): void {
  try {
    writeFileSync(path, Buffer.alloc(1 << 20));
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
  }
}
