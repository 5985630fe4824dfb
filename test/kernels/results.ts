import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MetricState } from '../../sdk/plan.ts';

/** What is known of a kernel: what the receiver has there, and how the tests of test/kernel ended. */
export interface KernelResults {
  /** `6.1.0-56-amd64`. */
  readonly release: string;
  readonly metrics: readonly MetricResult[];
  /** Programs of events that are attached, and roles that no program serves. */
  readonly events: readonly EventResult[];
  /** By file of test/kernel. */
  readonly files: Readonly<Record<string, FileResult>>;
}

export interface MetricResult {
  /** As on the page of metrics. */
  readonly name: string;
  readonly state: MetricState;
  /** Why it is not exact or not there; empty otherwise. */
  readonly reason: string;
  /** Kinds of hooks that its programs are attached to: `tp_btf`. */
  readonly rungs: readonly string[];
}

export interface EventResult {
  /** `event_exec`. */
  readonly role: string;
  /** Empty when no program serves it. */
  readonly rung: string;
  /** Why not; empty otherwise. */
  readonly reason: string;
}

export interface FileResult {
  readonly passed: number;
  readonly failed: readonly string[];
  /** Reasons, with the number of tests that were left out for each. */
  readonly skipped: Readonly<Record<string, number>>;
}

/** How a test ended: with neither, it passed. */
interface Ended {
  readonly name: string;
  readonly error?: string;
  readonly skipped?: string;
}

export function summaryOf(tests: readonly Ended[]): FileResult {
  const skipped: Record<string, number> = {};
  for (const { skipped: reason } of tests) if (reason !== undefined) skipped[reason] = (skipped[reason] ?? 0) + 1;
  return {
    passed: tests.filter((each) => each.error === undefined && each.skipped === undefined).length,
    failed: tests.filter((each) => each.error !== undefined).map(({ name }) => name),
    skipped,
  };
}

const folder = join(import.meta.dirname, 'results');

/** Undefined for a kernel that was never run. */
export function readResults(kernel: string): KernelResults | undefined {
  const path = join(folder, `${kernel}.json`);
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as KernelResults) : undefined;
}

/** Of every kernel that was ever run, the oldest first, those for arm64 after the others. */
export function allResults(): readonly KernelResults[] {
  const labels = readdirSync(folder).map((file) => file.replace('.json', ''));
  return labels.sort(byVersion).map((label) => readResults(label)!);
}

function byVersion(a: string, b: string): number {
  const arm64 = (label: string) => Number(label.endsWith('-arm64'));
  return arm64(a) - arm64(b) || a.localeCompare(b, 'en', { numeric: true });
}

/** Puts what is new over what is known of the kernel. */
export function writeResults(kernel: string, { files, ...rest }: Partial<KernelResults>): void {
  const known = readResults(kernel);
  const all = Object.entries({ ...known?.files, ...files }).sort(([a], [b]) => (a < b ? -1 : 1));
  const merged = { release: '', metrics: [], events: [], ...known, ...rest, files: Object.fromEntries(all) };
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${kernel}.json`), `${JSON.stringify(merged, undefined, 1)}\n`);
}
