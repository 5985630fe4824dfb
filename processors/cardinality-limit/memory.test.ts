import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Limited } from './test/limited.ts';
import { Sender } from './test/senders.ts';

const MIB = 2 ** 20;
const DISTINCT = process.env['BPFLOW_SUITE'] === 'full' ? 1_000_000 : 60_000;
const LIMIT = 1000;
const BATCH = 1000;

for (const strategy of ['first_come', 'heavy_hitters']) {
  for (const budget of [{ max_series: LIMIT }, { limits: [{ metric: '*', attributes: { path: LIMIT } }] }]) {
    test(`memory stays flat under ${DISTINCT} distinct values: ${strategy}, ${Object.keys(budget)[0]}`, () => {
      const limited = new Limited({ strategy, ...budget });
      flood(limited, 0, 10_000);
      const before = used();
      flood(limited, 10_000, DISTINCT);
      const grown = (used() - before) / MIB;
      assert.ok(grown < 8, `${grown.toFixed(1)} MiB more`);
      assert.ok(limited.report.series <= LIMIT + 1);
    });
  }
}

/** Every sender ends after its batch, and its table with it. */
function flood(limited: Limited, from: number, to: number): void {
  for (let i = from; i < to; i += BATCH) {
    const rows = Array.from({ length: BATCH }, (_, k) => ({ attributes: { path: `/${i + k}` }, value: 1 }));
    limited.metrics(new Sender('requests').deltas(rows));
    limited.wait(1000);
  }
}

function used(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
