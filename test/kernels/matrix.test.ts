import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { isBuilt, KERNELS, planInGuest, releaseOf, root, testInGuest } from './guest.ts';
import { summaryOf, writeResults } from './results.ts';

/** What is run in each guest: every way down the ladders, what the groups count against ground truth, events, and the agent's life. */
const FILES = [
  'rungs.test.ts',
  'resources.test.ts',
  'families.test.ts',
  'network.test.ts',
  'messages.test.ts',
  'namespaces.test.ts',
  'block.test.ts',
  'events.test.ts',
  'events-file.test.ts',
  'events-tcp.test.ts',
  'events-container.test.ts',
  'events-channel.test.ts',
  'faults.test.ts',
  'lifecycle.test.ts',
  'plan.test.ts',
] as const;

for (const kernel of KERNELS) {
  const skip = reasonToSkip(kernel) ?? false;
  describe(skip === false ? `Linux ${releaseOf(kernel)}` : `Linux ${kernel}`, { skip }, () => {
    after(writePage);

    test('what the receiver has there', async () => writeResults(kernel, await planInGuest(kernel)));

    for (const file of FILES) {
      test(file, async (t) => {
        const results = await testInGuest(kernel, file);
        writeResults(kernel, { files: { [file]: summaryOf(results) } });
        for (const { name, error, skipped } of results) {
          await t.test(name, { skip: skipped ?? false }, () => assert.equal(error, undefined));
        }
      });
    }
  });
}

/** docs/reference/kernels.md, from what is known of each kernel. */
function writePage(): void {
  const script = join(root, 'scripts', 'generate-kernels.ts');
  execFileSync(process.execPath, ['--conditions=source', script], { cwd: root, stdio: 'inherit' });
}

function reasonToSkip(kernel: string): string | undefined {
  if (process.env['BPFLOW_SUITE'] !== 'full') return 'takes an hour and more; needs BPFLOW_SUITE=full';
  if (!isBuilt(kernel)) return `build/kernels has no ${kernel}: scripts/build-kernels.sh fetches and unpacks it`;
  return undefined;
}
