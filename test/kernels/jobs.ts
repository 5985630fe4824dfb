import type { Ended, Job } from './guest.ts';
import type { KernelResults } from './results.ts';

/** What the receiver has there with everything switched on. */
export const PLAN: Job = {
  name: 'plan',
  seconds: 3600,
  command: (file) => `node --conditions=source test/kernels/plan-here.ts ${file}`,
};

/** What `PLAN` found. Throws when it failed. */
export function planOf({ status, output, found }: Ended): Omit<KernelResults, 'files'> {
  if (status !== 0) throw new Error(`The guest ended with ${status}.\n${output}`);
  return JSON.parse(found) as Omit<KernelResults, 'files'>;
}

/** The tests of a file of test/kernel. */
export function testsOf(name: string): Job {
  const options = '--conditions=source --disable-warning=ExperimentalWarning --test --test-timeout=1200000';
  const reporter = '--test-reporter=./test/kernels/lines-reporter.js --test-reporter-destination=';
  return { name, seconds: 3600, command: (file) => `node ${options} ${reporter}${file} test/kernel/${name}` };
}

/** How a test ended in a guest: with neither, it passed. */
export interface GuestResult {
  readonly name: string;
  readonly error?: string;
  readonly skipped?: string;
}

/** How the tests of a file ended; a file that did not come to its end is one more that failed. */
export function resultsOf({ status, output, found }: Ended): readonly GuestResult[] {
  const lines = found.split('\n').filter((line) => line !== '');
  const results = lines.map((line) => JSON.parse(line) as GuestResult);
  const isWhole = status === 0 || (status === 1 && results.some(({ error }) => error !== undefined));
  if (isWhole && results.length > 0) return results;
  return [...results, { name: 'the whole file', error: `ended with ${status}\n${output}` }];
}
