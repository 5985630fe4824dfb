import { type Threshold, thresholdOf } from 'bpflow/sdk';

/** Binary digits by which one of so many is chosen in the kernel: 1 in 2^shift, the power of two nearest to this percentage (1 to 100). */
export function sampleShiftOf(percentage: number): number {
  return Math.round(Math.log2(100 / percentage));
}

/** What an item that was chosen so stands for, as the OpenTelemetry specification writes it; undefined when all are. */
export function sampleThresholdOf(shift: number): Threshold | undefined {
  return shift === 0 ? undefined : thresholdOf(2 ** -shift, 14);
}

/** What becomes of a histogram, in one sentence; undefined when everything is timed. */
export function sampledTiming({ sampleShift: shift }: { readonly sampleShift: number }): string | undefined {
  if (shift === 0) return undefined;
  const times = 2 ** shift;
  return `sample_rate: one in ${times} is timed, by chance, and counts ${times} times; of n the count is within 5 × √(${times - 1} n).`;
}
