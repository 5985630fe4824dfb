/**
 * Whether the processor is emulated and the files stand in memory, as in the guests of test/kernels: all the kernel does for a
 * process beside its own work, as at exec and exit, takes tens of ms there, and no page comes from a disk.
 */
export const isEmulated = process.env['BPFLOW_EMULATED'] === 'yes';

/** So much of a work whose amount says nothing of itself: a tenth of it where the processor is emulated. */
export function many(count: number): number {
  return isEmulated ? count / 10 : count;
}

/** How long something may take before the wait for it ends, ms: ten times as long where the processor is emulated. */
export function patience(ms: number): number {
  return isEmulated ? 10 * ms : ms;
}
