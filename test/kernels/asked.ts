import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './guest.ts';

/** Every file of test/kernel whose tests are run in guests. */
export const FILES = readdirSync(join(root, 'test', 'kernel'))
  .filter((file) => file.endsWith('.test.ts'))
  .sort();

/** Whether this kernel is to be run: `BPFLOW_KERNELS=5.10,7` names some, all otherwise. */
export function isAsked(kernel: string): boolean {
  const asked = listOf('BPFLOW_KERNELS');
  return asked.length === 0 || asked.includes(kernel);
}

/**
 * The files to run on a kernel: those of `BPFLOW_FILES=dns,network`, with `BPFLOW_FILES=left` those that did not pass there or
 * were not reached in the last run of all, otherwise all.
 */
export function filesOf(kernel: string): readonly string[] {
  const asked = listOf('BPFLOW_FILES');
  if (asked.includes('left')) return leftOf(kernel);
  if (asked.length > 0) return asked.map((name) => `${name}.test.ts`);
  writeLeft(kernel, FILES);
  return FILES;
}

/** To be called of each file that passed. */
export function hasPassed(kernel: string, file: string): void {
  writeLeft(
    kernel,
    leftOf(kernel).filter((left) => left !== file),
  );
}

function leftOf(kernel: string): readonly string[] {
  const path = pathOf(kernel);
  if (!existsSync(path)) return FILES;
  const left = readFileSync(path, 'utf8').split('\n');
  return FILES.filter((file) => left.includes(file));
}

function writeLeft(kernel: string, files: readonly string[]): void {
  mkdirSync(join(root, 'build', 'kernels'), { recursive: true });
  writeFileSync(pathOf(kernel), files.map((file) => `${file}\n`).join(''));
}

/** One name a line. */
function pathOf(kernel: string): string {
  return join(root, 'build', 'kernels', `${kernel}.left`);
}

function listOf(variable: string): readonly string[] {
  return (process.env[variable] ?? '').split(/[\s,]+/).filter((name) => name !== '');
}
