import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isBuilt, KERNELS, releaseOf, testInGuest } from './guest.ts';

/** What is run in each guest: every way down the ladders, then what the groups count, against ground truth. */
const FILES = ['rungs.test.ts', 'resources.test.ts', 'families.test.ts', 'network.test.ts', 'block.test.ts'] as const;

for (const kernel of KERNELS) {
  const skip = reasonToSkip(kernel) ?? false;
  describe(skip === false ? `Linux ${releaseOf(kernel)}` : `Linux ${kernel}`, { skip }, () => {
    for (const file of FILES) {
      test(file, async (t) => {
        for (const { name, error, skipped } of await testInGuest(kernel, file)) {
          await t.test(name, { skip: skipped ?? false }, () => assert.equal(error, undefined));
        }
      });
    }
  });
}

function reasonToSkip(kernel: string): string | undefined {
  if (process.env['BPFLOW_SUITE'] !== 'full') return 'takes ten minutes and more; needs BPFLOW_SUITE=full';
  if (!isBuilt(kernel)) return `build/kernels has no ${kernel}: scripts/build-kernels.sh fetches and unpacks it`;
  return undefined;
}
