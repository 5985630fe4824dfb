import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Keeps V8's young generation at its first size. While modules load it would grow to 2 × 16 MiB and stay there for the
 * agent's whole life. Measured with the five built-ins, Node 24: 102 instead of 119 MiB resident under one scrape a second;
 * no difference in CPU time for a page of 100,000 series. To be called before anything else is imported.
 */
export function keepYoungGenerationSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}

/**
 * Gives back what setting up has left, once: 10 to 15 MiB in about 40 ms. V8 would wait for memory to get scarce.
 * Does nothing on a Node that offers no collector.
 */
export function releaseSetupMemory(): void {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('globalThis.gc');
  setFlagsFromString('--no-expose-gc');
  if (typeof collect === 'function') collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
