import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createScope, SeriesInterner } from 'bpflow/sdk';
import { PressureSource } from './pressure.ts';

const folder = mkdtempSync(join(tmpdir(), 'bpflow-pressure-'));
after(() => rmSync(folder, { recursive: true }));

const path = join(folder, 'memory');

function source(file: string): PressureSource {
  return new PressureSource({ interner: new SeriesInterner(), scope: createScope('test', '0'), path: file });
}

function write(some: number, full: number): void {
  const line = (kind: string, total: number) => `${kind} avg10=0.00 avg60=0.12 avg300=0.00 total=${total}\n`;
  writeFileSync(path, line('some', some) + line('full', full));
}

function grown(pressure: PressureSource): number[] {
  pressure.collect();
  const metric = pressure.metrics[0]!.build(2n, 1n);
  pressure.metrics[0]!.accepted();
  return metric?.kind === 'sum' ? [...metric.points.values].map(Number) : [];
}

test('stalls since the start of the agent, in nanoseconds, and none twice', () => {
  write(1_000_000, 500);
  const pressure = source(path);
  assert.deepEqual(grown(pressure), []);
  write(1_000_007, 501);
  assert.deepEqual(grown(pressure), [7000, 1000]);
  assert.deepEqual(grown(pressure), []);
});

test('a kernel without the file, or with PSI switched off, has no metric', () => {
  assert.deepEqual(grown(source(join(folder, 'missing'))), []);
  writeFileSync(path, '');
  assert.deepEqual(grown(source(path)), []);
});

test('a file that is gone for one reading loses and doubles nothing', () => {
  write(1000, 10);
  const pressure = source(path);
  rmSync(path);
  assert.deepEqual(grown(pressure), []);
  write(1007, 11);
  assert.deepEqual(grown(pressure), [7000, 1000]);
});
