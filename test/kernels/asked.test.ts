import { deepEqual, ok } from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { FILES, filesOf, hasPassed, isAsked } from './asked.ts';
import { root } from './guest.ts';

/** No kernel has this label. */
const LABEL = `asked-${process.pid}`;

afterEach(() => {
  delete process.env['BPFLOW_FILES'];
  delete process.env['BPFLOW_KERNELS'];
  rmSync(join(root, 'build', 'kernels', `${LABEL}.left`), { force: true });
});

test('all files are run, and after that those that are left: without what has passed', () => {
  ok(FILES.includes('dns.test.ts'));
  deepEqual(filesOf(LABEL), FILES);
  hasPassed(LABEL, 'dns.test.ts');
  process.env['BPFLOW_FILES'] = 'left';
  deepEqual(
    filesOf(LABEL),
    FILES.filter((file) => file !== 'dns.test.ts'),
  );
});

test('files and kernels may be named, in an order', () => {
  process.env['BPFLOW_FILES'] = 'network, dns';
  deepEqual(filesOf(LABEL), ['network.test.ts', 'dns.test.ts']);
  ok(isAsked('5.10'));
  process.env['BPFLOW_KERNELS'] = '6.12 7';
  deepEqual(['5.10', '6.12', '7'].map(isAsked), [false, true, true]);
});
