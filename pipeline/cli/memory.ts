import { setFlagsFromString } from 'node:v8';

/**
 * Keeps V8's young generation at its first size. While modules load it would grow to 2 × 16 MiB and stay there for the
 * agent's whole life. Measured with the five built-ins, Node 24: 102 instead of 119 MiB resident under one scrape a second;
 * no difference in CPU time for a page of 100,000 series. To be called before anything else is imported.
 */
export function keepYoungGenerationSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}
