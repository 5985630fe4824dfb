import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { filesOf, hasPassed, isAsked } from './asked.ts';
import { isBuilt, KERNELS, releaseOf, root, runInGuest } from './guest.ts';
import { PLAN, planOf, resultsOf, testsOf } from './jobs.ts';
import { summaryOf, writeResults } from './results.ts';

const isPlanAsked = process.env['BPFLOW_PLAN'] !== 'no';

for (const kernel of KERNELS) {
  const skip = reasonToSkip(kernel) ?? false;
  describe(skip === false ? `Linux ${releaseOf(kernel)}` : `Linux ${kernel}`, { skip }, () => {
    after(writePage);

    const files = skip === false ? filesOf(kernel) : [];
    const guest = runInGuest(kernel, [...(isPlanAsked ? [PLAN] : []), ...files.map(testsOf)]);
    const next = async () => {
      const { value } = await guest.next();
      assert.ok(value !== undefined, 'the guest could not be started');
      return value;
    };
    test('what the receiver has there', { skip: !isPlanAsked && 'BPFLOW_PLAN is no' }, async () =>
      writeResults(kernel, planOf(await next())),
    );
    for (const file of files) {
      test(file, async (t) => {
        const results = resultsOf(await next());
        const summary = summaryOf(results);
        writeResults(kernel, { files: { [file]: summary } });
        if (summary.failed.length === 0) hasPassed(kernel, file);
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
  if (!isAsked(kernel)) return 'BPFLOW_KERNELS does not name it';
  if (!isBuilt(kernel)) return `build/kernels has no ${kernel}: scripts/build-kernels.sh fetches and unpacks it`;
  return undefined;
}
