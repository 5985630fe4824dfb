import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Bpf } from '../sdk/bpf.ts';
import { BpfError } from '../sdk/bpf.ts';
import { loadBpf } from './index.ts';

function assertUnsupported(bpf: Bpf, message: RegExp): void {
  assert.deepEqual(bpf.capabilities(), []);
  assert.equal(bpf.possibleCpus, 0);
  for (const use of [() => bpf.open('x'), () => bpf.enableStats(), () => bpf.dropCapabilities([])]) {
    assert.throws(use, (error) => {
      assert.ok(error instanceof BpfError);
      assert.equal(error.code, 'unsupported');
      assert.match(error.message, message);
      return true;
    });
  }
}

describe('loading the addon', () => {
  it('gives a kernel that says so where there is no Linux', () => {
    for (const platform of ['darwin', 'win32', 'freebsd'] as const) {
      assertUnsupported(loadBpf({ platform }), /^eBPF collector is only supported on Linux\.$/);
    }
  });

  it('gives a kernel that names the missing addon and the command that builds it', () => {
    const addonPath = join(tmpdir(), 'bpflow-no-such-addon.node');
    assertUnsupported(
      loadBpf({ platform: 'linux', addonPath }),
      /^The native addon cannot be loaded \(.*bpflow-no-such-addon\.node.*: build it with scripts\/build-addon\.sh\.$/s,
    );
  });

  it('gives a kernel that says why a broken addon cannot be loaded', () => {
    const folder = mkdtempSync(join(tmpdir(), 'bpflow-native-'));
    try {
      const addonPath = join(folder, 'bpflow.node');
      writeFileSync(addonPath, 'no shared object');
      const bpf = loadBpf({ platform: 'linux', addonPath });
      assertUnsupported(bpf, /^The native addon cannot be loaded \(.*\): build it/s);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
